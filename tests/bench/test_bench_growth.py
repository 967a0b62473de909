"""The growth run: rows that are copies, points, goals, and a store filled for real."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import parse_qsl

import apsw
import pytest

from bench.cases import APP_TOKEN, CHECK, REDEEM, REFRESH
from bench.growth import bulk, refreshes
from bench.growth.goals import GROWTH_GOALS
from bench.growth.measuring import summed_up
from bench.growth.points import HELD, Growth, Point, Refreshed, Size, requests
from bench.material import material_file
from bench.places import ROOT, SCRIPTS
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.service import open_issuers
from lingpai.settings import load_settings

GRANTS = 40


def point(grants: int, per_second: float, *, accounts: int = 100, case: str = CHECK) -> Point:
    return Point(
        case=case, grants=grants, accounts=accounts, connections=32, per_second=per_second, cpu_us=10.0,
        p50_ms=1.0, p99_ms=2.0, rss_mib=80.0, failures=0,
    )  # fmt: skip


def test_points_are_compared_within_a_round() -> None:
    rounds = [
        [point(10, 100.0), point(20, 90.0)],
        [point(10, 50.0), point(20, 45.0)],
        [point(10, 80.0), point(20, 20.0)],
    ]
    small, large = summed_up(rounds)
    assert (small.per_second, small.versus) == (80.0, 1.0)
    assert (large.per_second, large.versus) == (45.0, 0.9)


def test_points_of_other_accounts_are_not_compared() -> None:
    (few, many) = summed_up([[point(10, 100.0, accounts=10), point(20, 50.0)]])
    assert (few.versus, many.versus) == (1.0, 1.0)


def values(growth: Growth) -> dict[str, float | None]:
    return {goal.text: goal.value(growth) for goal in GROWTH_GOALS}


def test_goals_of_growth_are_judged() -> None:
    assert set(values(Growth()).values()) == {None}
    rounds = [[point(10_000, 100.0), point(5_000_000, 79.0)]]
    held = summed_up([[point(10, 100.0, accounts=10, case=HELD), point(10, 95.0, case=HELD)]])
    grown = Growth(
        points=[*summed_up(rounds), *held], refreshed=Refreshed(refreshes=9, rows=1, kib=1.0, per_second=1.0)
    )
    found = values(grown)
    assert found["checkCode: 5 million live grants change the speed by no more than 20 %"] == 0.79
    assert found["10,000 accounts at least 0.9 as fast as 10"] == 0.95
    assert found["rows that a million refreshes of one grant leave"] == 1.0
    missed = {
        goal.text for goal in GROWTH_GOALS if (value := found[goal.text]) is not None and not goal.met(value)
    }
    assert missed == {"checkCode: 5 million live grants change the speed by no more than 20 %"}


def test_copies_differ_where_they_are_meant_to(tmp_path: Path) -> None:
    database = tmp_path / "some.db"
    with bulk.unguarded(database) as connection:
        connection.execute(
            "CREATE TABLE rows (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT, b INTEGER, c BLOB)"
        )
        connection.execute("INSERT INTO rows VALUES (7, 'same', 1, x'00ff')")
        said: list[int] = []
        bulk.clone(connection, "rows", 7, 3, {"b": "10 * i"}, said.append)
        assert said == [3]
        assert list(connection.execute("SELECT * FROM rows WHERE id > 7")) == [
            (8, "same", 0, b"\x00\xff"),
            (9, "same", 10, b"\x00\xff"),
            (10, "same", 20, b"\x00\xff"),
        ]
    assert next(apsw.Connection(str(database)).execute("PRAGMA journal_mode")) == ("wal",)


def test_only_held_tokens_are_asked_of_a_store_with_few_accounts(tmp_path: Path) -> None:
    assert set(requests(Size(10, 10), tmp_path)) == {HELD}
    chained = requests(Size(10_000, 100), tmp_path)[REFRESH]
    assert chained.script == SCRIPTS / "refreshing.lua"
    assert chained.arguments == (str(material_file(tmp_path, REFRESH)),)


def bodies(home: Path, case: str) -> list[dict[str, str]]:
    return [dict(parse_qsl(line)) for line in material_file(home, case).read_text("utf-8").splitlines()]


async def app_of(issuer: Issuer, body: dict[str, str]) -> App:
    app = await issuer.store.find_app(issuer.realm, body["app_id"])
    assert app is not None
    return app


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    filled = tmp_path / "home"
    for module, numbers in (("filling", (GRANTS, 2)), ("codes", (GRANTS,))):
        argv = [sys.executable, "-m", f"bench.growth.{module}", str(filled), *map(str, numbers)]
        subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    monkeypatch.chdir(filled)
    return filled


async def test_a_filled_store_is_as_good_as_one_of_the_verbs(home: Path) -> None:
    assert len(bodies(home, REDEEM)) == GRANTS
    assert len({body["open_id"] for body in bodies(home, REFRESH)}) == len(bodies(home, REFRESH)) == GRANTS
    assert len(bodies(home, APP_TOKEN)) == 1000
    async with open_issuers(load_settings(data=home / "data")) as issuers:
        issuer = issuers["yzb"]
        for body in bodies(home, REDEEM):
            assert (await redeem(issuer, await app_of(issuer, body), body["code"])).open_id
        for body in bodies(home, REFRESH):
            app = await app_of(issuer, body)
            fresh = await refresh(issuer, app, body["refresh_token"], open_id=body["open_id"])
            assert fresh.refresh_token != body["refresh_token"]
        assert all(issuer.unseal(body["code"], HandleKind.ACCESS) for body in bodies(home, CHECK))


async def test_refreshes_of_one_grant_leave_one_row(tmp_path: Path) -> None:
    done = await refreshes.refreshed(tmp_path, 200)
    assert (done.refreshes, done.rows) == (200, 1)
