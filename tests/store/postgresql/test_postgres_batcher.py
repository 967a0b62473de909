"""When batches go, and with whom; the database is a list of what was sent, which answers when the test says so."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import asyncpg
import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.postgresql.batcher import MANY, TURNS, Batcher
from lingpai.store.queries import Row


class Database:
    """Keeps batches, and what becomes of them."""

    def __init__(self, *, patient: bool = True) -> None:
        self.batches: list[list[int]] = []
        self._answers: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.batcher = Batcher(self._send, self._spawn, shared=False, patient=patient)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def _send(self, columns: Sequence[Sequence[Any]]) -> list[Row]:
        self.batches.append(list(columns[0]))
        self._answers.append(asyncio.get_running_loop().create_future())
        await self._answers[-1]
        return [(place, number) for place, number in enumerate(columns[0], start=1)]

    def submit(self, *numbers: int) -> list["asyncio.Future[list[Row]]"]:
        return [self.batcher.submit((number,), None) for number in numbers]

    def answer(self, batch: int, error: Exception | None = None) -> None:
        if error is None:
            self._answers[batch].set_result(None)
        else:
            self._answers[batch].set_exception(error)


async def pause() -> None:
    """Longer than any batch is held up."""
    for _ in range(TURNS + 3):
        await asyncio.sleep(0)


async def test_who_comes_in_the_next_turns_goes_with_the_first() -> None:
    database = Database()
    for number in range(3):
        database.submit(number)
        await asyncio.sleep(0)
    await pause()
    assert database.batches == [[0, 1, 2]]


async def test_no_batch_is_held_up_for_long() -> None:
    database = Database()
    for number in range(4 * TURNS):
        database.submit(number)
        await asyncio.sleep(0)
    assert 1 <= len(database.batches[0]) <= TURNS + 1


async def test_many_are_not_held_up() -> None:
    database = Database()
    database.submit(*range(MANY))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    database.submit(MANY)
    await pause()
    assert [len(batch) for batch in database.batches] == [MANY]


async def test_what_follows_on_a_read_is_not_held_up() -> None:
    database = Database(patient=False)
    for number in range(3):
        database.submit(number)
        await asyncio.sleep(0)
    await pause()
    assert database.batches == [[0]]


async def test_who_comes_late_waits_for_the_batch_that_is_under_way() -> None:
    database = Database()
    first = database.submit(0)
    await pause()
    late = database.submit(1, 2, 3)
    await pause()
    assert database.batches == [[0]]
    database.answer(0)
    assert await first[0] == [(0,)]
    await pause()
    assert database.batches == [[0], [1, 2, 3]]
    database.answer(1)
    assert await asyncio.gather(*late) == [[(1,)], [(2,)], [(3,)]]


OVERDUE = (TimeoutError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)
"""As we say it, and as the server does."""


@pytest.mark.parametrize("overdue", OVERDUE)
async def test_who_waits_while_the_database_does_not_answer_gets_an_error_and_the_lane_goes_on(
    overdue: type[Exception],
) -> None:
    database = Database()
    first = database.submit(0)
    await pause()
    late = database.submit(1, 2)
    database.answer(0, overdue("late"))
    await pause()
    for call in (*first, *late):
        with pytest.raises(LingpaiError):
            await call
    assert database.batches == [[0]]
    again = database.submit(7)
    await pause()
    database.answer(1)
    assert await again[0] == [(7,)]


@pytest.mark.parametrize("overdue", OVERDUE)
async def test_calls_that_are_made_one_by_one_end_with_the_first_whose_time_runs_out(
    overdue: type[Exception],
) -> None:
    database = Database()
    first, second, third = database.submit(0, 1, 2)
    await pause()
    database.answer(0, asyncpg.UniqueViolationError("one of them"))
    await pause()
    database.answer(1)
    assert await first == [(0,)]
    await pause()
    (late,) = database.submit(3)
    database.answer(2, overdue("late"))
    await pause()
    for call in (second, third, late):
        with pytest.raises(LingpaiError) as raised:
            await call
        assert raised.value.kind is Kind.STORE_UNAVAILABLE
    assert database.batches == [[0, 1, 2], [0], [1]]
