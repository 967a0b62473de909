"""Rounds: each contender in turn, started anew, again and again, so that drift of the machine hits all alike."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import load
from bench.cases import CASES, OF_THE_PEAK, PACED
from bench.contender import Case, Contender, Request, Role, Site
from bench.figures import Sample, Samples
from bench.machine import Cores, busy_seconds, own_seconds, spread
from bench.places import CACHE
from bench.ports import free_port
from bench.processes import ContenderError, Running, check, running


@dataclass(frozen=True)
class Plan:
    """How much to measure: how many rounds, how many seconds of load for each case, and where one worker runs."""

    rounds: int
    seconds: int
    cores: Cores


class _Watch:
    """How much of the machine others use while we measure."""

    def __init__(self, live: Running) -> None:
        self._live = live
        self._began = time.monotonic()
        self._before = self._foreign()

    def _foreign(self) -> float:
        return busy_seconds() - own_seconds() - self._live.cpu_seconds(*Role)

    def strangers(self) -> float:
        """Share of the CPU time of all cores that went to others since the start; see ``Sample``."""
        capacity = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return max(0.0, (self._foreign() - self._before) / capacity)


@dataclass(frozen=True)
class _Run:
    """One contender at work in one round."""

    contender: Contender
    live: Running
    plan: Plan
    cores: Cores
    number: int

    def case(self, case: Case, request: Request) -> Samples:
        """Measure a case at full load, and at a part of it when the contender wants that."""
        pressure = load.Pressure(load.CONNECTIONS * self.contender.workers)
        self._load(request, self.contender.warm_up_s, pressure)
        full = self._sample(case, request, pressure)
        if case.name not in self.contender.paced:
            return [full]
        paced = load.Pressure.at(full.per_second * OF_THE_PEAK)
        return [full, self._sample(CASES[PACED[case.name]], request, paced)]

    def _load(self, request: Request, seconds: int, pressure: load.Pressure) -> load.Load:
        return load.run(self.live.port, request, self.cores.load, seconds, pressure)

    def _sample(self, case: Case, request: Request, pressure: load.Pressure) -> Sample:
        live = self.live
        check(live.port, case, request)
        ours, stores = live.cpu_seconds(Role.SERVICE), live.cpu_seconds(Role.STORE)
        watch, loading = _Watch(live), own_seconds()
        seen = self._load(request, self.plan.seconds, pressure)
        ours, stores = live.cpu_seconds(Role.SERVICE) - ours, live.cpu_seconds(Role.STORE) - stores
        loading, strangers = own_seconds() - loading, watch.strangers()
        check(live.port, case, request)
        if not seen.requests:
            raise ContenderError(f"{self.contender.name} answered nothing in {self.plan.seconds} s")
        return Sample(
            case=case.name,
            contender=self.contender.name,
            engine=self.contender.engine,
            workers=self.contender.workers,
            round=self.number,
            per_second=seen.per_second,
            cpu_us=(ours + stores) / seen.requests * 1e6,
            store_us=stores / seen.requests * 1e6,
            load_us=loading / seen.requests * 1e6,
            p50_ms=seen.p50_ms,
            p99_ms=seen.p99_ms,
            rss_mib=live.rss_mib(),
            start_s=live.start_s,
            failures=seen.failures,
            distinct=seen.distinct,
            strangers=strangers,
        )


def measure(contender: Contender, plan: Plan, number: int) -> Samples:
    """Start ``contender``, measure each of its cases once, stop it.

    Raises:
        ContenderError: it did not start, or answered wrongly.
        LoadError: wrk failed.
    """
    cases = [(CASES[name], request) for name, request in contender.requests.items()]
    place = spread(plan.cores, contender.workers)
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as scratch:
        commands = contender.launch(Site(Path(scratch), free_port()))
        with running(commands, place, Path(scratch), cases[0]) as live:
            run = _Run(contender, live, plan, place, number)
            return [sample for work in cases for sample in run.case(*work)]


def alternate(
    contenders: Sequence[Contender],
    plan: Plan,
    before: Callable[[Contender, int], None],
    failed: Callable[[Contender, Exception], None],
) -> Samples:
    """All rounds. Each begins one contender later than the previous one, so that none always follows the same.

    Args:
        contenders: who takes part.
        plan: how much.
        before: called before each start.
        failed: called when a contender dropped out; it is not started again.
    """
    samples: Samples = []
    left = list(contenders)
    for number in range(plan.rounds):
        shift = number % max(len(left), 1)
        for contender in left[shift:] + left[:shift]:
            before(contender, number)
            try:
                samples += measure(contender, plan, number)
            except (ContenderError, load.LoadError, OSError) as error:
                failed(contender, error)
                left.remove(contender)
    return samples
