import asyncio
import gc
import time
from itertools import count, pairwise

import asyncpg
import pytest
import uvloop

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.postgresql.batcher import TURNS
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import SCANS, Engine
from tests.store.postgresql.hardship import ADD, READ, add, all_of, run, until

XID = "SELECT g.place, pg_current_xact_id()::text FROM unnest($1::bigint[]) WITH ORDINALITY AS g (number, place)"

TOUCH = """
WITH given AS (SELECT * FROM unnest($1::bigint[]) WITH ORDINALITY AS g (number, place)),
     touched AS (UPDATE t SET text = 'x' FROM given WHERE t.n = given.number RETURNING t.n)
SELECT given.place, touched.n FROM touched JOIN given ON given.number = touched.n
"""
NUMBERS = count(1)


async def batches(engine: Engine, numbers: range) -> list[str]:
    """Which transaction each call went in."""
    found = await asyncio.gather(*(engine.call(XID, number) for number in numbers))
    return [rows[0][0] for rows in found]


async def test_calls_of_one_turn_go_in_one_transaction(engine: Engine) -> None:
    assert len(set(await batches(engine, range(200)))) == 1


async def test_calls_that_come_while_a_batch_is_under_way_share_the_next(engine: Engine) -> None:
    first = asyncio.ensure_future(engine.call(XID, 0))
    for _ in range(TURNS + 2):
        await asyncio.sleep(0)
    late = [asyncio.ensure_future(engine.call(XID, number)) for number in range(3)]
    ids = [(await each)[0][0] for each in (first, *late)]
    assert ids[0] != ids[1]
    assert ids[1] == ids[2] == ids[3]


async def test_a_batch_is_never_too_large(engine: Engine) -> None:
    ids = await batches(engine, range(1100))
    assert len(set(ids)) == 3


async def test_each_caller_has_its_own_rows(engine: Engine) -> None:
    await asyncio.gather(*(add(engine, number, f"text {number}") for number in range(50)))
    found = await asyncio.gather(*(engine.read(READ, number) for number in (7, 99, 3, 7)))
    assert found == [[(7, "text 7")], [], [(3, "text 3")], [(7, "text 7")]]


async def test_what_is_committed_is_seen_by_whoever_asks_afterwards(engine: Engine) -> None:
    """Reads of one question may be shared, but never with a question that was asked before the commit."""
    before = asyncio.ensure_future(engine.read(READ, 1))
    await asyncio.sleep(0)
    await add(engine, 1)
    assert await engine.read(READ, 1) == [(1, "")]
    assert await before in ([], [(1, "")])


async def test_calls_once_are_made_once_while_they_wait_and_the_first_one_is_marked(engine: Engine) -> None:
    same = [engine.call_once(XID, number % 2) for number in range(6)]
    answer = await asyncio.gather(*same)
    assert [first for first, _ in answer] == [True, True, False, False, False, False]
    assert len({rows[0][0] for _, rows in answer}) == 1
    again, rows = await engine.call_once(XID, 0)
    assert again
    assert rows != answer[0][1]


