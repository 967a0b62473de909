"""The connections of a process to servers that it calls: made when needed, and kept a while for the next call."""

import asyncio
import functools
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohappyeyeballs

from lingpai.http_client.connection import HttpConnection
from lingpai.http_client.response import HttpResponse, LostError

IDLE_SECONDS: Final = 15.0
"""Seconds for which an unused connection is kept."""
RESOLVED_SECONDS: Final = 10.0
"""Seconds for which the addresses of a host are kept."""
_NEXT_ADDRESS: Final = 0.25
"""Seconds after which the next address of a host is tried beside the one that does not answer (RFC 8305)."""
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
"""Methods whose requests have no length when they have no body."""
_ALPN: Final = ("http/1.1",)

Body = bytes | AsyncIterator[bytes]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host, to connect to at a port."""


class HttpRequest(NamedTuple):
    """A request as it is sent.

    Attributes:
        method: in capitals.
        url: absolute, with its query, all encoded.
        headers: all but `host`, `user-agent` and `transfer-encoding`; `content-length` only for a body in pieces.
        body: whole, or piece by piece.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]] = ()
    body: Body = b""


class _Origin:
    """A server, by scheme, host and port, and the connections to it that nobody uses."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("not an http or https address")
        self.encrypted = parts.scheme == "https"
        self.host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        self.port = parts.port or (443 if self.encrypted else 80)
        named = f"[{self.host}]" if ":" in self.host else self.host
        self.named = named if parts.port is None else f"{named}:{parts.port}"
        self.idle: list[tuple[HttpConnection, float]] = []
        self.resolved: tuple[float, list[Any]] = (0.0, [])


class HttpPool:
    """A pool of connections.

    Args:
        connect: seconds for making a connection, TLS included.
        limit: requests at a time; more wait. None for any number.
        trust: the certificates that are trusted; the system's when None.
        source: an address of this machine from which connections are made, or "" for any.
        resolve: finds the addresses of a host; the system does when None.
    """

    def __init__(
        self,
        connect: float,
        *,
        limit: int | None = None,
        trust: ssl.SSLContext | None = None,
        source: str = "",
        resolve: Resolve | None = None,
    ) -> None:
        self._connect_seconds = connect
        self._turns = None if limit is None else asyncio.Semaphore(limit)
        self._trust, self._source, self._resolve_host = trust, source, resolve
        self._origins: dict[str, _Origin] = {}
        self._busy: dict[HttpConnection, _Origin] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def send(self, request: HttpRequest, total: float) -> HttpResponse:
        """Send a request, once, and return its answer, whose head is still to come.

        Args:
            request: what to send.
            total: seconds for the whole call, the answer's body included.

        Raises:
            OSError: no connection could be made; `ssl.SSLError` and `socket.gaierror` are such.
            TimeoutError: none could be made in time.
            ValueError: the address or a header cannot be sent.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + total
        address, target = split_url(request.url)
        origin = self._origins.get(address)
        if origin is None:
            origin = self._origins[address] = _Origin(address)
        head, chunked = _head_of(request, target, origin.named)
        turns = self._turns
        if turns is not None:
            async with asyncio.timeout_at(end):
                await turns.acquire()
        connection = None
        try:
            connection = _unused(origin, loop.time()) or await self._connect(origin, loop, end)
        finally:
            if connection is None and turns is not None:
                turns.release()
        self._busy[connection] = origin
        try:
            return connection.request(
                head, request.body, end, bodiless=request.method == "HEAD", chunked=chunked
            )
        except LostError:  # it was closed before it was one of the busy ones
            self._forget(connection)
            raise

    def close(self) -> None:
        """Close all connections, also those that are in use."""
        idle = [connection for origin in self._origins.values() for connection, _ in origin.idle]
        for connection in (*idle, *self._busy):
            connection.abort()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    async def _connect(self, origin: _Origin, loop: asyncio.AbstractEventLoop, end: float) -> HttpConnection:
        async with asyncio.timeout_at(end):
            infos = await self._resolve(origin, loop)
        local = aiohappyeyeballs.addr_to_addr_infos((self._source, 0)) if self._source else None
        async with asyncio.timeout_at(min(end, loop.time() + self._connect_seconds)):
            sock = await aiohappyeyeballs.start_connection(
                infos, local_addr_infos=local, happy_eyeballs_delay=_NEXT_ADDRESS, interleave=1, loop=loop
            )
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _, connection = await loop.create_connection(
                    functools.partial(HttpConnection, loop, self._free, self._forget),
                    sock=sock,
                    ssl=(self._trust or _system()) if origin.encrypted else None,
                    server_hostname=origin.host if origin.encrypted else None,
                )
            except BaseException:
                sock.close()
                raise
        return connection

    async def _resolve(self, origin: _Origin, loop: asyncio.AbstractEventLoop) -> list[Any]:
        until, infos = origin.resolved
        if until <= loop.time():
            if self._resolve_host is not None:
                infos = _infos(await self._resolve_host(origin.host, origin.port), origin.port)
            else:
                infos = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
            origin.resolved = loop.time() + RESOLVED_SECONDS, infos
        return infos

    def _free(self, connection: HttpConnection) -> None:
        """An answer is complete, and its connection can be used again."""
        origin = self._leave(connection)
        if origin is None:
            return
        loop = asyncio.get_running_loop()
        origin.idle.append((connection, loop.time()))
        if self._sweep is None:
            self._sweep = loop.call_later(IDLE_SECONDS, self._close_idle)

    def _forget(self, connection: HttpConnection) -> None:
        """A connection is closed."""
        self._leave(connection)

    def _leave(self, connection: HttpConnection) -> _Origin | None:
        origin = self._busy.pop(connection, None)
        if origin is not None and self._turns is not None:
            self._turns.release()
        return origin

    def _close_idle(self) -> None:
        self._sweep = None
        loop = asyncio.get_running_loop()
        now, any_left = loop.time(), False
        for origin in self._origins.values():
            old = [each for each, since in origin.idle if each.closed or since + IDLE_SECONDS <= now]
            origin.idle = [pair for pair in origin.idle if pair[0] not in old]
            any_left = any_left or bool(origin.idle)
            for connection in old:
                connection.abort()
        if any_left:
            self._sweep = loop.call_later(IDLE_SECONDS, self._close_idle)


