"""Fetches what a stranger's word names, such as a client's `jwks_uri`, and reaches nothing inside (threats G74, L111).

Only `https`; every address that the host has must be global (RFC 6890), and one of just these is connected to, so a
name that resolves differently a moment later leads nowhere. No redirect is followed, no proxy and no cookie is used, no
body is decompressed, and a fetch ends after `SECONDS` or `MAX_BODY` bytes, whichever comes first.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeVar
from urllib.parse import SplitResult, urlencode, urlsplit

from lingpai.core.addresses import unmapped
from lingpai.http_client.pool import HttpPool, HttpRequest, Resolve
from lingpai.http_client.response import HttpResponse, LostError

SECONDS: Final = 5.0
MAX_BODY: Final = 64 * 1024
MAX_URL: Final = 2048
BY_HOST: Final = 2
"""Fetches from one host at a time."""
_HTTPS: Final = 443
_HTTP: Final = 80
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""RFC 6052: its last four bytes are an IPv4 address."""
_URL: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]*")
"""Characters of addresses (RFC 3986 §2)."""
_OK: Final = 200
_HEADERS: Final = (("accept", "application/json"), ("accept-encoding", "identity"))
_ACCEPTED: Final = frozenset({200, 204})

T = TypeVar("T")
Address = IPv4Address | IPv6Address


class FetchError(Exception):
    """Nothing was fetched; says why, without what a server answered."""


class AnswerError(FetchError):
    """A server outside was reached, and answered something else than such a document."""


class Fetched(NamedTuple):
    """A document: its bytes, and its headers by names in lower case, of repeated ones the last."""

    body: bytes
    headers: Mapping[str, str]


class Answered(NamedTuple):
    """An answer: its status, the type of its body, and that."""

    status: int
    content_type: str
    body: bytes


