"""Joining what is written in one turn of the loop: uvicorn writes head and body apart, a system call each."""

import asyncio
from typing import Any


class CorkedTransport:
    """A transport whose writes go out together at the end of the turn; everything else is the transport's own.

    Args:
        transport: the real one.
        loop: the running loop.
    """

    __slots__ = ("_loop", "_pending", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pending: list[bytes] = []

    def write(self, data: bytes) -> None:
        """See `asyncio.WriteTransport.write`."""
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(data)

    def write_at_once(self, data: bytes) -> None:
        """Write what nothing will follow this turn."""
        if self._pending:
            self._pending.append(data)
        else:
            self._transport.write(data)

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport.is_closing`."""
        return self._transport.is_closing()

    def write_eof(self) -> None:
        """See `asyncio.WriteTransport.write_eof`."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """See `asyncio.BaseTransport.close`: what was written goes out first."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """See `asyncio.WriteTransport.abort`: what was written does not."""
        self._pending.clear()
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            if not self._transport.is_closing():
                self._transport.write(data)
