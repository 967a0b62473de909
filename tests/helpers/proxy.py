"""A forward proxy on this machine, as a company's way out is one: HTTP (RFC 9110 §9.3.6) and SOCKS 5 (RFC 1928, 1929).

It resolves names by a table of its own first, so that a client which keeps its own host name reaches a server here.
"""

import asyncio
import base64
import contextlib
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

Place = tuple[str, int]
_SOCKS: Final = b"\x05"
_REFUSED: Final = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
_UNREACHABLE: Final = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Proxy:
    """A proxy that runs.

    Attributes:
        port: where, on 127.0.0.1.
        asked: what it was asked for, in order: "CONNECT host:port", "GET http://…", "SOCKS host:port".
        peers: addresses that its clients had.
    """

    def __init__(self, names: Mapping[Place, Place], login: str) -> None:
        self.port = 0
        self.asked: list[str] = []
        self.peers: list[str] = []
        self._names = names
        self._login = login
        self._open: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self, certificate: ssl.SSLContext | None) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=certificate)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.peers.append(writer.get_extra_info("peername")[0])
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                first = await reader.readexactly(1)
                await (self._socks if first == _SOCKS else self._http)(first, reader, writer)
        finally:
            self._open.discard(task)
            await _end(writer)

    async def _http(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = first + await reader.readuntil(b"\r\n\r\n")
        line, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        method, target, _ = line.decode().split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (each.partition(b":") for each in lines)}
        if self._login and fields.get(b"proxy-authorization") != _basic(self._login):
            writer.write(_REFUSED)
            await writer.drain()
            return
        self.asked.append(f"{method} {target}")
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        try:
            there = await self._connect((parts.hostname or "", parts.port or 80))
        except OSError:
            writer.write(_UNREACHABLE)
            await writer.drain()
            return
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
            kept = [each for each in lines if not each.lower().startswith((b"proxy-", b"connection:"))]
            there[1].write(
                b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *kept, b"connection: close", b"", b""])
            )
        await _join((reader, writer), there)

    async def _socks(self, _first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x05\x02" if self._login else b"\x05\x00")
        if self._login:
            await reader.readexactly(1)
            name, password = [(await reader.readexactly((await reader.readexactly(1))[0])) for _ in range(2)]
            right = b":".join((name, password)) == self._login.encode()
            writer.write(b"\x01\x00" if right else b"\x01\x01")
            if not right:
                await writer.drain()
                return
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = ".".join(map(str, await reader.readexactly(4)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        self.asked.append(f"SOCKS {host}:{port}")
        try:
            there = await self._connect((host, port))
        except OSError:
            writer.write(b"\x05\x04\x00\x01" + bytes(6))
            await writer.drain()
            return
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        await _join((reader, writer), there)

    async def _connect(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._names.get(place, place))


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(here: Ends, there: Ends) -> None:
    """Copy both ways until either side ends."""
    try:
        ways = [asyncio.ensure_future(_copy(*pair)) for pair in ((here[0], there[1]), (there[0], here[1]))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
    finally:
        await _end(there[1])


async def _end(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()


def _basic(login: str) -> bytes:
    return b"Basic " + base64.b64encode(login.encode())


@contextlib.asynccontextmanager
async def proxying(
    names: Mapping[Place, Place] | None = None,
    *,
    login: str = "",
    certificate: ssl.SSLContext | None = None,
) -> AsyncIterator[Proxy]:
    """A proxy in this event loop while the block runs.

    Args:
        names: where it connects to instead, by host and port.
        login: `name:password` that it demands.
        certificate: for TLS between client and proxy.
    """
    proxy = Proxy(names or {}, login)
    async with proxy.running(certificate):
        yield proxy


@contextlib.contextmanager
def proxying_in_thread(names: Mapping[Place, Place] | None = None) -> Iterator[Proxy]:
    """The same in a thread, for tests without a loop."""
    proxy, up, end = Proxy(names or {}, ""), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        async with proxy.running(None):
            up.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),), name="proxy")
    thread.start()
    try:
        assert up.wait(20), "the proxy did not start"
        yield proxy
    finally:
        loops[0].call_soon_threadsafe(end.set)
        thread.join()