async def test_a_call_once_whose_first_caller_leaves_is_made_for_the_others(engine: Engine) -> None:
    first, second = (asyncio.ensure_future(engine.call_once(ADD, 7, "")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == (False, [(7,)])
    assert await all_of(engine) == [7]


async def test_calls_for_one_thing_never_share_a_batch(engine: Engine) -> None:
    calls = [engine.call(XID, number, apart=number % 2) for number in range(6)]
    ids = [rows[0][0] for rows in await asyncio.gather(*calls)]
    assert ids[0::2] != ids[2::2]
    assert all(one != other for one, other in pairwise(ids[0::2]))
    assert ids[0::2] == ids[1::2]


async def test_a_violation_is_reported_to_its_caller_alone(engine: Engine) -> None:
    await add(engine, 5)
    found = await asyncio.gather(*(add(engine, number) for number in range(10)), return_exceptions=True)
    assert isinstance(found.pop(5), asyncpg.UniqueViolationError)
    assert found == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert await all_of(engine) == list(range(10))


async def test_an_argument_of_a_wrong_type_is_reported_to_its_caller_alone(engine: Engine) -> None:
    good, bad = await asyncio.gather(
        engine.call(ADD, 1, "x"), engine.call(ADD, "one", "x"), return_exceptions=True
    )
    assert good == [(1,)]
    assert isinstance(bad, asyncpg.DataError)


async def test_who_waits_for_one_locked_row_gets_an_error_in_time(dsn: str) -> None:
    """The server gives up before we do; those who wait for their turn do not each wait for it anew."""
    engine = await Engine.open(dsn, patience=1.0)
    other = await asyncpg.connect(dsn)
    try:
        await add(engine, 1)
        async with other.transaction():
            await other.execute("SELECT FROM t WHERE n = 1 FOR UPDATE")
            began = time.monotonic()
            found = await asyncio.gather(
                *(engine.call(TOUCH, 1, apart="row 1") for _ in range(20)), return_exceptions=True
            )
            assert time.monotonic() - began < 8.0
        assert all(isinstance(each, LingpaiError) for each in found)
        assert await engine.call(TOUCH, 1, apart="row 1") == [(1,)]
    finally:
        await other.close()
        await engine.close()


async def test_a_cancelled_caller_does_not_stop_the_others(engine: Engine) -> None:
    calls = [asyncio.ensure_future(add(engine, number)) for number in range(5)]
    await asyncio.sleep(0)
    calls[2].cancel()
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(found[2], asyncio.CancelledError)
    assert found[:2] + found[3:] == [0, 1, 3, 4]
    assert await all_of(engine) == [0, 1, 2, 3, 4]


async def test_a_caller_that_shares_a_read_may_leave(engine: Engine) -> None:
    await add(engine, 1)
    first, second = (asyncio.ensure_future(engine.read(READ, 1)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [(1, "")]


async def test_a_job_is_whole_or_not_at_all(engine: Engine) -> None:
    async def fail(connection: Connection) -> None:
        await connection.execute("INSERT INTO t (n) VALUES (1)")
        raise LingpaiError(Kind.INVALID_OPEN_ID, "no")

    with pytest.raises(LingpaiError, match="no"):
        await engine.transact(fail)
    assert await all_of(engine) == []


async def test_a_job_whose_caller_leaves_is_done_to_its_end(engine: Engine) -> None:
    begun = asyncio.Event()

    async def work(connection: Connection) -> None:
        await connection.execute("INSERT INTO t (n) VALUES (1)")
        begun.set()
        await connection.execute("SELECT pg_sleep(0.05)")

    caller = asyncio.ensure_future(engine.transact(work))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await engine.close()


async def test_jobs_that_lock_each_other_out_are_both_done(engine: Engine) -> None:
    await add(engine, 1)
    await add(engine, 2)
    both = asyncio.Barrier(2)
    runs: list[int] = []

    async def work(connection: Connection, first: int, second: int) -> None:
        runs.append(first)
        await connection.execute("UPDATE t SET text = text || 'x' WHERE n = $1", first)
        if len(runs) <= 2:
            await both.wait()
        await connection.execute("UPDATE t SET text = text || 'x' WHERE n = $1", second)

    await asyncio.gather(
        engine.transact(lambda connection: work(connection, 1, 2)),
        engine.transact(lambda connection: work(connection, 2, 1)),
    )
    assert len(runs) == 3
    assert await engine.rows("SELECT text FROM t ORDER BY n") == [("xx",), ("xx",)]


async def test_closing_finishes_what_waits(engine: Engine, dsn: str) -> None:
    calls = [asyncio.ensure_future(add(engine, number)) for number in range(20)]
    await asyncio.sleep(0)
    await asyncio.gather(engine.close(), engine.close())
    assert await asyncio.gather(*calls) == list(range(20))
    assert [row[0] for row in await run(dsn, "SELECT count(*) FROM t")] == [20]


async def test_a_scan_may_take_longer_than_the_patience_of_others(dsn: str) -> None:
    engine = await Engine.open(dsn, patience=0.3)
    try:
        assert await engine.scan("SELECT 1 FROM pg_sleep(0.6)") == [(1,)]
    finally:
        await engine.close()


async def test_scans_take_no_connection_from_the_other_verbs(dsn: str) -> None:
    engine = await Engine.open(dsn, connections=2, patience=2.0)
    slow = "SELECT FROM pg_sleep(30)"
    scans = [asyncio.ensure_future(engine.scan(slow)) for _ in range(4)]
    scanning = f"SELECT pid FROM pg_stat_activity WHERE query = '{slow}' AND state = 'active'"
    try:
        async with asyncio.timeout(10):
            while len(await run(dsn, scanning)) < SCANS:
                assert await add(engine, next(NUMBERS))
        assert await add(engine, next(NUMBERS))
        assert len(await run(dsn, scanning)) == SCANS
    finally:
        while not all(each.done() for each in scans):
            await run(dsn, scanning.replace("pid", "pg_cancel_backend(pid)", 1))
            await asyncio.wait(scans, timeout=0.1)
        await engine.close()
    assert all(isinstance(each.exception(), LingpaiError) for each in scans)


async def test_a_scan_leaves_no_connection_behind(engine: Engine, dsn: str) -> None:
    others = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    before = await run(dsn, others)
    ((pid,),) = await engine.scan("SELECT pg_backend_pid()")
    assert pid not in [row[0] for row in before]

    async def is_gone() -> bool:
        return await run(dsn, others) == before

    async with asyncio.timeout(10):
        await until(is_gone)


async def test_an_answer_survives_power_loss_whatever_the_server_is_set_to(engine: Engine, dsn: str) -> None:
    name = dsn.split("/")[3].split("?", maxsplit=1)[0]
    await run(dsn, f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    other = await Engine.open(dsn)
    try:
        assert await other.rows("SELECT current_setting('synchronous_commit')") == [("on",)]
    finally:
        await other.close()


async def test_a_migration_that_widens_a_table_does_not_break_prepared_statements(
    engine: Engine, dsn: str
) -> None:
    await add(engine, 1)
    for _ in range(3):
        assert await engine.rows("SELECT * FROM t") == [(1, "")]
    await run(dsn, "ALTER TABLE t ADD COLUMN more text NOT NULL DEFAULT 'm'")
    assert await engine.rows("SELECT * FROM t") == [(1, "", "m")]
    assert await add(engine, 2) == 2


def test_both_loops_will_do(dsn: str) -> None:
    async def work() -> list[int]:
        engine = await Engine.open(dsn)
        try:
            await asyncio.gather(*(add(engine, number) for number in range(3)))
            await engine.wait_change(0)
            return await all_of(engine)
        finally:
            await engine.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(work()) == [0, 1, 2]
    gc.collect()
