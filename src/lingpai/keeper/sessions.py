"""The pools of connections of a process: one for each way out, and others for forwarded calls."""

import functools
import ssl
from typing import Any, NamedTuple

import aiohttp

from lingpai.keeper.platforms.way_out import WayOut
from lingpai.keeper.proxies import Proxy


class LostError(aiohttp.ClientConnectionError):
    """The connection broke under a call; the message is the name of the client's own exception."""


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
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise LostError(type(error).__name__) from None


class Sessions:
    """The HTTP client's sessions, opened when they are needed."""

    def __init__(self) -> None:
        self._open: dict[_Pool, aiohttp.ClientSession] = {}

    def open(self, way: WayOut, proxy: Proxy | None, *, streams: bool = False) -> aiohttp.ClientSession:
        """Return the session for calls by this way and proxy.

        Args:
            way: how the platform is reached.
            proxy: what `proxy_for` says of it.
            streams: for forwarded calls, which any number may be of: fetches of tokens never wait for a connection of
                theirs.
        """
        socks = proxy.url if proxy is not None and proxy.is_socks else ""
        pool = _Pool(way.ca_bundle, way.source_address, socks, streams)
        session = self._open.get(pool)
        if session is None:
            session = self._open[pool] = aiohttp.ClientSession(
                connector=_connector(pool), cookie_jar=aiohttp.DummyCookieJar(), middlewares=(_once,)
            )
        return session

    async def close(self) -> None:
        """Close all connections."""
        while self._open:
            _, session = self._open.popitem()
            await session.close()


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


def looking() -> tuple[ssl.SSLContext, list[bytes]]:
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


@functools.lru_cache(maxsize=64)
def trusting(ca_bundle: str) -> ssl.SSLContext:
    """Return what trusts the certificate authorities of a file, and no others.

    Raises:
        OSError: the file cannot be read, or has no certificate in it.
    """
    return ssl.create_default_context(cafile=ca_bundle)
