"""Medians, ratios, rows, goals and what counts as a right answer."""

import json

import pytest

from bench.answers import CGI_TOKEN, GET_XCX
from bench.cases import BARE, CASES, LINGPAI, PACED
from bench.contenders import ALL
from bench.contenders.engines import SETUPS
from bench.figures import Row, Sample, ratio, rows
from bench.goals import GOALS
from bench.machine import Cores, spread


def sample(contender: str, number: int, per_second: float, *, case: str = "getXcx", **other: float) -> Sample:
    figures = {
        "cpu_us": 20.0,
        "p50_ms": 0.6,
        "p99_ms": 1.2,
        "rss_mib": 30.0,
        "start_s": 0.1,
        "strangers": 0.0,
        **other,
    }
    fixed = {"engine": "none", "workers": 1, "failures": 1, "case": case, "contender": contender}
    return Sample(**fixed, **figures, round=number, per_second=per_second)  # type: ignore[arg-type] # mixed


def row(made: list[Row], name: str) -> Row:
    return next(one for one in made if one.name == name)


def test_a_row_has_the_medians_of_its_rounds() -> None:
    samples = [sample(BARE, number, speed) for number, speed in enumerate((40_000.0, 50_000.0, 10_000.0))]
    (made,) = rows(samples)
    assert (made.name, made.per_second, made.p99_ms, made.failures) == ("getXcx: bare ASGI", 40_000.0, 1.2, 3)
    assert (made.reference, made.ratio) == (made.name, 1.0)


def test_ratios_are_taken_within_a_round() -> None:
    # The machine halves its speed in round 1: the quotient of medians would be 0.75, each round says 0.5.
    samples = [
        sample(BARE, 0, 40.0),
        sample(LINGPAI, 0, 20.0),
        sample(BARE, 1, 20.0),
        sample(LINGPAI, 1, 10.0),
    ]
    samples += [sample(LINGPAI, 2, 20.0)]
    made = row(rows(samples), "getXcx: lingpai")
    assert (made.per_second, made.ratio) == (20.0, 0.5)


def test_no_ratio_without_the_reference() -> None:
    assert rows([sample(LINGPAI, 0, 20.0)])[0].ratio is None
    assert (
        ratio([sample(BARE, 0, 1.0), sample(LINGPAI, 1, 1.0)], "getXcx: lingpai", "getXcx: bare ASGI") is None
    )


def test_rows_go_by_case_then_by_speed() -> None:
    samples = [sample(BARE, 0, 1.0, case="cgi-bin/token"), sample(BARE, 0, 2.0), sample(LINGPAI, 0, 3.0)]
    assert [one.name for one in rows(samples)] == [
        "getXcx: lingpai",
        "getXcx: bare ASGI",
        "cgi-bin/token: bare ASGI",
    ]


def goals_missed(samples: list[Sample]) -> set[str]:
    values = {goal: goal.value(samples) for goal in GOALS}
    return {goal.text for goal, value in values.items() if value is not None and not goal.met(value)}


def test_goals_are_judged() -> None:
    good = [sample(BARE, 0, 100.0), sample(LINGPAI, 0, 60.0, p99_ms=3.6, rss_mib=80.0, start_s=1.5)]
    assert goals_missed(good) == set()
    bad = [sample(BARE, 0, 100.0), sample(LINGPAI, 0, 59.0, p99_ms=3.7, rss_mib=80.1, start_s=1.6)]
    assert goals_missed(bad) == {
        "getXcx: at least 0.6 of the bare ASGI app",
        "getXcx: p99 at most 3 x the bare ASGI app's",
        "getXcx: at most 80 MiB per worker",
        "start to first answer: at most 1.5 s",
    }


def test_goals_name_contenders_that_exist() -> None:
    known = {f"{case}: {one.name}" for one in ALL for case in one.requests}
    known |= {f"{PACED[case]}: {one.name}" for one in ALL for case in one.paced}
    named = {goal.against for goal in GOALS if goal.against} | {goal.row for goal in GOALS}
    assert named <= known
    assert {case.reference_row for case in CASES.values()} <= known


def test_contenders_are_sound() -> None:
    names = [one.name for one in ALL]
    assert len(set(names)) == len(names)
    assert {case for one in ALL for case in one.requests} <= set(CASES)
    assert all(set(one.paced) <= set(one.requests) & set(PACED) for one in ALL)


ENVELOPE = json.loads(GET_XCX)


@pytest.mark.parametrize(
    ("status", "answer", "right"),
    [
        (200, ENVELOPE, True),
        (200, {**ENVELOPE, "data": {"access_token": "other", "expires_in": 1}}, True),
        (500, ENVELOPE, False),
        (200, {**ENVELOPE, "code": 1}, False),
        (200, {**ENVELOPE, "data": {}}, False),
        (200, {**ENVELOPE, "data": {"access_token": "t", "expires_in": "7190"}}, False),
        (200, json.loads(CGI_TOKEN), False),
        (200, [], False),
    ],
)
def test_only_a_right_answer_is_accepted(status: int, answer: object, right: bool) -> None:
    assert CASES["getXcx"].accepts(status, json.dumps(answer).encode()) is right


def test_what_is_not_json_is_no_right_answer() -> None:
    assert not CASES["getXcx"].accepts(200, b"<html>")


def test_what_a_store_used_is_distinguished() -> None:
    (made,) = rows([sample(BARE, 0, 1.0, cpu_us=50.0, store_us=30.0)])
    assert (made.cpu_us, made.store_us) == (50.0, 30.0)


def test_setups_have_names_of_their_own() -> None:
    assert [setup.name("lingpai") for setup in SETUPS] == [
        "lingpai",
        "lingpai, 2 workers",
        "lingpai, postgresql",
        "lingpai, postgresql, 2 workers",
    ]


@pytest.mark.parametrize(
    ("place", "workers", "expected"),
    [
        (Cores((3,), (0, 1, 2)), 1, Cores((3,), (0, 1, 2))),
        (Cores((3,), (0, 1, 2)), 2, Cores((2, 3), (0, 1))),
        (Cores((1,), (0,)), 2, Cores((0, 1), (0, 1))),
    ],
)
def test_more_workers_take_more_cores(place: Cores, workers: int, expected: Cores) -> None:
    assert spread(place, workers) == expected


def test_two_workers_may_cost_a_tenth_more() -> None:
    one, two = sample("lingpai", 0, 1.0, cpu_us=20.0), sample("lingpai, 2 workers", 0, 1.9, cpu_us=22.0)
    assert goals_missed([one, two]) == set()
    two = sample("lingpai, 2 workers", 0, 1.9, cpu_us=22.1)
    assert goals_missed([one, two]) == {"getXcx, sqlite: CPU per answer of two workers within 10 % of one's"}
