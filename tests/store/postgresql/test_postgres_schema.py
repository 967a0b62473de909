"""Migrations: once for all nodes, whole, and in two phases: code of this release runs on the schema of the next."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Budget, Caller
from lingpai.issuer.context import Issuer
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy, SupersedePolicy
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.store.address import Address
from lingpai.store.migrate import migrate, pending
from lingpai.store.port import Store
from lingpai.store.postgresql import PostgresStore, schema
from lingpai.store.postgresql import connect as connecting
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.store import PostgresIssuerStore
from lingpai.store.postgresql.schema import (
    all_migrations,
    apply_migrations,
    is_sealed,
    pending_migrations,
)
from tests.helpers.passwords import CHEAP
from tests.helpers.postgres import Place, database_at
from tests.issuer.harness import make_world
from tests.store.postgresql.hardship import run
from tests.store.sample import TTL, account, key_of, renew

NAMES = tuple(name for name, _ in all_migrations().values())
NEXT = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('ALTER TABLE %I ADD COLUMN later text NOT NULL DEFAULT %L', name, 'later');
    END LOOP;
END $$;
CREATE TABLE later (id bigint PRIMARY KEY, credential_id bigint REFERENCES credentials (id) ON DELETE CASCADE);
CREATE INDEX later_by_credential ON credentials (platform, account);
"""
"""What a release after this one may do: add to every table, and tables."""


@pytest.fixture
async def empty(postgres_place: Place) -> str:
    """A database without a schema."""
    name = postgres_place.prefix + "empty"
    await run(postgres_place.server, f'CREATE DATABASE "{name}"')
    return postgres_place.dsn(name)


async def test_everything_is_pending_in_an_empty_database(empty: str) -> None:
    assert await pending_migrations(empty) == NAMES
    assert not await is_sealed(empty)
    assert await apply_migrations(empty) == NAMES
    assert await pending_migrations(empty) == ()
    assert await apply_migrations(empty) == ()


async def test_nodes_that_start_at_once_migrate_once(empty: str, ring: KeyRing, clock: VirtualClock) -> None:
    stores = await asyncio.gather(*(PostgresStore.open(empty, ring, clock) for _ in range(8)))
    await asyncio.gather(*(each.close() for each in stores))
    applied = await run(empty, "SELECT name FROM schema_migrations ORDER BY number")
    assert tuple(name for (name,) in applied) == NAMES


async def test_a_migration_that_fails_leaves_nothing(empty: str) -> None:
    broken = {1: ("0001_broken.sql", "CREATE TABLE half (n int); CREATE TABLE half (n int);")}
    with pytest.raises(asyncpg.DuplicateTableError):
        await apply_migrations(empty, broken)
    assert await run(empty, "SELECT FROM pg_tables WHERE tablename = 'half'") == []
    assert await apply_migrations(empty) == NAMES


