import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import apsw
import pytest

from lingpai.store.sqlite import checkpointer
from lingpai.store.sqlite.connect import PAGE_BYTES, connect
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.queries import run

MEGABYTE = 1 << 20
STEP = checkpointer.STEP * PAGE_BYTES // MEGABYTE + 1
"""Megabytes that bring about a checkpoint."""


def size(path: Path) -> int:
    return path.stat().st_size


def log_size(path: Path) -> int:
    return size(path.with_name(path.name + "-wal"))


async def write_megabytes(engine: Engine, *sizes: int) -> None:
    """One commit for each of `sizes`."""
    await engine.write(lambda connection: run(connection, "CREATE TABLE IF NOT EXISTS bulk (b BLOB)"))
    for each in sizes:
        await engine.write(
            partial(run, query="INSERT INTO bulk VALUES (zeroblob(?))", bindings=(each * MEGABYTE,))
        )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  another thread brings it about
            await asyncio.sleep(0.01)


async def test_the_log_is_copied_in_the_background(engine: Engine, path: Path) -> None:
    await write_megabytes(engine, 1, 1, 1)
    assert log_size(path) > 3 * MEGABYTE
    assert size(path) < MEGABYTE
    await write_megabytes(engine, *[1] * STEP)
    await until(lambda: size(path) > 3 * MEGABYTE)


async def test_a_copied_log_is_used_anew(engine: Engine, path: Path) -> None:
    for _ in range(4):
        await write_megabytes(engine, STEP)
        await until(lambda: engine._checkpointer._base == 0)
    assert log_size(path) < 2 * STEP * MEGABYTE


async def test_a_big_log_is_emptied(engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpointer, "HIGH", 2 * checkpointer.STEP)
    await write_megabytes(engine, 2 * STEP)
    await until(lambda: log_size(path) == 0)
    assert engine.rows("SELECT count(*) FROM bulk") == [(1,)]


async def test_a_log_that_somebody_reads_from_is_left(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpointer, "HIGH", 2 * checkpointer.STEP)
    with closing(connect(path, 1.0)) as other:
        other.execute("BEGIN")
        assert run(other, "SELECT count(*) FROM t") == [(0,)]
        await write_megabytes(engine, *[1] * 2 * STEP)
        assert log_size(path) > 2 * STEP * MEGABYTE
        assert run(other, "SELECT count(*) FROM sqlite_schema WHERE name = 'bulk'") == [(0,)]
    await write_megabytes(engine, 2 * STEP)
    await until(lambda: log_size(path) == 0)
    assert engine.rows("SELECT count(*) FROM bulk") == [(2 * STEP + 1,)]


async def test_checkpoints_go_on_after_a_fault(
    engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    working = checkpointer.Checkpointer._checkpoint
    failures: list[apsw.Error] = [apsw.IOError("disk I/O error"), apsw.BusyError("locked")]

    def fail_first(self: checkpointer.Checkpointer, connection: apsw.Connection) -> None:
        if failures:
            raise failures.pop()
        working(self, connection)

    monkeypatch.setattr(checkpointer.Checkpointer, "_checkpoint", fail_first)
    await write_megabytes(engine, STEP)
    await until(lambda: len(failures) < 2)
    await write_megabytes(engine, STEP)
    await until(lambda: not failures)
    await write_megabytes(engine, STEP)
    await until(lambda: size(path) > 2 * STEP * MEGABYTE)
    assert "could not be checkpointed: disk I/O error" in caplog.text
