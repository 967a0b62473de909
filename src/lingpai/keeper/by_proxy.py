"""Calls by a proxy, and a look at certificates that nobody trusts: by aiohttp, which is imported for these alone."""

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
import yarl

from lingpai.http_client.pool import HttpRequest
from lingpai.http_client.response import BEFORE_ANSWER, READABLE, UNKNOWN_CODING, LostError, codings_of
from lingpai.keeper.platforms.way_out import WayOut
from lingpai.keeper.proxies import Proxy
from lingpai.keeper.trust import trusting
from lingpai.keeper.unreached import CallError, cause_of, untrusted

_FAILURES = (aiohttp.ClientError, OSError, ValueError, ImportError)


class _Pool(NamedTuple):
    """The options that connections of one pool share."""

    ca_bundle: str
    source_address: str
    socks: str
    streams: bool


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware: aiohttp sends a GET a second time after these two exceptions, and after no other."""
    try:
        return await send(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        raise _SentOnceError from None


class _SentOnceError(aiohttp.ClientConnectionError):
    """The connection broke under a call."""


class ProxiedResponse:
    """An answer that comes by a proxy; as `http_client.response.HttpResponse`.

    Args:
        request: sent when the head is waited for.
    """

    def __init__(self, request: "WatchedRequest") -> None:
        self.status = 0
        self.lines: list[tuple[bytes, bytes]] = []
        self._request = request
        self._answer: aiohttp.ClientResponse | None = None

    @property
    def complete(self) -> bool:
        """True when all of its body has come."""
        return self._answer is not None and self._answer.content.at_eof()

    @property
    def length(self) -> int | None:
        """Bytes of the body as it is read, or None when that is not known yet."""
        answer = self._answer
        if answer is None or "content-encoding" in answer.headers:
            return None
        return answer.content_length

    def header(self, name: bytes) -> str | None:
        """Return the value of a header, the first of several, or None."""
        return None if self._answer is None else self._answer.headers.get(name.decode())

    async def head(self, stall: float) -> None:
        """Send the request, and wait for the head of its answer.

        Args:
            stall: seconds in which it must come, from the last piece of the request that was sent.

        Raises:
            CallError: it will not come.
            TimeoutError: it did not come in time.
        """
        answer = self._answer = await self._request.send(stall)
        self.status = answer.status
        self.lines = [(name.lower(), value) for name, value in answer.raw_headers]
        if self._request.request.method != "HEAD" and not READABLE.issuperset(codings_of(self.lines)):
            self.close()
            raise LostError(UNKNOWN_CODING)

    async def read(self, stall: float) -> bytes:
        """Return what has come of the body, or wait for some; b"" after its end.

        Args:
            stall: seconds in which some must come.

        Raises:
            CallError: the rest will not come.
            TimeoutError: nothing came in time.
        """
        if self._answer is None:
            raise AssertionError("the head comes before the body")
        try:
            async with asyncio.timeout(stall):
                return await self._answer.content.readany()
        except TimeoutError:
            raise
        except _FAILURES as error:
            raise _failed(error) from error

    def close(self) -> None:
        """Want no more of it."""
        if self._answer is not None:
            if self.complete:
                self._answer.release()
            else:
                self._answer.close()


class WatchedRequest(NamedTuple):
    """A request by a proxy, and the session that sends it."""

    request: HttpRequest
    session: aiohttp.ClientSession
    proxy: str | None
    timeout: aiohttp.ClientTimeout

    async def send(self, stall: float) -> aiohttp.ClientResponse:
        """Send it; each piece of its body puts off the end of the wait to `stall` seconds from then.

        Raises:
            CallError: no connection, or no answer.
            TimeoutError: no answer in time.
        """
        method, url, headers, body = self.request
        async with asyncio.timeout(stall) as watch:
            data = body or None if isinstance(body, bytes) else _watched(body, watch, stall)
            try:
                return await self.session.request(
                    method,
                    yarl.URL(url, encoded=True),
                    headers=headers,
                    data=data,
                    allow_redirects=False,
                    proxy=self.proxy,
                    skip_auto_headers=("Content-Type",),
                    timeout=self.timeout,
                )
            except TimeoutError:
                raise
            except _FAILURES as error:
                raise _failed(error) from error


async def _watched(body: AsyncIterator[bytes], watch: asyncio.Timeout, stall: float) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()

    def put_off() -> None:
        # When the head came before the end of the body, nobody waits for it any more.
        with contextlib.suppress(RuntimeError):
            watch.reschedule(loop.time() + stall)

    async for piece in body:
        put_off()
        yield piece
        put_off()


class Sessions:
    """The sessions of aiohttp, opened when they are needed.

    Args:
        connect: seconds for making the connection.
    """

    def __init__(self, connect: float) -> None:
        self._connect = connect
        self._open: dict[_Pool, aiohttp.ClientSession] = {}

    def prepare(
        self, request: HttpRequest, way: WayOut, proxy: Proxy, total: float, *, streams: bool
    ) -> ProxiedResponse:
        """Return the answer to a request, which is sent when its head is waited for.

        Args:
            request: what to send.
            way: how the platform is reached.
            proxy: what `proxy_for` says of it.
            total: seconds for the whole call, the answer's body included.
            streams: for forwarded calls, which any number may be of.

        Raises:
            CallError: no session can be opened.
        """
        socks = proxy.url if proxy.is_socks else ""
        try:
            session = self._session(_Pool(way.ca_bundle, way.source_address, socks, streams))
        except _FAILURES as error:
            raise _failed(error) from error
        timeout = aiohttp.ClientTimeout(total=total, sock_connect=min(self._connect, total))
        return ProxiedResponse(WatchedRequest(request, session, None if socks else proxy.url, timeout))

    async def presented(self, url: str, way: WayOut, proxy: Proxy | None, total: float) -> bytes | None:
        """Return the certificate (DER) that the server at `url` presents, whoever signed it; None when there is none.

        Nothing is sent there but a request for its address, as nobody knows who answers.
        """
        context, seen = _looking()
        with contextlib.suppress(*_FAILURES):
            socks = proxy.url if proxy is not None and proxy.is_socks else ""
            session = self._session(_Pool(way.ca_bundle, way.source_address, socks, streams=False))
            by = None if proxy is None or socks else proxy.url
            timeout = aiohttp.ClientTimeout(total=total, sock_connect=min(self._connect, total))
            async with session.get(url, allow_redirects=False, proxy=by, timeout=timeout, ssl=context):
                pass
        return seen[-1] if seen else None

    async def close(self) -> None:
        """Close all connections."""
        while self._open:
            _, session = self._open.popitem()
            await session.close()

    def _session(self, pool: _Pool) -> aiohttp.ClientSession:
        session = self._open.get(pool)
        if session is None:
            session = self._open[pool] = aiohttp.ClientSession(
                connector=_connector(pool),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "Lingpai"},
                middlewares=(_once,),
            )
        return session


def _connector(pool: _Pool) -> aiohttp.TCPConnector:
    options: dict[str, Any] = {}
    if pool.streams:
        options["limit"] = 0
    if pool.ca_bundle:
        options["ssl"] = trusting(pool.ca_bundle)
    if pool.source_address:
        options["local_addr"] = (pool.source_address, 0)
    if pool.socks:
        from lingpai.keeper.socks import connector_of  # noqa: PLC0415  which needs an extra

        return connector_of(pool.socks, **options)
    return aiohttp.TCPConnector(**options)


def _looking() -> tuple[ssl.SSLContext, list[bytes]]:
    """Return what trusts everybody, to look at certificates, and the list of those (DER) that it is presented."""
    seen: list[bytes] = []

    class Looking(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            presented = self.getpeercert(binary_form=True)
            if presented is not None:
                seen.append(presented)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.sslobject_class = Looking
    return context, seen


def _failed(error: Exception) -> Exception:
    """Return a failure of aiohttp's as one of ours, without the addresses in its text."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return CallError(untrusted(error.certificate_error), untrusted=True)
    match error:
        case _SentOnceError():
            return LostError(BEFORE_ANSWER)
        case aiohttp.ClientConnectorSSLError():
            said = f"TLS failed: {getattr(error.os_error, 'reason', None) or type(error).__name__}"
        case aiohttp.ClientProxyConnectionError():
            said = "the proxy cannot be reached"
        case aiohttp.ClientHttpProxyError():
            said = f"the proxy answered {error.status}"
        case aiohttp.ClientConnectorDNSError():
            said = "the connection failed: its host name cannot be resolved"
        case aiohttp.ClientConnectorError() if error.os_error.errno:
            said = f"the connection failed: {os.strerror(error.os_error.errno)}"
        case _ if type(error).__name__ == "SocksRefusedError":  # of an extra that may not be installed
            said = f"the proxy refused: {error}"
        case _:
            said = cause_of(error)
    return CallError(said)
