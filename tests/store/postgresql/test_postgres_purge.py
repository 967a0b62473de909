"""Purging in PostgreSQL: each batch goes on where the one before ended, and nothing is left behind for good."""

import json
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.issuer.store import PostgresIssuerStore
from lingpai.store.postgresql.issuer.upkeep import SWEEP_SECONDS
from lingpai.store.postgresql.queries import load_queries
from tests.helpers.postgres import Place, database_at
from tests.store.postgresql.hardship import run

FILL = """
INSERT INTO issuer_grants (realm, kind, app_row, challenge, challenge_method, nonce, audience, state, generation,
    rotated_at, created_at, ends_at, limit_at)
SELECT 'r', 1, 1, '', '', '', '', 1, 1, 0, 0, 1000 + n, 0 FROM generate_series(1, 4000) AS s (n)
"""
QUIET = "ALTER TABLE issuer_grants SET (autovacuum_enabled = false)"
"""Fresh statistics in mid-test would make the planner sort this small table, which it does not do with a large one."""
NOW = 10_000
BATCH = 200


@pytest.fixture
async def dsn(postgres_place: Place, tmp_path: Path) -> str:
    found = await database_at(tmp_path)
    await run(found, QUIET, FILL, "ANALYZE issuer_grants")
    return found


async def buffers(dsn: str, reached: int) -> int:
    """Return the pages read by a batch that begins at `reached` and follows the index, as in a large table."""
    connection = await connect(dsn, 10.0)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SET LOCAL enable_sort = off")
    try:
        explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {load_queries('issuer_upkeep')['purge_grants']}"
        # EXPLAIN takes no parameters of its own
        for mark, value in (("$1", NOW), ("$2", BATCH), ("$3", reached)):
            explain = explain.replace(mark, f"{value}::bigint")
        (found,) = json.loads(await connection.fetchval(explain))
        plan = found["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
    finally:
        await transaction.rollback()
        await connection.close()


async def test_while_a_snapshot_is_held_a_batch_walks_no_entries_of_those_before(
    dsn: str, ring: KeyRing, clock: VirtualClock
) -> None:
    store = await PostgresIssuerStore.open(dsn, ring, clock)
    dump = await connect(dsn, 60.0)
    try:
        async with dump.transaction(isolation="repeatable_read"):
            await dump.fetch("SELECT FROM issuer_grants LIMIT 1")
            first = await buffers(dsn, -1)
            for _ in range(10):
                assert await store.purge_issuer(NOW, BATCH) == BATCH
            reached = store._reached["purge_grants"]
            assert reached == 1000 + 10 * BATCH
            assert await buffers(dsn, reached) < 1.5 * first
        while await store.purge_issuer(NOW, BATCH):
            pass
        assert await run(dsn, "SELECT FROM issuer_grants") == []
    finally:
        await dump.close()
        await store.close()


async def test_what_was_in_use_when_it_was_passed_by_is_purged_later(
    dsn: str, ring: KeyRing, clock: VirtualClock
) -> None:
    store = await PostgresIssuerStore.open(dsn, ring, clock)
    user = await connect(dsn, 60.0)
    try:
        async with user.transaction():
            await user.fetch("SELECT FROM issuer_grants WHERE id = 1 FOR UPDATE")
            while await store.purge_issuer(NOW, 1000):
                pass
            assert [tuple(row) for row in await run(dsn, "SELECT id FROM issuer_grants")] == [(1,)]
        assert await store.purge_issuer(NOW + 1, BATCH) == 0
        assert await store.purge_issuer(NOW + SWEEP_SECONDS, BATCH) == 1
        assert await run(dsn, "SELECT FROM issuer_grants") == []
    finally:
        await user.close()
        await store.close()
