"""How connections are lent, kept and given up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from lingpai.store.postgresql import pool as pools
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.pool import Pool
from tests.store.postgresql.hardship import run, until

PATIENCE = 0.5
LIMIT = 2
PID = "SELECT pg_backend_pid()"
SLEEP = "SELECT pg_sleep($1)"


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    opened = await Pool.open(dsn, LIMIT, PATIENCE)
    yield opened
    await opened.close()


async def pid_of(pool: Pool) -> int:
    async with pool.connection() as connection:
        pid: int = await connection.fetchval(PID)
        return pid


async def sleep(pool: Pool, seconds: float, limit: float | None = None) -> None:
    async with pool.connection(limit) as connection:
        await connection.execute(f"SET statement_timeout = 0; {SLEEP.replace('$1', str(seconds))}")


async def test_what_was_given_back_is_lent_again(pool: Pool) -> None:
    assert len({await pid_of(pool) for _ in range(5)}) == 1


async def test_no_more_are_open_than_allowed(pool: Pool) -> None:
    pids = await asyncio.gather(*(pid_of(pool) for _ in range(20)))
    assert 1 <= len(set(pids)) <= LIMIT


async def test_who_finds_none_in_time_gets_an_error(pool: Pool) -> None:
    async with pool.connection(), pool.connection():
        with pytest.raises(TimeoutError):
            await pid_of(pool)
    assert await pid_of(pool)


async def test_who_leaves_while_he_waits_takes_nothing_with_him(pool: Pool) -> None:
    async with pool.connection(), pool.connection():
        waiting = asyncio.ensure_future(pid_of(pool))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with pool.connection() as one, pool.connection() as other:
        assert await one.fetchval(PID) != await other.fetchval(PID)


async def test_one_that_takes_too_long_is_given_up_and_the_others_are_not(pool: Pool) -> None:
    first = await pid_of(pool)
    found = await asyncio.gather(
        sleep(pool, 2 * PATIENCE), sleep(pool, 3 * PATIENCE, 60), return_exceptions=True
    )
    assert isinstance(found[0], TimeoutError)
    assert found[1] is None
    assert await pid_of(pool) != first


async def test_a_block_within_its_time_is_not_disturbed_by_the_end_of_an_earlier_one(pool: Pool) -> None:
    """There is one timer for all of them."""
    for _ in range(6):
        await sleep(pool, PATIENCE / 3)
    assert len({await pid_of(pool) for _ in range(3)}) == 1


async def test_a_block_that_is_cancelled_leaves_no_transaction(pool: Pool, dsn: str) -> None:
    begun = asyncio.Event()

    async def write(connection: Connection) -> None:
        async with connection.transaction():
            await connection.execute("INSERT INTO t (n) VALUES (1)")
            begun.set()
            await connection.fetch(SLEEP, 60)

    async def work() -> None:
        async with pool.connection() as connection:
            await write(connection)

    task = asyncio.ensure_future(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await run(dsn, "ALTER TABLE t ADD COLUMN locked text")
    assert await run(dsn, "SELECT FROM t") == []
    assert await asyncio.gather(pid_of(pool), pid_of(pool))


async def test_one_that_was_not_used_for_long_is_not_trusted(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await pid_of(pool)
    monkeypatch.setattr(pools, "_IDLE_SECONDS", -1.0)
    assert await pid_of(pool) != first


async def is_gone(dsn: str, pid: int) -> bool:
    return await run(dsn, f"SELECT FROM pg_stat_activity WHERE pid = {pid}") == []


async def test_one_that_was_closed_is_replaced(pool: Pool, dsn: str) -> None:
    first = await pid_of(pool)
    await run(dsn, f"SELECT pg_terminate_backend({first})")
    async with asyncio.timeout(10):
        await until(lambda: is_gone(dsn, first))
    with contextlib.suppress(asyncpg.PostgresError):  # the end of it may be heard now, or was before
        await pid_of(pool)
    assert await pid_of(pool) != first


async def test_an_error_of_a_statement_costs_no_connection(pool: Pool) -> None:
    first = await pid_of(pool)
    with pytest.raises(asyncpg.UndefinedTableError):
        async with pool.connection() as connection:
            await connection.execute("SELECT FROM nothing")
    assert await pid_of(pool) == first
