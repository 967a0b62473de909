"""The model: queues against the textbook, costs from figures, capacity and price by hand."""

import math
from pathlib import Path

import pytest

from bench.cases import APP_TOKEN, CHECK, PACED, REDEEM, REFRESH
from bench.contenders.engines import POSTGRESQL, SETUPS, SQLITE, Setup
from bench.figures import Row, row_name
from bench.growth.points import HELD, Growth, Point, Stored
from bench.model import report
from bench.model.capacity import DAY, Assumptions, database, deploy, node
from bench.model.checking import at_the_knee, check, one_core, two_cores
from bench.model.costs import VERBS, Measured, MissingFigureError, interpolate
from bench.model.queueing import contention, knee, percentile, tail, universal, waiting_share


def test_one_server_is_busy_as_often_as_it_is_loaded() -> None:
    assert waiting_share(1, 0.8) == pytest.approx(0.8)


def test_erlangs_formula_has_its_textbook_value() -> None:
    assert waiting_share(2, 1.0) == pytest.approx(1 / 3)
    full = 12.0**16 / math.factorial(16) / (1 - 12 / 16)
    parts = sum(12.0**number / math.factorial(number) for number in range(16))
    assert waiting_share(16, 12.0) == pytest.approx(full / (parts + full))
    with pytest.raises(ValueError, match="cannot carry"):
        waiting_share(2, 2.0)


def test_answers_of_one_server_are_exponential() -> None:
    # The time in an M/M/1 queue is exponential with the mean service / (1 - load).
    assert tail(1, 0.5, 1e-3, 4e-3) == pytest.approx(math.exp(-2))
    assert percentile(1, 0.8, 1e-4) == pytest.approx(1e-4 / 0.2 * math.log(100))


def test_the_tail_is_smooth_where_its_formula_divides_by_nothing() -> None:
    assert tail(2, 1.0, 1.0, 3.0) == pytest.approx(tail(2, 1.0 + 1e-6, 1.0, 3.0), rel=1e-4)


def test_the_knee_is_where_the_limit_is_reached() -> None:
    used = knee(1, 1e-4, 5e-3)
    assert used == pytest.approx(1 - 1e-4 * math.log(100) / 5e-3)
    assert percentile(1, used, 1e-4) == pytest.approx(5e-3)
    assert knee(1, 2e-3, 5e-3) == 0.0
    assert knee(1, 1e-7, 5e-3) == pytest.approx(
        1 - 1e-7 * math.log(100) / 5e-3
    )  # so near 1 that waits are long
    assert knee(16, 1e-4, 5e-3) > used


def test_contention_is_what_the_second_worker_costs() -> None:
    assert contention(100.0, 110.0) == pytest.approx(0.1)
    assert contention(100.0, 90.0) == 0.0
    assert universal(2, contention(100.0, 110.0)) == pytest.approx(2 / 1.1)
    assert universal(8, 0.0) == 8


def row(case: str, setup: Setup, **figures: float) -> Row:
    base = "lingpai" if case.startswith("getXcx") else "lingpai, issuer"
    known = {
        "per_second": 9000.0,
        "cpu_us": 100.0,
        "store_us": 0.0,
        "load_us": 10.0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
    }
    fixed = {"engine": setup.engine, "workers": setup.workers, "reference": "", "ratio": None, "rss_mib": 80.0,
             "start_s": 0.5, "failures": 0, "name": row_name(case, setup.name(base))}  # fmt: skip
    return Row(**{**fixed, **known, **figures})  # type: ignore[arg-type] # mixed


def point(case: str, grants: int, connections: int, *, cpu_us: float = 100.0, p50_ms: float = 0.1) -> Point:
    return Point(
        case=case,
        grants=grants,
        accounts=10_000,
        connections=connections,
        per_second=1.0,
        cpu_us=cpu_us,
        p50_ms=p50_ms,
        p99_ms=0.2,
        rss_mib=80.0,
        failures=0,
    )


@pytest.fixture
def measured() -> Measured:
    rows = []
    for setup in SETUPS:
        store = 30.0 if setup.engine == POSTGRESQL else 0.0
        several = 1.1 if setup.workers > 1 else 1.0
        for verb in VERBS:
            rows.append(row(verb, setup, cpu_us=(100.0 + store) * several, store_us=store * several))
            if setup.workers == 1:
                rows.append(row(PACED[verb], setup, cpu_us=100.0 + store, store_us=store, per_second=8000.0))
    growth = Growth(
        points=[
            *(point(verb, grants, 32, cpu_us=cost) for verb in (HELD, *VERBS[1:])
              for grants, cost in ((10_000, 100.0), (1_000_000, 110.0))),
            point(CHECK, 1_000_000, 1, p50_ms=0.2),
            point(REDEEM, 1_000_000, 1, p50_ms=0.7),
        ],
        stores=[
            Stored(grants=0, accounts=10, gib=0.0, seconds=1.0),
            Stored(grants=2**30, accounts=10, gib=250.0, seconds=1.0),
        ],
        postgresql_bytes=400.0,
    )  # fmt: skip
    return Measured(rows, growth)