def _infos(addresses: Iterable[str], port: int) -> list[Any]:
    """Return IP addresses as `socket.getaddrinfo` does."""
    return [info for each in addresses for info in aiohappyeyeballs.addr_to_addr_infos((each, port)) or ()]


def _unused(origin: _Origin, now: float) -> HttpConnection | None:
    """Return the connection that was used last, if it is fresh enough that the server will not have closed it."""
    while origin.idle:
        connection, since = origin.idle.pop()
        if connection.closed:
            continue
        if since + IDLE_SECONDS > now:
            return connection
        connection.abort()
    return None


def split_url(url: str) -> tuple[str, str]:
    """Return scheme and authority of an absolute address, and the rest of it, which begins with `/`."""
    scheme, separator, rest = url.partition("://")
    authority, slash, target = rest.partition("/")
    if not slash:
        authority, mark, query = rest.partition("?")
        target = mark + query
    return f"{scheme}{separator}{authority}", f"/{target}"


def _head_of(request: HttpRequest, target: str, host: str) -> tuple[bytes, bool]:
    """Return the head of a request, and whether its body is sent as chunks (RFC 9112 §6.1).

    Raises:
        ValueError: a header has a line end in it.
    """
    method, _, headers, body = request
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}", "user-agent: Lingpai"]
    lines += [f"{name}: {value}" for name, value in headers]
    chunked = False
    if isinstance(body, bytes):
        if body or method not in _BODILESS:
            lines.append(f"content-length: {len(body)}")
    elif not _names(headers, "content-length"):
        chunked = True
        lines.append("transfer-encoding: chunked")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head:
        raise ValueError("a header has a line end in it")
    return f"{head}\r\n\r\n".encode(), chunked


def _names(headers: Iterable[tuple[str, str]], name: str) -> bool:
    return any(each == name for each, _ in headers)


def _system() -> ssl.SSLContext:
    """Return what trusts the system's certificate authorities; SSL_CERT_FILE and SSL_CERT_DIR name others."""
    return _trusting(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@functools.lru_cache(maxsize=4)
def _trusting(_file: str | None, _directory: str | None) -> ssl.SSLContext:
    # OpenSSL reads both variables by itself; they are arguments so that a change of either makes another context.
    context = ssl.create_default_context()
    context.set_alpn_protocols(_ALPN)
    return context
