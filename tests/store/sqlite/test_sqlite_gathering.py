"""When a group of writes is handed over, and that nobody waits in vain."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import apsw
import pytest

from lingpai.core.errors import LingpaiError
from lingpai.store.sqlite.connect import WRITER_PATIENCE, Connection, connect, create_file, use_wal
from lingpai.store.sqlite.gathering import LONGEST, QUIET_TURNS, Gathering
from lingpai.store.sqlite.writer import Writer


def test_first_group_goes_at_once() -> None:
    gathering = Gathering()
    assert gathering.is_complete(1)


def test_group_is_complete_when_all_who_were_answered_are_back() -> None:
    gathering = Gathering()
    gathering.expect(answered=3, waiting=1)
    assert [gathering.is_complete(waiting) for waiting in (1, 2, 3, 4)] == [False, False, False, True]


def test_group_waits_no_more_when_nobody_comes() -> None:
    gathering = Gathering()
    gathering.expect(answered=100, waiting=0)
    assert [gathering.is_complete(5) for _ in range(QUIET_TURNS + 1)] == [False] * QUIET_TURNS + [True]


def test_group_is_handed_over_in_time_however_many_come(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("lingpai.store.sqlite.gathering.perf_counter", lambda: now)
    gathering = Gathering()
    gathering.expect(answered=1000, waiting=0)
    assert not gathering.is_complete(1)
    now += LONGEST * 0.9
    assert not gathering.is_complete(2)
    now += LONGEST * 0.2
    assert gathering.is_complete(3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    create_file(path)
    connection = connect(path, WRITER_PATIENCE)
    use_wal(connection)
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY)")
    connection.close()
    return path


class Commits:
    """A writer, and how many rows each of its commits added."""

    def __init__(self, path: Path) -> None:
        self.sizes: list[int] = []
        self._path = path
        self._rows = 0
        self.writer = Writer(self._connect, (), lambda: None)

    def add(self) -> Awaitable[int]:
        def insert(connection: apsw.Connection) -> int:
            connection.execute("INSERT INTO things DEFAULT VALUES")
            return connection.last_insert_rowid()

        return self.writer.submit(insert)

    def _connect(self) -> Connection:
        connection = connect(self._path, WRITER_PATIENCE)

        def count() -> bool:
            rows = connection.total_changes()
            self.sizes.append(rows - self._rows)
            self._rows = rows
            return False

        connection.set_commit_hook(count)
        return connection


@pytest.fixture
async def commits(path: Path) -> AsyncIterator[Commits]:
    commits = Commits(path)
    yield commits
    await commits.writer.close()


async def test_who_come_again_at_once_share_a_commit(commits: Commits) -> None:
    async def client(first: asyncio.Event) -> None:
        await first.wait()
        for _ in range(20):
            await commits.add()

    starts = [asyncio.Event(), asyncio.Event()]
    clients = [asyncio.create_task(client(starts[number % 2])) for number in range(16)]
    starts[0].set()
    await commits.add()  # the first half is under way now, and the second half out of step with it
    starts[1].set()
    await asyncio.gather(*clients)
    assert sum(commits.sizes) == 16 * 20 + 1
    assert commits.sizes.count(16) >= 15, commits.sizes


async def test_closing_commits_what_is_gathered_and_refuses_what_comes_later(commits: Commits) -> None:
    await asyncio.gather(*(commits.add() for _ in range(8)))
    under_way = commits.add()
    await asyncio.sleep(0)
    waiting = commits.add()
    closing = asyncio.create_task(commits.writer.close())
    await asyncio.sleep(0)
    with pytest.raises(LingpaiError):
        await commits.add()
    await closing
    assert (await under_way, await waiting) == (9, 10)
