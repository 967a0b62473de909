import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite import engine as engine_module
from lingpai.store.sqlite.connect import connect
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.queries import run
from tests.store.sample import account
from tests.store.sqlite.hardship import fill_the_disk, use_a_read_only_file


def read_bytes(path: Path) -> bytes:
    return path.read_bytes()


def write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def refused(attempt: Awaitable[object]) -> LingpaiError:
    with pytest.raises(LingpaiError) as raised:
        await attempt
    assert raised.value.kind is Kind.STORE_UNAVAILABLE
    assert raised.value.retry_after is not None
    assert raised.value.retry_after > 0
    assert raised.value.detail
    return raised.value


def elsewhere(function: Callable[[Path], object], home: Path) -> object:
    """What `function` returns in a process of its own, whose limits and rights it may spoil."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, home).result(60)


async def test_a_locked_file(sqlite: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "WRITER_PATIENCE", 0.02)
    with closing(connect(path, 1.0)) as other:
        other.execute("BEGIN IMMEDIATE")
        fault = await refused(sqlite.save_account(account()))
        assert fault.retry_after == 1.0
        assert await sqlite.find_accounts("wechat", "wx1") == ()
        other.execute("ROLLBACK")
    assert await sqlite.save_account(account())


async def test_a_full_database(engine: Engine) -> None:
    """By SQLite's own limit, which lasts as long as the connection does."""

    def fill(connection: apsw.Connection) -> None:
        run(connection, "PRAGMA max_page_count=1")
        run(connection, "CREATE TABLE bulk AS SELECT zeroblob(1000000)")

    for _ in range(2):
        tasks = [
            engine.write(fill),
            engine.write(lambda connection: run(connection, "INSERT INTO t VALUES (1)")),
        ]
        faults = await asyncio.gather(*map(refused, tasks))
        assert [fault.retry_after for fault in faults] == [30.0, 30.0]
        assert engine.rows("SELECT n FROM t") == []
    await engine.write(lambda connection: run(connection, "INSERT INTO t VALUES (1)"))
    assert engine.rows("SELECT n FROM t") == [(1,)]


def test_a_full_disk(tmp_path: Path) -> None:
    assert elsewhere(fill_the_disk, tmp_path) == "well again"


async def test_a_read_only_file(sqlite: SqliteStore, path: Path) -> None:
    await sqlite.save_account(account())
    assert await asyncio.to_thread(elsewhere, use_a_read_only_file, path) == "well again"
    assert [status.account for status in await sqlite.list_statuses()] == ["another", "wx1"]


async def test_something_else_than_a_database(path: Path, ring: KeyRing, clock: VirtualClock) -> None:
    path.parent.mkdir()
    write_bytes(path, b"something else" * 1000)
    assert (await refused(SqliteStore.open(path, ring, clock))).retry_after == 60.0


async def test_no_place_for_a_file(tmp_path: Path, ring: KeyRing, clock: VirtualClock) -> None:
    (tmp_path / "file").write_bytes(b"")
    await refused(SqliteStore.open(tmp_path / "file" / "lingpai.db", ring, clock))


async def test_a_damaged_file_that_is_repaired(path: Path, ring: KeyRing, clock: VirtualClock) -> None:
    store = await SqliteStore.open(path, ring, clock)
    await store.save_account(account())
    await store.close()
    whole = read_bytes(path)
    store = await SqliteStore.open(path, ring, clock)
    try:
        write_bytes(path, whole[:4096] + b"\xff" * (len(whole) - 4096))
        assert (await refused(store.find_accounts("wechat", "wx1"))).retry_after == 60.0
        await refused(store.list_accounts())
        await refused(store.save_account(account("wx2")))
        write_bytes(path, whole)
        assert await store.find_accounts("wechat", "wx1") == (account(),)
        assert await store.save_account(account("wx2"))
    finally:
        await store.close()


async def test_a_fault_while_waiting_for_a_change(
    sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiter is none the worse for a fault that passes."""
    assert await sqlite.find_accounts("wechat", "wx1") == ()
    engine = sqlite._engine
    waiting = asyncio.ensure_future(sqlite.wait_change(60))
    await asyncio.sleep(0)
    looks: list[int] = []
    look = engine._watch._look

    def fail_first() -> bool:
        looks.append(1)
        if len(looks) == 1:
            raise LingpaiError(Kind.STORE_UNAVAILABLE, "for a moment")
        return look()

    monkeypatch.setattr(engine._watch, "_look", fail_first)
    async with asyncio.timeout(30):
        while len(looks) < 2:  # noqa: ASYNC110  the engine's own timer brings it about
            await asyncio.sleep(0.01)
        assert not waiting.done()
        await sqlite.save_account(account())
        await waiting