class Fetcher:
    """Fetches documents of strangers.

    Args:
        allowed: CIDR blocks that may be reached although they are not global: an operator's own network.
        seconds: for a fetch in all.
        resolve: finds the addresses of a host.
        trust: the certificates that are trusted; the system's when None.
        plain: whether http is good enough for addresses in `allowed`.
        by_host: fetches from one host at a time.
    """

    def __init__(
        self,
        allowed: Sequence[str] = (),
        *,
        seconds: float = SECONDS,
        resolve: Resolve | None = None,
        trust: ssl.SSLContext | None = None,
        plain: bool = False,
        by_host: int = BY_HOST,
    ) -> None:
        self._by_host = by_host
        self._allowed = tuple(ip_network(block, strict=False) for block in allowed)
        self._seconds = seconds
        self._resolve = resolve or _resolve
        self._trust = trust
        self._plain = plain
        self._turns: dict[str, tuple[asyncio.Semaphore, list[None]]] = {}

    async def fetch(self, url: str) -> bytes:
        """Return the body of a JSON document; see `fetch_document`."""
        return (await self.fetch_document(url)).body

    async def fetch_document(self, url: str, most: int = MAX_BODY) -> Fetched:
        """Return a JSON document of at most so many bytes.

        Raises:
            FetchError: the address may not be fetched, or there was no such document in time.
        """

        async def read(response: HttpResponse) -> Fetched:
            if response.status != _OK:
                raise AnswerError(f"it answers {response.status}")
            if (response.header(b"content-encoding") or "identity") != "identity":
                raise AnswerError("it is compressed")
            headers = {
                name.decode("latin-1"): value.decode("latin-1").strip() for name, value in response.lines
            }
            return Fetched(await self._read(response, most), headers)

        return await self._call(HttpRequest("GET", url, _HEADERS), read)

    async def post(self, url: str, form: Mapping[str, str]) -> None:
        """Post a form; what is answered besides the status does not count.

        Raises:
            FetchError: the address may not be called, or did not answer with 200 or 204 in time.
        """
        body = urlencode(form).encode()
        status = await self.send(url, body, {"content-type": "application/x-www-form-urlencoded"})
        if status not in _ACCEPTED:
            raise FetchError(f"it answers {status}")

    async def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post a body and return the status; what is answered besides does not count.

        Raises:
            FetchError: the address may not be called, or did not answer in time.
        """

        async def read_status(response: HttpResponse) -> int:
            return response.status

        return await self._call(HttpRequest("POST", url, (*_HEADERS, *headers.items()), body), read_status)

    async def ask(self, url: str, body: bytes, headers: Mapping[str, str], most: int = MAX_BODY) -> Answered:
        """Post a body and return what is answered, of at most so many bytes, whatever its status is.

        Raises:
            FetchError: the address may not be called, or did not answer in time.
        """

        async def read(response: HttpResponse) -> Answered:
            kind = response.header(b"content-type") or ""
            return Answered(response.status, kind, await self._read(response, most))

        return await self._call(HttpRequest("POST", url, (*_HEADERS, *headers.items()), body), read)

    async def _call(self, request: HttpRequest, read: Callable[[HttpResponse], Awaitable[T]]) -> T:
        parts = check_fetchable(request.url, plain=self._plain)
        encrypted = parts.scheme == "https"
        host, port = parts.hostname or "", parts.port or (_HTTPS if encrypted else _HTTP)
        try:
            async with asyncio.timeout(self._seconds), self._turn(host):
                addresses = await self._resolve(host, port)
                self._check(addresses, encrypted=encrypted)
                return await self._ask(request, addresses, read)
        except TimeoutError as error:
            raise FetchError("it took too long") from error
        except (OSError, ValueError) as error:
            raise FetchError(f"it cannot be reached: {type(error).__name__}") from error

    async def _ask(
        self, request: HttpRequest, addresses: Sequence[str], read: Callable[[HttpResponse], Awaitable[T]]
    ) -> T:
        """Make a call by a connection to one of these addresses, whatever its host resolves to by now."""

        async def pinned(_host: str, _port: int) -> Sequence[str]:
            return addresses

        pool = HttpPool(self._seconds, trust=self._trust, resolve=pinned)
        try:
            response = await pool.send(request, self._seconds)
            try:
                await response.head(self._seconds)
            except LostError:
                if not response.headed:
                    raise  # else its body alone cannot be read, which not everybody does
            return await read(response)
        finally:
            pool.close()

    async def _read(self, response: HttpResponse, most: int) -> bytes:
        if (response.length or 0) > most:
            raise AnswerError("it is too large")
        body = b""
        while chunk := await response.read(self._seconds):
            body += chunk
            if len(body) > most:
                raise AnswerError("it is too large")
        return body

    @contextlib.asynccontextmanager
    async def _turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a place among the fetches of a host, which is forgotten when nobody waits for it any more."""
        turns, users = self._turns.setdefault(host, (asyncio.Semaphore(self._by_host), []))
        users.append(None)
        try:
            async with turns:
                yield
        finally:
            users.pop()
            if not users:
                self._turns.pop(host, None)

    def _check(self, addresses: Sequence[str], *, encrypted: bool) -> None:
        if not addresses:
            raise FetchError("its host has no address")
        for text in addresses:
            address = unmapped(ip_address(text.partition("%")[0]))
            within = any(address in block for block in self._allowed)
            if not encrypted and not within:
                raise FetchError("http is only good enough within networks that are allowed")
            if not (within or is_global(address)):
                raise FetchError("its host has an address that is not public")


def check_fetchable(url: str, *, plain: bool = False) -> SplitResult:
    """Return the parts of an address that may be fetched, as far as the address itself says.

    Args:
        url: the address.
        plain: whether http will do.

    Raises:
        FetchError: it is not an absolute https address without user and fragment.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise FetchError("it is not an address") from error
    if parts.scheme not in ("https", "http" if plain else "https") or not parts.hostname or port == 0:
        raise FetchError("it is not an https address")
    if "@" in parts.netloc or "#" in url or len(url) > MAX_URL or not _URL.fullmatch(url):
        raise FetchError("it has a user, a fragment or odd characters, or is too long")
    return parts


def is_global(address: Address) -> bool:
    """Return whether an address is public, and so is an IPv4 address in it (RFC 6890, 6052, 3056, 4380)."""
    address = unmapped(address)
    carried: list[Address] = []
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            carried.append(IPv4Address(int(address) & 0xFFFFFFFF))
        carried += [address.sixtofour] if address.sixtofour is not None else []
        carried += list(address.teredo or ())
    return all(
        each.is_global
        and not (each.is_multicast or each.is_reserved or each.is_unspecified or each.is_link_local)
        for each in (address, *carried)
        if each not in _NAT64
    )


async def _resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
