"""Rounds: each contender in turn, started anew, again and again, so that drift of the machine hits all alike."""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import load
from bench.cases import CASES
from bench.contender import Case, Contender, Request, Site, free_port
from bench.figures import Sample, Samples
from bench.machine import Cores, busy_seconds, own_seconds
from bench.places import CACHE
from bench.processes import ContenderError, Running, check, running

_WARM_UP_S = 1


@dataclass(frozen=True)
class Plan:
    """How much to measure: how many rounds, how many seconds of load for each case, and where."""

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
        return busy_seconds() - own_seconds() - self._live.all_cpu_seconds()

    def strangers(self) -> float:
        """Share of the CPU time of all cores that went to others since the start; see ``Sample``."""
        capacity = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return max(0.0, (self._foreign() - self._before) / capacity)


def _measure(
    contender: Contender, work: tuple[Case, Request], live: Running, plan: Plan, number: int
) -> Sample:
    case, request = work
    check(live.port, case, request)
    load.run(live.port, request, plan.cores.load, _WARM_UP_S)
    before, watch = live.cpu_seconds(), _Watch(live)
    seen = load.run(live.port, request, plan.cores.load, plan.seconds)
    used, strangers = live.cpu_seconds() - before, watch.strangers()
    check(live.port, case, request)
    if not seen.requests:
        raise ContenderError(f"{contender.name} answered nothing in {plan.seconds} s")
    return Sample(
        case=case.name,
        contender=contender.name,
        engine=contender.engine,
        workers=contender.workers,
        round=number,
        per_second=seen.per_second,
        cpu_us=used / seen.requests * 1e6,
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
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="run-") as scratch:
        commands = contender.launch(Site(Path(scratch), free_port()))
        with running(commands, plan.cores, Path(scratch), cases[0]) as live:
            return [_measure(contender, work, live, plan, number) for work in cases]


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
        before: told before each start.
        failed: told when a contender dropped out; it is not started again.
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
