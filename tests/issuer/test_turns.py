"""Whose password is checked next, when many want it at once."""

import asyncio
import threading

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.passwords import RETRY_AFTER, WAITING, Passwords, PrioritySemaphore
from lingpai.issuer.verbs.login import login
from tests.helpers.passwords import CHEAP
from tests.issuer.harness import Harness


async def until_waiting(turns: PrioritySemaphore, first: int, others: int) -> None:
    while tuple(map(len, turns._queues)) != (first, others):  # noqa: ASYNC110  nobody says when somebody waits
        await asyncio.sleep(0)


@pytest.mark.threat("B23")
async def test_known_ones_go_first_and_the_rest_in_their_order() -> None:
    turns, done = PrioritySemaphore(1, waiting=2), []

    async def take(name: str, *, first: bool) -> None:
        async with turns.turn(first=first):
            done.append(name)

    async with turns.turn(first=False):
        waiting = [asyncio.create_task(take(name, first=False)) for name in "ab"]
        waiting += [asyncio.create_task(take(name, first=True)) for name in "yz"]
        await until_waiting(turns, 2, 2)
        for first in (False, True):
            with pytest.raises(LingpaiError) as refused:
                async with turns.turn(first=first):
                    pass
            assert (refused.value.kind, refused.value.retry_after) == (Kind.BUSY, RETRY_AFTER)
    await asyncio.gather(*waiting)
    assert done == ["y", "z", "a", "b"]


@pytest.mark.threat("B23")
async def test_who_goes_away_takes_no_turn_with_them() -> None:
    turns = PrioritySemaphore(1, waiting=3)

    async def take() -> None:
        async with turns.turn(first=False):
            pass

    async with turns.turn(first=True):
        leaving, staying = asyncio.create_task(take()), asyncio.create_task(take())
        await until_waiting(turns, 0, 2)
        leaving.cancel()
        await until_waiting(turns, 0, 1)
    staying.cancel()  # in the moment in which it was given the turn
    await asyncio.gather(leaving, staying, return_exceptions=True)
    assert leaving.cancelled()
    async with asyncio.timeout(5), turns.turn(first=False):
        pass


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.threat("B23")
async def test_whose_turn_does_not_come_in_time_is_refused_and_takes_none(*, first: bool) -> None:
    turns = PrioritySemaphore(1, longest=0.02)
    async with turns.turn(first=True):
        with pytest.raises(LingpaiError) as refused:
            async with asyncio.timeout(5), turns.turn(first=first):
                pass
        assert (refused.value.kind, refused.value.retry_after) == (Kind.BUSY, RETRY_AFTER)
        await until_waiting(turns, 0, 0)
    async with asyncio.timeout(5), turns.turn(first=first):
        assert turns._free == 0
    assert turns._free == 1


@pytest.mark.threat("B23")
async def test_operators_wait_however_many_there_are() -> None:
    turns = PrioritySemaphore(1, waiting=0)

    async def take() -> None:
        async with turns.turn(first=True, bounded=False):
            pass

    async with turns.turn(first=True):
        waiting = [asyncio.create_task(take()) for _ in range(5)]
        await until_waiting(turns, 5, 0)
    await asyncio.gather(*waiting)


@pytest.mark.threat("B23")
async def test_a_flood_of_strangers_is_refused_and_who_is_known_gets_in(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer, browser, go = harness.issuer, "0123456789abcdef" * 2, threading.Event()
    await login(issuer, "ann", "correct horse", "198.51.100.7", browser=browser)
    passwords = Passwords(CHEAP, at_once=1)
    passwords._hashing = PrioritySemaphore(1, longest=60)  # however busy this machine is
    issuer.passwords, matches, order = passwords, passwords._matches, []

    def slow(stored: str, given: str) -> bool:
        go.wait(10)
        order.append(given)
        return matches(stored, given)

    monkeypatch.setattr(passwords, "_matches", slow)
    flood = [asyncio.create_task(login(issuer, f"x{n}", "wrong", f"203.0.113.{n}")) for n in range(150)]
    await until_waiting(passwords._hashing, 0, WAITING)
    known = asyncio.create_task(login(issuer, "ann", "correct horse", "192.0.2.1", browser=browser))
    await until_waiting(passwords._hashing, 1, WAITING)
    go.set()
    assert (await known).user is not None
    assert order.index("correct horse") <= 1
    answers = [str(answer.kind) for answer in await asyncio.gather(*flood, return_exceptions=True)]  # type: ignore[union-attr]
    assert answers.count(str(Kind.LOGIN_FAILED)) == WAITING + 1
    assert answers.count(str(Kind.BUSY)) == 150 - WAITING - 1
