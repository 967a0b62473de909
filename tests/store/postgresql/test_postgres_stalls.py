"""What the database goes on working for after it was given up, and a server with fewer connections than are wanted."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from lingpai.store.address import CONNECTIONS
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.pool import Pool
from tests.helpers.postgres_server import Server
from tests.store.postgresql.conftest import PATIENCE
from tests.store.postgresql.hardship import READ, add, refused, run, until, well_again

GHOST = ("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
AWAY = ("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
STALLED = "SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
OURS = "SELECT FROM pg_stat_activity WHERE datname = 'lingpai' AND application_name = 'lingpai'"
MOST = CONNECTIONS + 2
"""One that listens, and one that looks what became of those that were given up."""


@pytest.fixture
async def stalling(fragile: Server) -> AsyncIterator[Server]:
    """The fragile server, whose synchronous standby is not there once `GHOST` was run."""
    yield fragile
    await run(fragile.dsn("postgres"), *AWAY)


async def insert(engine: Engine, number: int) -> None:
    async def job(connection: Connection) -> None:
        await connection.execute("INSERT INTO t (n) VALUES ($1)", number)

    await engine.transact(job)


async def test_standbys_that_stall_cost_no_more_connections_than_there_are(
    stalling: Server, brief: Engine
) -> None:
    await add(brief, 1)
    await run(stalling.dsn("postgres"), *GHOST)
    most, slowest = 0, 0.0
    began = time.monotonic()
    writes = 0
    while time.monotonic() - began < 4 * PATIENCE:
        tries = [asyncio.ensure_future(refused(insert(brief, 100 + writes + n))) for n in range(8)]
        writes += len(tries)
        while not all(each.done() for each in tries):
            asked = time.monotonic()
            assert await brief.read(READ, 1) == [(1, "")], "reads go on"
            slowest = max(slowest, time.monotonic() - asked)
            most = max(most, len(await run(stalling.dsn("postgres"), OURS)))
            await asyncio.sleep(0.02)
        await asyncio.gather(*tries)
    assert most <= MOST
    assert slowest < PATIENCE
    asked = time.monotonic()
    fault = await refused(insert(brief, 99))
    assert time.monotonic() - asked < PATIENCE / 2, "writes are refused at once meanwhile"
    assert "StalledError" in (fault.detail or "")
    await run(stalling.dsn("postgres"), *AWAY)
    await well_again(brief)
    async with asyncio.timeout(10):
        await until(lambda: none(stalling.dsn("postgres")))
    await asyncio.gather(*(insert(brief, 1000 + n) for n in range(8)))


async def none(dsn: str) -> bool:
    return not await run(dsn, STALLED)


async def test_what_was_given_up_is_ended_where_it_does_not_wait_for_a_standby(
    fragile: Server, brief: Engine
) -> None:
    sleeping = "SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"

    async def sleep(connection: Connection) -> None:
        await connection.execute("SET LOCAL statement_timeout = 0; SELECT pg_sleep(60)")

    await asyncio.gather(*(refused(brief.transact(sleep)) for _ in range(CONNECTIONS)))

    async def ended() -> bool:
        return not await run(fragile.dsn("postgres"), sleeping)

    async with asyncio.timeout(10):
        await until(ended)
    await well_again(brief)


@contextlib.asynccontextmanager
async def crowded(fragile: Server, limit: int) -> AsyncIterator[str]:
    """The address for a role that may have no more connections than `limit`."""
    await run(
        fragile.dsn("lingpai"),
        f"CREATE ROLE few LOGIN CONNECTION LIMIT {limit}",
        "GRANT ALL ON t TO few",
    )
    try:
        yield fragile.dsn("lingpai").replace("lingpai@", "few@")
    finally:
        await run(fragile.dsn("lingpai"), "DROP OWNED BY few", "DROP ROLE few")


async def test_fewer_connections_than_wanted_are_waited_for(fragile: Server) -> None:
    """Three workers want up to 15; there are 6."""
    async with crowded(fragile, 6) as dsn, contextlib.AsyncExitStack() as stack:
        engines = []
        for _ in range(3):
            engines.append(await Engine.open(dsn, patience=5.0))
            stack.push_async_callback(engines[-1].close)

        async def work(engine: Engine, first: int) -> None:
            for number in range(first, first + 25):
                await insert(engine, number)
                assert await engine.read(READ, number) == [(number, "")]
                assert await engine.rows("SELECT 1 FROM pg_sleep(0.002)") == [(1,)]

        await asyncio.gather(
            *(
                work(engine, 1000 * (8 * place + each))
                for place, engine in enumerate(engines)
                for each in range(8)
            )
        )
        assert await engines[0].scan("SELECT count(*) FROM t") == [(600,)], (
            "what scans takes one that we have"
        )


async def test_a_worker_that_has_none_tries_again_within_its_patience(fragile: Server) -> None:
    async with crowded(fragile, 1) as dsn:
        first = await Pool.open(dsn, 1, 5.0)
        late = asyncio.ensure_future(Pool.open(dsn, 1, 5.0))
        await asyncio.sleep(0.3)
        assert not late.done()
        await first.close()
        second = await late
        await second.close()


async def test_where_none_comes_free_the_server_is_quoted(fragile: Server) -> None:
    async with crowded(fragile, 1) as dsn:
        first = await Pool.open(dsn, 1, 5.0)
        fault = await refused(Engine.open(dsn, patience=0.5))
        assert "TooManyConnectionsError" in (fault.detail or "")
        await first.close()


async def test_an_engine_begins_without_a_connection_to_listen_by(fragile: Server) -> None:
    async with crowded(fragile, 1) as dsn:
        engine = await Engine.open(dsn, patience=5.0)
        try:
            await insert(engine, 1)
        finally:
            await engine.close()
