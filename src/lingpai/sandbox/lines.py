"""The connection a call came by, so that a fault can break it as a network does."""

import asyncio
import socket
import struct
from typing import Final

from lingpai.edge.endpoint import Line

_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
_LOOK_EVERY: Final = 0.02
_BEGUN: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 64\r\n\r\n{"


async def gone(line: Line, limit: float) -> None:
    """Come back when the client has left, or after ``limit`` seconds (of real time)."""
    loop = asyncio.get_running_loop()
    until = loop.time() + limit
    # Polled: a connection does not report that it is lost, as no other endpoint wants to know.
    while loop.time() < until and not line.transport.is_closing():  # noqa: ASYNC110 - see above
        await asyncio.sleep(min(_LOOK_EVERY, limit))


def drop(line: Line) -> None:
    """Reset the connection before any byte of an answer; on a kept-alive one a client may ask again by itself."""
    sock = line.transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    line.transport.abort()


async def reset(line: Line) -> None:
    """Reset the connection within the answer, which no client takes for a stale connection and asks again."""
    if not line.transport.is_closing():
        line.transport.write(_BEGUN)
        await asyncio.sleep(_LOOK_EVERY)  # a reset discards what has not left yet
    drop(line)
