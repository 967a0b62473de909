"""The server's connections, so that a fault can break one as a network does."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any, Final, cast

import falcon.asgi
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lingpai.edge.targets import names_one_host

_TRANSPORT: Final = "lingpai.transport"
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
_LOOK_EVERY: Final = 0.02
_BEGUN: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 64\r\n\r\n{"


class OpenWire(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which also puts the connection's transport into the ASGI scope."""

    def on_headers_complete(self) -> None:
        """A head is there: it has to name one host.

        Raises:
            ValueError: it does not; the parser then has 400 answered.
        """
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if not names_one_host(self.headers, version, method, self.url):
            raise ValueError("the request names no host, or several")
        super().on_headers_complete()

    def on_message_begin(self) -> None:
        """A request begins: its scope gets the extension ``lingpai.transport``."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # a TypedDict that knows no extension of ours
        scope["extensions"] = {_TRANSPORT: self.transport}


def _transport(req: falcon.asgi.Request) -> asyncio.Transport | None:
    transport = req.scope.get("extensions", {}).get(_TRANSPORT)
    return cast("asyncio.Transport | None", transport)  # uvloop's is none by inheritance


async def gone(req: falcon.asgi.Request, limit: float) -> None:
    """Come back when the client has left, or after ``limit`` seconds (of real time)."""
    transport = _transport(req)
    loop = asyncio.get_running_loop()
    until = loop.time() + limit
    # Polled: uvicorn owns the protocol, and tells an app of a lost connection only while the app reads.
    while loop.time() < until and not (transport and transport.is_closing()):  # noqa: ASYNC110 - see above
        await asyncio.sleep(min(_LOOK_EVERY, limit))


async def _broken_off() -> AsyncIterator[bytes]:
    yield b"{"
    raise ConnectionResetError("fault: the answer breaks off here")


def drop(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
    """Reset the connection before any byte of an answer; on a kept-alive one a client may ask again by itself.

    Where another server runs the app, the answer breaks off instead.
    """
    transport = _transport(req)
    if transport is None:
        resp.set_stream(_broken_off(), 2)
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()


async def reset(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
    """Reset the connection within the answer, which no client takes for a stale connection and asks again."""
    transport = _transport(req)
    if transport is not None:
        transport.write(_BEGUN)
        await asyncio.sleep(_LOOK_EVERY)  # a reset discards what has not left yet
    drop(req, resp)