def test_costs_are_read_from_the_figures(measured: Measured) -> None:
    cost = measured.cost(REDEEM, Setup(POSTGRESQL))
    assert (cost.node, cost.database, cost.load) == pytest.approx((100e-6, 30e-6, 10e-6))
    assert measured.contention(REDEEM, SQLITE) == pytest.approx(0.1)
    assert measured.commit() == pytest.approx(0.5e-3)
    assert measured.bytes_per_grant(SQLITE) == 250.0
    assert measured.bytes_per_grant(POSTGRESQL) == 400.0
    assert measured.slowdown(CHECK, 100_000) == pytest.approx(1.05)
    assert measured.slowdown("getXcx", 100_000_000) == pytest.approx(1.2)


def test_a_curve_goes_on_as_it_went_but_never_down() -> None:
    assert interpolate([(10, 1.0), (1000, 3.0)], 100) == pytest.approx(2.0)
    assert interpolate([(10, 1.0), (1000, 3.0)], 1) == 1.0
    assert interpolate([(10, 3.0), (1000, 1.0)], 100_000) == 3.0


def test_what_was_not_measured_is_reported(tmp_path: Path) -> None:
    nothing = Measured.read(tmp_path / "latest.json", tmp_path / "growth.json")
    assert check(nothing) == []
    for figure in (nothing.commit, nothing.bytes_per_grant, lambda: nothing.cost(REDEEM, Setup())):
        with pytest.raises(MissingFigureError, match=r"make bench|--growth"):
            figure()


def test_a_node_carries_its_workers_less_their_contention(measured: Measured) -> None:
    one = node(measured, CHECK, POSTGRESQL, Assumptions(), 1)
    assert one.most == pytest.approx(10_000)
    assert one.utilisation == pytest.approx(1 - 1e-4 * math.log(100) / 5e-3)
    eight = node(measured, CHECK, POSTGRESQL, Assumptions(), 8)
    assert eight.most == pytest.approx(10_000 * 8 / 1.1)
    assert node(measured, CHECK, SQLITE, Assumptions(), 8).most == pytest.approx(10_000 * 8 / 1.7)
    assert (
        node(measured, REDEEM, POSTGRESQL, Assumptions(), 1).utilisation < one.utilisation
    )  # it waits for the disk


def test_a_database_carries_more_reads_than_writes(measured: Measured) -> None:
    assumed = Assumptions(grants=10_000, database_contention=0.0)
    reads, writes = database(measured, CHECK, assumed), database(measured, APP_TOKEN, assumed)
    assert reads.most == pytest.approx(16 / 30e-6)
    assert writes.most == pytest.approx(reads.most / 1.15)
    assert 0 < reads.knee < reads.most


def test_a_deployment_is_paid_for_its_peak(measured: Measured) -> None:
    assumed = Assumptions(grants=1e6, active=0.1, checks=86.4, refreshes=8.64, redeemed=0.0, peak=2.0)
    found = deploy(measured, assumed)
    assert (found.average, found.peak) == pytest.approx((110.0, 220.0))
    assert (found.nodes, found.workers, found.databases) == (2, 16, 1)
    assert found.disk_gib == pytest.approx(1e6 * 400 * 1.5 * 2 / 2**30)
    assert found.commits == pytest.approx(20.0)
    cores = 2 * 8 + 2 * 16
    an_hour = cores * 0.04 + found.disk_gib * 0.10 / 730
    assert found.an_hour == pytest.approx(an_hour)
    assert found.per_million_tokens == pytest.approx(an_hour / (1e6 * 0.1 * 8.64 / DAY * 3600) * 1e6)
    assert found.public_mbit == pytest.approx(220 * 900 * 8 / 1e6)


def test_all_pages_are_in_use_when_a_fifth_of_all_grants_is(measured: Measured) -> None:
    found = deploy(measured, Assumptions(grants=1e9))
    assert found.memory_gib == pytest.approx(1e9 * 400 / 2**30, rel=0.02)


def test_predictions_stand_beside_what_was_measured(measured: Measured) -> None:
    one, two = one_core(measured, CHECK, SQLITE), two_cores(measured, CHECK, POSTGRESQL)
    assert (one.predicted, one.measured, one.ratio) == pytest.approx((10_000, 9000, 0.9))
    assert two.predicted == pytest.approx(2 / 140e-6)
    late = at_the_knee(measured, REFRESH, SQLITE)
    assert late.predicted == pytest.approx(1e-4 / 0.2 * math.log(100) * 1e3 + 1.0)
    assert len(check(measured)) == 30


def test_the_tables_are_whole(measured: Measured) -> None:
    for table in (report.checked(measured), report.carried(measured, Assumptions()), report.constants(measured),
                  report.deployed(measured, Assumptions())):  # fmt: skip
        lines = table.splitlines()
        assert len({line.count("|") for line in lines}) == 1
        assert len(lines) > 3
