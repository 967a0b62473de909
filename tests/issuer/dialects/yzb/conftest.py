import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.core.wire import Route, Shape
from lingpai.edge.app import create_app
from lingpai.edge.server import Listener, Serving, bind, url_of
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yzb
from lingpai.issuer.passwords import Passwords
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.issuer.conftest import CHEAP
from tests.issuer.dialects.yzb.realms import NOW, Realm, make_realm

Fallback = tuple[tuple[str, Shape], ...]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@contextlib.asynccontextmanager
async def serving(routes: tuple[Route, ...], fallback: Fallback) -> AsyncIterator[str]:
    """Serve routes on a free port, in this loop; gives the base URL."""
    with bind("127.0.0.1", 0) as bound:
        server = Serving([Listener(create_app(routes, (("", yzb.SHAPE), *fallback)), [bound])])
        ready = asyncio.Event()
        running = asyncio.create_task(server.run(ready.set))
        try:
            await ready.wait()
            yield url_of(bound)
        finally:
            server.stop()
            await running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def yzb_issuer(store: SqliteIssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("yzb", yzb.POLICY, store, ring, clock, Passwords(CHEAP))


@pytest.fixture
async def realm(yzb_issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving(yzb.routes(yzb_issuer), yzb.fallback()) as url:
        yield await make_realm(yzb_issuer, url, http)
