import asyncio
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw
import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.sqlite import reads as reads_module
from lingpai.store.sqlite.connect import connect
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.queries import run
from lingpai.store.sqlite.writer import Job


def insert(number: int) -> Job[int]:
    def job(connection: apsw.Connection) -> int:
        run(connection, "INSERT INTO t VALUES (?)", (number,))
        return number

    return job


def numbers(engine: Engine) -> list[int]:
    return [number for (number,) in engine.rows("SELECT n FROM t ORDER BY n")]


async def count_commits(engine: Engine) -> list[int]:
    """A list that grows by one with each commit from now on."""
    commits: list[int] = []

    def count() -> bool:
        commits.append(1)
        return False  # let it be committed

    await engine.write(lambda connection: connection.set_commit_hook(count))
    commits.clear()
    return commits


async def test_jobs_of_one_turn_share_a_commit(engine: Engine) -> None:
    commits = await count_commits(engine)
    assert await asyncio.gather(*(engine.write(insert(n)) for n in range(200))) == list(range(200))
    assert numbers(engine) == list(range(200))
    assert len(commits) == 1


async def test_jobs_that_come_while_the_writer_is_busy_share_the_next_commit(engine: Engine) -> None:
    commits = await count_commits(engine)
    held, go = threading.Event(), threading.Event()

    def hold(connection: apsw.Connection) -> None:
        held.set()
        assert go.wait(30)
        run(connection, "INSERT INTO t VALUES (-1)")

    first = asyncio.ensure_future(engine.write(hold))
    await asyncio.to_thread(held.wait, 30)
    later = []
    for number in range(5):
        later.append(asyncio.ensure_future(engine.write(insert(number))))
        await asyncio.sleep(0)
    assert numbers(engine) == []
    go.set()
    await asyncio.gather(first, *later)
    assert numbers(engine) == [-1, 0, 1, 2, 3, 4]
    assert len(commits) == 2


async def test_a_job_that_fails_harms_no_other(engine: Engine) -> None:
    commits = await count_commits(engine)

    def fail(connection: apsw.Connection) -> None:
        run(connection, "INSERT INTO t VALUES (1000)")
        raise LookupError("mine alone")

    jobs: list[Job[object]] = [insert(0), fail, insert(1), insert(1), insert(2)]
    results = await asyncio.gather(*map(engine.write, jobs), return_exceptions=True)
    assert [results[0], results[2], results[4]] == [0, 1, 2]
    assert isinstance(results[1], LookupError)
    assert isinstance(results[3], apsw.ConstraintError)
    assert numbers(engine) == [0, 1, 2]
    assert len(commits) == 1
    assert await engine.write(insert(3)) == 3


async def test_a_guarded_change_is_won_or_else_looks_again(engine: Engine) -> None:
    await asyncio.gather(*(engine.write(insert(n)) for n in range(3)))
    commits = await count_commits(engine)

    def change(number: int, otherwise: Job[object]) -> asyncio.Future[object]:
        guarded = "UPDATE t SET n = n + 10 WHERE n = ?"
        return engine.writer.change(guarded, (number,), f"won {number}", otherwise)

    def look(connection: apsw.Connection) -> object:
        return sorted(run(connection, "SELECT n FROM t"))

    def fail(_connection: apsw.Connection) -> object:
        raise LookupError("mine alone")

    done: list[object] = list(
        await asyncio.gather(change(1, fail), change(1, look), change(0, fail), change(7, look))
    )
    assert done == ["won 1", [(0,), (2,), (11,)], "won 0", [(2,), (10,), (11,)]]
    assert len(commits) == 1
    done = list(
        await asyncio.gather(
            change(2, fail),
            change(2, fail),
            change(10, fail),
            engine.write(insert(10)),
            return_exceptions=True,
        )
    )
    assert (done[0], done[2], done[3]) == ("won 2", "won 10", 10)
    assert isinstance(done[1], LookupError)
    assert numbers(engine) == [10, 11, 12, 20]
    assert len(commits) == 2


async def test_a_job_that_fails_alone_leaves_nothing(engine: Engine) -> None:
    def fail(connection: apsw.Connection) -> None:
        run(connection, "INSERT INTO t VALUES (1)")
        raise LookupError

    with pytest.raises(LookupError):
        await engine.write(fail)
    assert numbers(engine) == []


