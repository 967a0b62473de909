from collections.abc import AsyncIterator
from typing import NamedTuple

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.store.issuer_port import IssuerStore
from tests.helpers.passwords import CHEAP
from tests.issuer.engines import WIRE_ENGINES, ready_engine


@pytest.fixture(params=WIRE_ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return ready_engine(request)


class Dialect(NamedTuple):
    """What the folder of a dialect gives with its fixture `dialect`."""

    name: str
    policy: Policy
    now: float


@pytest.fixture
def clock(dialect: Dialect) -> VirtualClock:
    return VirtualClock(dialect.now)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
async def issuer(dialect: Dialect, store: IssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open(dialect.name, dialect.policy, store, ring, clock, Passwords(CHEAP))
