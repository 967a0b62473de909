from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import mall
from lingpai.issuer.passwords import Passwords
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.issuer.conftest import CHEAP
from tests.issuer.dialects.mall.realms import NOW, Realm, serving_realm


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def mall_issuer(store: SqliteIssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("mall", mall.POLICY, store, ring, clock, Passwords(CHEAP))


@pytest.fixture
async def realm(mall_issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving_realm(mall_issuer, http) as served:
        yield served