async def test_a_cancelled_caller_harms_no_other(engine: Engine) -> None:
    tasks = [asyncio.ensure_future(engine.write(insert(n))) for n in range(9)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [1, 3, 5, 7]
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    assert {1, 3, 5, 7} <= set(numbers(engine))


async def test_writes_of_a_closed_engine_are_refused(engine: Engine) -> None:
    await engine.close()
    for attempt in (engine.write(insert(1)), engine.scan(insert(1))):
        with pytest.raises(LingpaiError) as raised:
            await attempt
        assert raised.value.kind is Kind.STORE_UNAVAILABLE


async def test_readers_cannot_write(engine: Engine) -> None:
    with pytest.raises(LingpaiError):
        engine.rows("INSERT INTO t VALUES (1)")
    with pytest.raises(LingpaiError):
        await engine.scan(insert(1))
    assert numbers(engine) == []


async def test_the_cache_answers_until_anybody_changes_its_tables(engine: Engine, path: Path) -> None:
    reads: list[int] = []

    def read() -> list[int]:
        reads.append(1)
        return numbers(engine)

    def look() -> list[int]:
        return engine.cached("key", read)

    assert look() == look() == []
    assert len(reads) == 1
    await engine.write(insert(1))
    assert look() == look() == [1]
    assert len(reads) == 2
    with closing(connect(path, 1.0)) as other:

        async def elsewhere(query: str) -> None:
            """Run in another thread, as another process would: what it commits comes between two turns."""
            await asyncio.to_thread(run, other, query)

        for number in range(2, 30):
            await elsewhere(f"INSERT INTO t VALUES ({number})")
            assert look() == list(range(1, number + 1))
        assert len(reads) == 30
        await elsewhere("BEGIN IMMEDIATE")
        await elsewhere("INSERT INTO t VALUES (1000)")
        assert 1000 not in look()
        assert len(reads) == 30
        await elsewhere("COMMIT")
        assert 1000 in look()
        await elsewhere("PRAGMA wal_checkpoint(TRUNCATE)")
        await elsewhere("INSERT INTO t VALUES (1001)")
        assert 1001 in look()


async def test_commits_to_other_tables_leave_the_cache_alone(engine: Engine, path: Path) -> None:
    reads: list[int] = []

    def look() -> None:
        engine.cached("key", lambda: reads.append(1))

    look()
    await engine.write(lambda connection: run(connection, "INSERT INTO busy VALUES (1)"))
    look()
    with closing(connect(path, 1.0)) as other:
        await asyncio.to_thread(run, other, "INSERT INTO busy VALUES (2)")
        look()
        assert len(reads) == 1
        await asyncio.to_thread(run, other, "INSERT INTO t VALUES (1)")
        look()
    assert len(reads) == 2


async def test_no_turn_of_the_loop_sees_less_than_was_committed_before_it(engine: Engine) -> None:
    """Whatever is ready when a write is done, nothing that runs after its caller was answered misses it."""
    written = 0

    async def write() -> None:
        nonlocal written
        for number in range(100):
            await engine.write(insert(number))
            written = number + 1

    async def look() -> None:
        while written < 100:
            expected = written
            assert engine.cached("key", lambda: len(numbers(engine))) >= expected
            await asyncio.sleep(0)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for task in (write, *[look] * 5):
            group.create_task(task())


async def test_what_was_missing_is_cached_too(engine: Engine) -> None:
    reads: list[int] = []
    for _ in range(3):
        assert engine.cached("key", lambda: reads.append(1)) is None
    assert len(reads) == 1


async def test_the_cache_is_bounded(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reads_module, "CACHED", 10)
    for number in range(1000):
        assert engine.cached(number, partial(int, number)) == number
        assert len(engine.kept) <= 10
    assert engine.cached(999, lambda: -1) == 999


async def test_reads_hold_no_snapshot_beyond_their_turn_of_the_loop(engine: Engine, path: Path) -> None:
    await asyncio.gather(*(engine.write(insert(n)) for n in range(100)))
    assert len(numbers(engine)) == 100
    assert engine.cached("key", lambda: len(numbers(engine))) == 100
    await asyncio.sleep(0)
    with closing(connect(path, 0.0)) as other:  # succeeds only while nobody reads from the log
        assert other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE) == (0, 0)


async def test_the_reads_of_a_turn_agree_and_the_next_turn_sees_what_others_committed(
    engine: Engine, path: Path
) -> None:
    assert numbers(engine) == []
    with closing(connect(path, 1.0)) as other:
        run(other, "INSERT INTO t VALUES (1)")
    assert numbers(engine) == engine.cached("key", lambda: numbers(engine)) == []
    await asyncio.sleep(0)
    assert numbers(engine) == engine.cached("key", lambda: numbers(engine)) == [1]


async def test_reads_go_on_while_somebody_writes(engine: Engine, path: Path) -> None:
    with closing(connect(path, 1.0)) as other:
        other.execute("BEGIN IMMEDIATE")
        run(other, "INSERT INTO t VALUES (1)")
        assert numbers(engine) == []
        assert await engine.scan(lambda connection: run(connection, "SELECT count(*) FROM t")) == [(0,)]
        other.execute("COMMIT")
    assert numbers(engine) == [1]


async def test_a_commit_is_on_the_disk_before_anybody_is_answered(engine: Engine) -> None:
    """A kill shows nothing of it (`test_store_crash`), only a power cut would: so the settings are looked at."""
    settings = {"synchronous": 2, "journal_mode": "wal", "wal_autocheckpoint": 0, "foreign_keys": 1}
    reader = {name: engine.rows(f"PRAGMA {name}")[0][0] for name in settings}
    writer: dict[str, object] = {}

    def look(connection: apsw.Connection) -> None:
        writer.update({name: run(connection, f"PRAGMA {name}")[0][0] for name in settings})

    await engine.write(look)
    assert (reader, writer) == (settings, settings)
