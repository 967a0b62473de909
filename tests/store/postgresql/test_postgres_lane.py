"""When batches go, and with whom; the database is a list of what was sent, which answers when it is told to."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from lingpai.core.errors import LingpaiError
from lingpai.store.postgresql.lane import AT_ONCE, TURNS, WORTH, Lane
from lingpai.store.queries import Row


class Database:
    """Keeps batches, and what becomes of them."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self._answers: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.lane = Lane(self._send, lambda work: self._tasks.add(asyncio.create_task(work)), shared=False)

    async def _send(self, columns: Sequence[Sequence[Any]]) -> list[Row]:
        self.batches.append(list(columns[0]))
        self._answers.append(asyncio.get_running_loop().create_future())
        await self._answers[-1]
        return [(place, number) for place, number in enumerate(columns[0], start=1)]

    def submit(self, *numbers: int) -> list["asyncio.Future[list[Row]]"]:
        return [self.lane.submit((number,), None) for number in numbers]

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


async def test_few_wait_for_the_batch_that_is_under_way() -> None:
    database = Database()
    first = database.submit(0)
    await pause()
    late = database.submit(*range(1, WORTH))
    await pause()
    assert database.batches == [[0]]
    database.answer(0)
    assert await first[0] == [(0,)]
    await pause()
    assert database.batches == [[0], [*range(1, WORTH)]]
    database.answer(1)
    assert await asyncio.gather(*late) == [[(number,)] for number in range(1, WORTH)]


async def test_as_many_as_are_worth_it_go_beside_it_and_may_come_back_first() -> None:
    database = Database()
    database.submit(0)
    await pause()
    late = database.submit(*range(1, 1 + WORTH))
    await pause()
    assert len(database.batches) == 2
    database.answer(1)
    assert await asyncio.gather(*late) == [[(number,)] for number in range(1, 1 + WORTH)]


async def test_a_second_batch_is_no_smaller_than_the_first() -> None:
    database = Database()
    database.submit(*range(3 * WORTH))
    await pause()
    database.submit(*range(3 * WORTH - 1))
    await pause()
    assert len(database.batches) == 1
    database.submit(0)
    await pause()
    assert [len(batch) for batch in database.batches] == [3 * WORTH, 3 * WORTH]


async def test_no_more_are_under_way_than_may_be() -> None:
    database = Database()
    for _ in range(AT_ONCE + 2):
        database.submit(*range(WORTH))
        await pause()
    assert len(database.batches) == AT_ONCE
    database.answer(0)
    await pause()
    assert [len(batch) for batch in database.batches[AT_ONCE:]] == [2 * WORTH]


async def test_who_gathers_while_the_database_does_not_answer_is_told_and_the_lane_goes_on() -> None:
    database = Database()
    first = database.submit(*range(WORTH))
    await pause()
    late = database.submit(*range(WORTH))  # they gather for a batch beside the first
    database.answer(0, TimeoutError())
    await pause()
    for call in (*first, *late):
        with pytest.raises(LingpaiError):
            await call
    assert len(database.batches) == 1
    again = database.submit(7)
    await pause()
    database.answer(1)
    assert await again[0] == [(7,)]
