from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yzb
from lingpai.issuer.passwords import Passwords
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.issuer.conftest import CHEAP
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.yzb.realms import NOW, Realm, make_realm


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def yzb_issuer(store: SqliteIssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("yzb", yzb.POLICY, store, ring, clock, Passwords(CHEAP))


@pytest.fixture
async def realm(yzb_issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving(yzb.routes(yzb_issuer), (("", yzb.SHAPE), *yzb.fallback())) as url:
        yield await make_realm(yzb_issuer, url, http)
