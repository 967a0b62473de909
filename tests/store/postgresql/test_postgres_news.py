"""Who waits for a change hears of it at once, from any node; and without any news it is only later."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Budget, Caller
from lingpai.store.postgresql import PostgresStore
from lingpai.store.postgresql.listener import INSURANCE
from tests.helpers.postgres import Place, database_at
from tests.store.postgresql.hardship import run
from tests.store.sample import TTL, account, key_of, lease_on, renew, trouble

SILENT = (
    "DROP TRIGGER accounts_tell ON accounts",
    "DROP TRIGGER credentials_tell_changes ON credentials",
    "DROP TRIGGER credentials_tell_births ON credentials",
    "DROP TRIGGER exchanges_tell ON exchanges",
)


@pytest.fixture
async def dsn(postgres_place: Place, tmp_path: Path) -> str:
    return await database_at(tmp_path)


@pytest.fixture
async def nodes(dsn: str, ring: KeyRing, clock: VirtualClock) -> AsyncIterator[list[PostgresStore]]:
    stores = [await PostgresStore.open(dsn, ring, clock) for _ in range(2)]
    yield stores
    for store in stores:
        await store.close()


async def settle(store: PostgresStore) -> None:
    """What was committed before is heard of, and read."""
    await store.wait_change(0.1)
    await store.list_accounts()


async def until_version(store: PostgresStore, ring: KeyRing, version: int) -> float:
    """Wait as a caller does who wants the next version; seconds that it took."""
    began = time.monotonic()
    while True:
        found = await store.read_credential(key_of(ring, account()))
        if found is not None and found.version >= version:
            return time.monotonic() - began
        await store.wait_change(30)


async def test_a_new_version_is_known_on_another_node_at_once(
    nodes: list[PostgresStore], ring: KeyRing, clock: VirtualClock
) -> None:
    here, there = nodes
    await settle(here)
    waiting = asyncio.ensure_future(until_version(here, ring, 1))
    await asyncio.sleep(0.05)
    await renew(there, clock, key_of(ring, account()), "token")
    assert await waiting < INSURANCE - 0.2


async def test_without_any_news_it_is_known_all_the_same(
    nodes: list[PostgresStore], ring: KeyRing, clock: VirtualClock, dsn: str
) -> None:
    here, there = nodes
    await run(dsn, *SILENT)
    await settle(here)
    waiting = asyncio.ensure_future(until_version(here, ring, 1))
    await asyncio.sleep(0.05)
    await renew(there, clock, key_of(ring, account()), "token")
    assert await waiting < 3 * INSURANCE


@pytest.mark.parametrize("verb", ["save_trouble", "release", "finish", "drop", "suspect"])
async def test_whatever_somebody_may_wait_for_is_notified(
    nodes: list[PostgresStore], ring: KeyRing, clock: VirtualClock, verb: str
) -> None:
    here, there = nodes
    await renew(there, clock, key_of(ring, account()), "token")
    await there.claim_exchange(b"code", "a", TTL, clock.now() + 60)
    lease = await lease_on(there, key_of(ring, account()))
    await settle(here)
    heard = here._engine._listener.changes
    verbs = {
        "save_trouble": lambda: there.save_trouble(lease, trouble(clock), None),
        "release": lambda: there.release_lease(lease),
        "finish": lambda: there.finish_exchange(b"code", "a", "answer", clock.now() + 60),
        "drop": lambda: there.drop_exchange(b"code", "a"),
        "suspect": lambda: there.mark_suspect(key_of(ring, account()), 1),
    }
    assert await verbs[verb]()
    async with asyncio.timeout(10):
        while here._engine._listener.changes == heard:
            await here.wait_change(0.5)


async def test_what_nobody_waits_for_is_not_notified(
    nodes: list[PostgresStore], ring: KeyRing, clock: VirtualClock
) -> None:
    """A notification costs every commit in the database."""
    here, there = nodes
    await renew(there, clock, key_of(ring, account()), "token")
    await settle(here)
    await asyncio.sleep(0.1)
    heard = here._engine._listener.changes
    await lease_on(there, key_of(ring, account()))
    await there.take_budget(Budget("s", "n", "w", 1, clock.now() + 60))
    await there.add_caller(Caller(name="a"), b"a")
    await there.claim_exchange(b"code", "a", TTL, clock.now() + 60)
    await there.lead("role", "a", TTL)
    await there.ping()
    await asyncio.sleep(0.2)
    assert here._engine._listener.changes == heard
