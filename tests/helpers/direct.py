"""An application of the edge, asked without a socket: the connection is the real one, its transport is not."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPMessage, parse_headers
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlencode

from uvicorn.server import ServerState

from lingpai.edge.connection import Connection
from lingpai.edge.endpoint import Application
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.site import Site

HOST = "127.0.0.1"
"""What requests name in their `Host` header."""


@dataclass(frozen=True)
class Result:
    """An answer."""

    status_code: int
    headers: HTTPMessage
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @cached_property
    def json(self) -> Any:
        return json.loads(self.content)


class _Transport(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self, peer: str) -> None:
        super().__init__({"peername": (peer, 40000), "sockname": ("127.0.0.1", 80)})
        self.written = bytearray()
        self.grown = asyncio.Event()
        self._closing = False

    def write(self, data: Any) -> None:
        self.written += data
        self.grown.set()

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        self.grown.set()

    def abort(self) -> None:
        self.close()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.grown.set()

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0


class Direct:
    """Asks an application; each request comes on a connection of its own. Used in one event loop."""

    def __init__(self, app: Application) -> None:
        self._state = ServerState()
        self._site = Site(app, ProtocolLimits(head_bytes=1 << 20))

    async def ask(
        self,
        method: str,
        path: str,
        *,
        peer: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        body: bytes | str | None = None,
    ) -> Result:
        """The answer to one request."""
        data = _request(method, path, headers or {}, params or {}, json, body)
        return await self.ask_bytes(data, method, peer=peer)

    async def finish(self) -> None:
        """Wait until every request has come to its end, also those whose connection is lost."""
        while self._state.tasks:
            await asyncio.wait(list(self._state.tasks))

    async def ask_bytes(self, data: bytes, method: str = "GET", *, peer: str = "127.0.0.1") -> Result:
        """The answer to one request as it is on the wire."""
        transport = _Transport(peer)
        config: Any = SimpleNamespace(loaded_app=self._site)
        connection = Connection(config, self._state, {})
        connection.connection_made(transport)
        connection.data_received(data)
        try:
            while (found := _answer(method, bytes(transport.written))) is None:
                assert not transport.is_closing(), "the connection ended without an answer"
                transport.grown.clear()
                await transport.grown.wait()
        finally:
            transport.close()
            connection.connection_lost(None)
        return found


def ask_once(app: Application, method: str, path: str, **more: Any) -> Result:
    """The answer to one request, for tests without a loop."""

    async def ask() -> Result:
        return await Direct(app).ask(method, path, **more)

    return asyncio.run(ask())


def _request(
    method: str,
    path: str,
    headers: Mapping[str, str],
    params: Mapping[str, Any],
    document: Any,
    body: bytes | str | None,
) -> bytes:
    content = body.encode() if isinstance(body, str) else body or b""
    sent = {name.lower(): value for name, value in headers.items()}
    if document is not None:
        content = json.dumps(document).encode()
        sent.setdefault("content-type", "application/json")
    sent.setdefault("host", HOST)
    if content:
        sent["content-length"] = str(len(content))
    given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
    query = urlencode({name: value for name, value in given.items() if value is not None}, doseq=True)
    target = quote(path, safe="/?&=%+:@,;~!$'()*") + (f"?{query}" if query else "")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + content


def _answer(method: str, said: bytes) -> Result | None:
    head, end, content = said.partition(b"\r\n\r\n")
    if not end:
        return None
    first, _, lines = head.partition(b"\r\n")
    headers = parse_headers(BytesIO(lines + end))
    length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
    if len(content) < length:
        return None
    if headers.get("content-type") == "application/x-ndjson" and not content.endswith(b"0\r\n\r\n"):
        return None  # it is sent in chunks, and has an end
    return Result(int(first.split(b" ")[1]), headers, content)
