"""The pools of connections of a process: one for each way out, and others for forwarded calls."""

from typing import TYPE_CHECKING, NamedTuple

from lingpai.http_client.pool import HttpPool, HttpRequest, split_url
from lingpai.keeper.platforms.way_out import WayOut
from lingpai.keeper.proxies import Proxy, proxy_for
from lingpai.keeper.trust import trusting

if TYPE_CHECKING:
    from lingpai.http_client.response import HttpResponse
    from lingpai.keeper.by_proxy import ProxiedResponse, Sessions

AT_ONCE = 100
"""Calls at a time that are not forwarded."""


class _Origin(NamedTuple):
    """A server, and how it is reached."""

    way: WayOut
    address: str


class _Pool(NamedTuple):
    """The options that connections of one pool share."""

    ca_bundle: str
    source_address: str
    streams: bool


class Ways:
    """The ways to all platforms.

    Args:
        connect: seconds for making a connection.
    """

    def __init__(self, connect: float) -> None:
        self._connect = connect
        self._proxies: dict[_Origin, Proxy | None] = {}
        self._pools: dict[_Pool, HttpPool] = {}
        self._sessions: Sessions | None = None

    async def send(
        self, request: HttpRequest, way: WayOut, total: float, *, streams: bool = False
    ) -> "HttpResponse | ProxiedResponse":
        """Send a request, once, and return its answer, whose head is still to come.

        Args:
            request: what to send.
            way: how the platform is reached.
            total: seconds for the whole call, the answer's body included.
            streams: for forwarded calls, which any number may be of: fetches of tokens never wait for a connection of
                theirs.

        Raises:
            OSError, ValueError, CallError, ImportError: `cause_of` says why it was not sent.
            TimeoutError: no connection could be made in time.
        """
        proxy = self._proxy(request.url, way)
        if proxy is not None:
            return self._by_proxy().prepare(request, way, proxy, total, streams=streams)
        return await self._pool(way, streams=streams).send(request, total)

    async def presented(self, url: str, way: WayOut, total: float) -> bytes | None:
        """Return the certificate (DER) that the server presents, whoever signed it; None when there is none."""
        return await self._by_proxy().presented(url, way, proxy_for(url, way), total)

    async def close(self) -> None:
        """Close all connections."""
        while self._pools:
            _, pool = self._pools.popitem()
            pool.close()
        if self._sessions is not None:
            await self._sessions.close()
            self._sessions = None

    def _proxy(self, url: str, way: WayOut) -> Proxy | None:
        """Return what `proxy_for` says; asked once for each server, as it reads the environment."""
        key = _Origin(way, split_url(url)[0])
        if key not in self._proxies:
            self._proxies[key] = proxy_for(url, way)
        return self._proxies[key]

    def _pool(self, way: WayOut, *, streams: bool) -> HttpPool:
        key = _Pool(way.ca_bundle, way.source_address, streams)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = HttpPool(
                self._connect,
                limit=None if streams else AT_ONCE,
                trust=trusting(way.ca_bundle) if way.ca_bundle else None,
                source=way.source_address,
            )
        return pool

    def _by_proxy(self) -> "Sessions":
        """Return the client of proxies, which few use, so that its import waits for the first."""
        if self._sessions is None:
            from lingpai.keeper.by_proxy import Sessions  # noqa: PLC0415  a tenth of a worker's memory

            self._sessions = Sessions(self._connect)
        return self._sessions
