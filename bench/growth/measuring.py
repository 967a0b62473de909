"""The growth run: all stores served side by side, and each point measured on one after the other: drift hits all."""

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import load
from bench.cases import CASES, REDEEM
from bench.contender import Case, Request, Role
from bench.contenders.lingpai import serve
from bench.copying import copy_folder
from bench.growth import stores
from bench.growth.points import ASK, CONNECTIONS, HELD, Point, Size, requests
from bench.growth.points import CASES as MEASURED
from bench.machine import Cores
from bench.places import CACHE
from bench.ports import free_port
from bench.priming import prime
from bench.processes import Running, check, running

Say = Callable[[str], None]
_FIRST = (CASES[HELD], Request(ASK % 0))
CODES_A_SECOND = 25_000


@dataclass(frozen=True)
class GrowthPlan:
    """What to measure, how long (seconds for each point and round), how often, and where."""

    sizes: Sequence[Size]
    cases: Sequence[str]
    rounds: int
    seconds: int
    cores: Cores

    @property
    def codes(self) -> int:
        """How many codes one store needs."""
        return CODES_A_SECOND * self.seconds * self.rounds * (len(CONNECTIONS) - 1) + 1000


class _Served:
    """A store of some size, served."""

    def __init__(self, size: Size, home: Path, live: Running) -> None:
        self.size = size
        self.home = home
        self.live = live
        self.requests = requests(size, home)
        self._warm: set[str] = set()

    def measure(self, case: Case, connections: int, plan: GrowthPlan) -> Point:
        """One point of one round."""
        request, port = self.requests[case.name], self.live.port
        check(port, case, request)
        if case.name not in self._warm:
            warm_up = (
                4 if case.name == HELD and self.size.accounts >= 1000 else 1
            )  # each account several times
            load.run(port, request, plan.cores.load, warm_up)
            self._warm.add(case.name)
        before = self.live.cpu_seconds(Role.SERVICE)
        seen = load.run(port, request, plan.cores.load, plan.seconds, load.Pressure(connections))
        used = self.live.cpu_seconds(Role.SERVICE) - before
        return Point(
            case=case.name,
            grants=self.size.grants,
            accounts=self.size.accounts,
            connections=connections,
            per_second=seen.per_second,
            cpu_us=used / max(seen.requests, 1) * 1e6,
            p50_ms=seen.p50_ms,
            p99_ms=seen.p99_ms,
            rss_mib=self.live.rss_mib(),
            failures=seen.failures,
        )


@contextlib.contextmanager
def _serving(size: Size, cores: Cores, say: Say) -> Iterator[_Served]:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as scratch:
        home = Path(scratch) / "home"
        say(f"copying {size.name}")
        copy_folder(size.home, home)
        with running(serve(home, free_port(), {}), cores, Path(scratch), _FIRST) as live:
            say(f"fetching {size.accounts:,} tokens")
            prime(live.port, (ASK % number for number in range(size.accounts)), CASES[HELD])
            yield _Served(size, home, live)


def measure(plan: GrowthPlan, say: Say, found: Callable[[list[Point]], None]) -> list[Point]:
    """Measure all points; each case's are handed to ``found`` as soon as they are there.

    Raises:
        ContenderError: a service did not start, or answered wrongly.
        LoadError: wrk failed.
    """
    points: list[Point] = []
    with contextlib.ExitStack() as stack:
        served = [stack.enter_context(_serving(size, plan.cores, say)) for size in plan.sizes]
        for case in (name for name in MEASURED if name in plan.cases):
            takers = [one for one in served if case in one.requests]
            for one in takers if case == REDEEM else ():
                say(f"codes for {one.size.name}")
                stores.add_codes(one.home, plan.codes)
            made = summed_up(_rounds(case, takers, plan, say))
            found(made)
            points += made
    return points


def _rounds(case: str, takers: Sequence[_Served], plan: GrowthPlan, say: Say) -> list[list[Point]]:
    rounds = []
    for number in range(plan.rounds):
        said = f"{case}, round {number + 1} of {plan.rounds}"
        one_round = []
        for connections in CONNECTIONS:
            for one in takers:
                say(f"{said}, {connections} connections, {one.size.name}")
                one_round.append(one.measure(CASES[case], connections, plan))
        rounds.append(one_round)
    return rounds


def summed_up(rounds: Sequence[Sequence[Point]]) -> list[Point]:
    """Medians over rounds that measured the same points; each compared with the smallest store of its own round."""

    def middle(values: Sequence[float], digits: int) -> float:
        return round(statistics.median(values), digits)

    made = []
    for same in zip(*rounds, strict=True):
        pairs = [(point, _smallest(point, among)) for point, among in zip(same, rounds, strict=True)]
        quotients = [point.per_second / least.per_second for point, least in pairs if least is not None]
        made.append(
            Point(
                case=same[0].case,
                grants=same[0].grants,
                accounts=same[0].accounts,
                connections=same[0].connections,
                per_second=middle([one.per_second for one in same], 1),
                cpu_us=middle([one.cpu_us for one in same], 2),
                p50_ms=middle([one.p50_ms for one in same], 3),
                p99_ms=middle([one.p99_ms for one in same], 3),
                rss_mib=middle([one.rss_mib for one in same], 1),
                failures=sum(one.failures for one in same),
                versus=middle(quotients, 3) if quotients else None,
            )
        )
    return made


def _smallest(point: Point, among: Sequence[Point]) -> Point | None:
    """The point that differs only in how few grants are stored."""
    alike = [one for one in among if (one.accounts, one.connections) == (point.accounts, point.connections)]
    smallest = min(alike, key=lambda one: one.grants, default=None)
    return smallest if smallest and smallest.per_second else None