async def test_a_node_that_is_stuck_in_a_migration_does_not_delay_the_others_for_ever(
    empty: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def stand_still(connection: Connection, _number: int, _name: str, script: str) -> None:
        async with connection.transaction():
            await connection.execute(script)
            begun.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(connecting, "_IDLE_SECONDS", 0.5)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_apply", stand_still)
        stopped = asyncio.ensure_future(apply_migrations(empty))
        await begun.wait()
    async with asyncio.timeout(30):
        assert await apply_migrations(empty) == NAMES
    stopped.cancel()
    await asyncio.gather(stopped, return_exceptions=True)


async def test_who_waits_too_long_for_another_node_that_migrates_gets_an_error(
    empty: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(schema, "_TURN_SECONDS", 0.2)
    other = await connecting.connect(empty, 0)
    try:
        await other.execute("SELECT pg_advisory_lock($1)", schema._LOCK)
        with pytest.raises(LingpaiError, match="Another node has been migrating") as raised:
            await apply_migrations(empty)
    finally:
        await other.close()
    assert raised.value.kind is Kind.STORE_UNAVAILABLE
    assert "Another node is migrating the database" in caplog.text
    assert await apply_migrations(empty) == NAMES


def test_the_command_reaches_a_database(empty: str, tmp_path: Path) -> None:
    address = Address(tmp_path / "none", empty)
    assert pending(address) == NAMES
    assert migrate(address) == NAMES
    assert pending(address) == ()


async def _use(store: Store, ring: KeyRing, clock: VirtualClock) -> None:
    await store.ping()
    await store.save_account(account("wx2"))
    assert await store.save_account(account("wx2", secret="another secret")) is False
    await renew(store, clock, key_of(ring, account()), "the second token")
    assert await store.acquire_lease(key_of(ring, account()), "b", 99, TTL)
    assert await store.add_caller(Caller(name="after"), b"after")
    assert (await store.take_budget(Budget("s", "n", "w", 2, clock.now() + 60))).granted
    assert (await store.claim_exchange(b"code 2", "a", TTL, clock.now() + 60)).claimed
    assert await store.finish_exchange(b"code 2", "a", "answer", clock.now() + 60)
    assert await store.lead("role", "a", TTL)
    assert len(await store.list_statuses()) == 2
    await store.reseal(10)
    await store.purge(10)
    assert await store.remove_account("wechat", "wx2", "")


async def _issue(realm: str, store: PostgresStore, ring: KeyRing, clock: VirtualClock) -> None:
    policy = Policy(code=300, refresh=30 * 86400, keep=SupersedePolicy(user=300))
    issuer = await Issuer.open(
        realm, policy, PostgresIssuerStore.beside(store), ring, clock, Passwords(CHEAP)
    )
    harness = await make_world(issuer, ring)
    tokens = await harness.tokens()
    await resolve_access_token(issuer, tokens.access_token)
    again = await harness.tokens(harness.terminal)
    assert again.access_token != tokens.access_token
    member = await issuer.store.find_member(harness.app.id, harness.user.id)
    assert member is not None
    assert await issuer.store.save_consent(member.id, None, (), added=True)
    assert await issuer.store.count_members(harness.app.id) == 1
    assert await issuer.store.end_all(user=harness.user.id)
    assert await issuer.store.remove_app(harness.other.id)
    await issuer.store.purge_issuer(issuer.now(), 10)


async def test_this_release_runs_on_the_schema_of_the_next(
    empty: str, ring: KeyRing, clock: VirtualClock
) -> None:
    """A migration only adds: whoever is running goes on, and whoever starts does not mind what it does not know."""
    before = await PostgresStore.open(empty, ring, clock)
    await before.save_account(account())
    await renew(before, clock, key_of(ring, account()), "the first token")
    assert await apply_migrations(empty, {9999: ("9999_later.sql", NEXT)}) == ("9999_later.sql",)
    await _use(before, ring, clock)
    await _issue("yzb", before, ring, clock)
    await before.close()
    after = await PostgresStore.open(empty, ring, clock)
    found = await after.read_credential(key_of(ring, account()))
    assert found is not None
    assert found.current is not None
    assert found.current.value == "the second token"
    await after.mark_suspect(found.key, found.version)
    await _issue("mall", after, ring, clock)
    await after.close()
    assert await pending_migrations(empty) == ()


async def test_the_store_does_not_mind_a_clock_in_another_epoch(
    tmp_path: Path, postgres_place: Place, ring: KeyRing, clock: VirtualClock
) -> None:
    dsn = await database_at(tmp_path)
    here = await PostgresStore.open(dsn, ring, clock)
    await here.save_account(account())
    other = VirtualClock(clock.now())
    there = await PostgresStore.open(dsn, ring, other)
    assert await there.due_credentials(5) == (key_of(ring, account()),)
    await there.save_account(account("wx2"))
    clock.advance(1)
    assert len(await here.due_credentials(5)) == 2
    assert end_after(other, 0).epoch != clock.epoch
    await here.close()
    await there.close()
