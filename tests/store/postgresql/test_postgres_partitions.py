"""Grants that are partitioned by the documented script: every verb works on them, and each reads one partition."""

import re
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.store.postgresql import PostgresStore
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.schema import apply_migrations, pending_migrations
from tests.docs.blocks import ROOT
from tests.helpers.postgres import Place, database_at
from tests.store.postgresql.hardship import run
from tests.store.postgresql.test_postgres_schema import NEXT, _issue, _use

SCRIPT = (ROOT / "docs" / "how-to" / "postgresql" / "partition-grants.sql").read_text("utf-8")
COLUMNS = """
SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = 'issuer_grants' ORDER BY 1
"""
LATER = """
-- step: concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS issuer_grants_later ON issuer_grants (nonce);
-- step: batches issuer_grants
UPDATE issuer_grants SET nonce = nonce WHERE id > $1 AND id <= $2;
"""


@pytest.fixture
async def dsn(postgres_place: Place, tmp_path: Path) -> str:
    return await database_at(tmp_path)


async def partition(dsn: str) -> None:
    connection = await connect(dsn, 0)
    try:
        await connection.execute(SCRIPT)
    finally:
        await connection.close()


async def test_all_works_on_partitioned_grants(dsn: str, ring: KeyRing, clock: VirtualClock) -> None:
    store = await PostgresStore.open(dsn, ring, clock)
    await _issue("yzb", store, ring, clock)
    before = [tuple(row) for row in await run(dsn, "SELECT * FROM issuer_grants ORDER BY id")]
    columns = await run(dsn, COLUMNS)
    await store.close()
    await partition(dsn)
    assert [tuple(row) for row in await run(dsn, "SELECT * FROM issuer_grants ORDER BY id")] == before
    assert await run(dsn, COLUMNS) == columns
    after = await PostgresStore.open(dsn, ring, clock)
    try:
        await _use(after, ring, clock)
        await _issue("mall", after, ring, clock)
    finally:
        await after.close()
    [(lowest,)] = await run(dsn, f"SELECT min(id) FROM issuer_grants WHERE id > {before[-1][0]}")
    assert lowest > before[-1][0], "no id is handed out again"


async def test_each_read_and_refresh_touches_one_partition(dsn: str) -> None:
    await partition(dsn)
    queries = load_queries("issuer_grants")
    connection = await connect(dsn, 5)
    try:
        plan = "\n".join(
            row[0]
            for row in await connection.fetch("EXPLAIN SELECT * FROM issuer_grant_views_v2 WHERE id = 7")
        )
        assert len(set(re.findall(r"issuer_grants_p\d+", plan.replace("_pkey", "")))) == 1
        await connection.execute(f"PREPARE view AS {queries['view_grant']}")
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN EXECUTE view(ARRAY[7])"))
        assert "Seq Scan" not in plan
    finally:
        await connection.close()
    storage = await run(dsn, "SELECT reloptions FROM pg_class WHERE relname ~ '^issuer_grants_p[0-9]+$'")
    assert len(storage) == 16
    assert all("fillfactor=85" in options for (options,) in storage)


async def test_migrations_of_later_releases_reach_the_partitions(dsn: str) -> None:
    await partition(dsn)
    assert await pending_migrations(dsn) == ()
    more = {9998: ("9998_later.sql", LATER), 9999: ("9999_more.sql", NEXT.replace("pg_tables WHERE", "pg_tables JOIN "
            "pg_class ON oid = to_regclass(tablename) WHERE NOT relispartition AND"))}  # fmt: skip
    assert await apply_migrations(dsn, more) == ("9998_later.sql", "9999_more.sql")
    assert await run(dsn, "SELECT FROM pg_index WHERE NOT indisvalid") == []
