from collections.abc import AsyncIterator
from pathlib import Path

import argon2
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.issuer.worlds import World, make_world

CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.ephemeral()


@pytest.fixture
def policy() -> Policy:
    return Policy(code=300, refresh=30 * 86400)


@pytest.fixture
async def store(tmp_path: Path, ring: KeyRing, clock: VirtualClock) -> AsyncIterator[SqliteIssuerStore]:
    opened = await SqliteIssuerStore.open(tmp_path / "lingpai.db", ring, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def issuer(policy: Policy, store: SqliteIssuerStore, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open("yzb", policy, store, ring, clock, Passwords(CHEAP))


@pytest.fixture
async def world(issuer: Issuer, ring: KeyRing) -> World:
    return await make_world(issuer, ring)
