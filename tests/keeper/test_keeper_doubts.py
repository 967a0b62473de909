"""An SDK whose token has died fetches again and again; that alone heals it."""

import asyncio
import itertools

import pytest

from lingpai.keeper.doubts import BETWEEN_VALUES, SEVERAL, SHORT, Doubt, Pace, Turn
from lingpai.keeper.verification import QUESTIONS_A_DAY
from tests.keeper.harness import (
    AGENT_SECRET,
    APP,
    APP_SECRET,
    GETTOKEN,
    OUTSIDE,
    PROBE,
    QYAPI,
    STABLE,
    XCX,
    Harness,
    data_of,
)

DROP_IN = "/cgi-bin/token"
CREDENTIAL = {"grant_type": "client_credential", **APP_SECRET}


async def fetch(harness: Harness, path: str, peer: str = "127.0.0.1") -> str:
    query = CREDENTIAL if path == DROP_IN else APP_SECRET
    answer = (await harness.get(path, peer=peer, **query)).json
    return str(answer["access_token"] if path == DROP_IN else answer["data"]["access_token"])


@pytest.mark.parametrize("path", [DROP_IN, XCX])
async def test_a_dead_token_is_replaced_by_fetching_it_a_few_times(own: Harness, path: str) -> None:
    first = await fetch(own, path)
    await own.upstream.kill(first)
    assert [await fetch(own, path) for _ in range(SEVERAL - 2)] == [first] * (SEVERAL - 2)
    healed = await fetch(own, path)
    assert healed != first
    assert await own.upstream.lives(healed)
    assert await own.upstream.calls(PROBE) == 1
    assert {await fetch(own, path) for _ in range(50)} == {healed}


async def test_a_dead_wecom_token_cannot_be_replaced_before_its_end_and_is_not_looped_on(
    own: Harness,
) -> None:
    tokens = [data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"] for _ in range(50)]
    assert len(set(tokens)) == 1
    assert await own.upstream.calls(GETTOKEN) == 1


async def test_a_token_that_dies_later_heals_after_the_next_question(own: Harness) -> None:
    token = [await fetch(own, DROP_IN) for _ in range(SEVERAL)][-1]  # found alive
    await own.upstream.kill(token)
    own.clock.advance(own.keeper.options.report_apart)
    assert len({await fetch(own, DROP_IN) for _ in range(SEVERAL)} - {token}) == 1


async def test_callers_that_always_fetch_ask_the_platform_little(own: Harness) -> None:
    for _ in range(720):
        await fetch(own, XCX)
        own.clock.advance(5)
    assert 3 <= await own.upstream.calls(PROBE) <= 8
    assert await own.upstream.calls(STABLE) == 1


async def test_slow_callers_and_many_callers_are_no_report(own: Harness) -> None:
    for _ in range(20):
        await fetch(own, XCX)
        own.clock.advance(SHORT / SEVERAL * 2)
    await asyncio.gather(*(fetch(own, XCX, f"198.51.100.{n}") for n in range(50)))
    assert await own.upstream.calls(PROBE) == 0


async def test_all_callers_in_a_hurry_are_one_report(own: Harness) -> None:
    token = await fetch(own, DROP_IN)
    await own.upstream.kill(token)
    peers = [f"198.51.100.{n}" for n in range(20)]
    fetched = await asyncio.gather(*(fetch(own, DROP_IN, peer) for peer in peers for _ in range(5)))
    assert await own.upstream.calls(PROBE) == 1
    assert (
        await own.upstream.calls(STABLE) <= 3
    )  # one renewal, forced since the platform gave the dead one again
    assert await fetch(own, DROP_IN, OUTSIDE) in set(fetched) - {token}


async def test_the_day_has_a_budget_for_questions(own: Harness) -> None:
    for _ in range(QUESTIONS_A_DAY + 20):
        own.keeper.doubts.clear()
        for _ in range(SEVERAL):
            await fetch(own, XCX)
        own.clock.advance(31)
    assert 0 < await own.upstream.calls(PROBE) <= QUESTIONS_A_DAY


async def test_a_platform_that_hangs_keeps_nobody_waiting_for_long(own: Harness) -> None:
    await own.upstream.fault(PROBE, "slow:5", 1)
    async with asyncio.timeout(4):
        assert len({await fetch(own, XCX) for _ in range(SEVERAL)}) == 1
    assert data_of(await own.get(XCX, **APP))["access_token"]


def test_one_value_after_another_is_questioned() -> None:
    turn = Turn()
    doubts = [Doubt(30.0, turn) for _ in range(3)]
    paces = [Pace(doubt) for doubt in doubts]
    asked: list[tuple[float, int]] = []
    for step in range(20):
        now = 1000.0 + step * BETWEEN_VALUES / 4
        for number, pace in enumerate(paces):
            if pace.is_hurried(now, now):
                doubts[number].note_question(1, now)
                asked.append((now, number))
    assert [number for _, number in asked] == [0, 1, 2]
    times = [time for time, _ in asked]
    assert all(later - earlier >= BETWEEN_VALUES for earlier, later in itertools.pairwise(times))
