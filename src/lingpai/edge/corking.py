"""Joining what is written in one turn of the loop.

uvicorn writes head and body apart, a system call each. And a send wakes up whoever waits for it, often on another core,
which costs more than all the rest of it: the answers of one turn, sent one right after the other, find him awake.
"""

import asyncio
from typing import Any


class Outbox:
    """The connections of a server that were written to in this turn; what was written goes out at its end."""

    def __init__(self) -> None:
        self._waiting: list[CorkedTransport] = []

    def add(self, transport: "CorkedTransport", loop: asyncio.AbstractEventLoop) -> None:
        """Have a transport flushed at the end of the turn."""
        if not self._waiting:
            loop.call_soon(self._flush)
        self._waiting.append(transport)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for transport in waiting:
            transport.flush()


class CorkedTransport:
    """A transport whose writes go out together at the end of the turn; everything else is the transport's own.

    Args:
        transport: the real one.
        loop: the running loop.
        outbox: shared by all connections of the server.
    """

    __slots__ = ("_loop", "_outbox", "_pending", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, outbox: Outbox) -> None:
        self._transport = transport
        self._loop = loop
        self._outbox = outbox
        self._pending: list[bytes] = []

    def write(self, data: bytes) -> None:
        """See `asyncio.WriteTransport.write`."""
        if not self._pending:
            self._outbox.add(self, self._loop)
        self._pending.append(data)

    def flush(self) -> None:
        """Write what is pending."""
        pending = self._pending
        if pending:
            data = pending[0] if len(pending) == 1 else b"".join(pending)
            pending.clear()
            if not self._transport.is_closing():
                self._transport.write(data)

    def is_closing(self) -> bool:
        """See `asyncio.BaseTransport.is_closing`."""
        return self._transport.is_closing()

    def write_eof(self) -> None:
        """See `asyncio.WriteTransport.write_eof`."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """See `asyncio.BaseTransport.close`: what was written goes out first."""
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        """See `asyncio.WriteTransport.abort`: what was written does not."""
        self._pending.clear()
        self._transport.abort()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
