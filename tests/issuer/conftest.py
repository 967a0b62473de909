from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.store.issuer_port import IssuerStore
from tests.helpers.passwords import CHEAP
from tests.issuer.engines import ENGINES, ready_engine
from tests.issuer.harness import Harness, make_world


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.ephemeral()


@pytest.fixture
def policy() -> Policy:
    return Policy(code=300, refresh=30 * 86400)


@pytest.fixture(params=list(ENGINES))
def engine_name(request: pytest.FixtureRequest) -> str:
    return ready_engine(request)


@pytest.fixture
async def store(
    engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock
) -> AsyncIterator[IssuerStore]:
    opened = await ENGINES[engine_name](tmp_path, ring, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def issuer(policy: Policy, store: IssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("yzb", policy, store, ring, clock, Passwords(CHEAP))


@pytest.fixture
async def harness(issuer: Issuer, ring: KeyRing) -> Harness:
    return await make_world(issuer, ring)
