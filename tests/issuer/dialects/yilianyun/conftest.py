from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yilianyun
from lingpai.issuer.passwords import Passwords
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.issuer.conftest import CHEAP
from tests.issuer.dialects.yilianyun.realms import NOW, Realm, serving_realm


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def yilianyun_issuer(store: SqliteIssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("yilianyun", yilianyun.POLICY, store, ring, clock, Passwords(CHEAP))


@pytest.fixture
async def realm(yilianyun_issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    async with serving_realm(yilianyun_issuer, http) as served:
        yield served
