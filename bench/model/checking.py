"""The model beside what was measured: predictions from the costs of one worker, for two, and for 80 % of the peak."""

import msgspec

from bench.contenders.engines import POSTGRESQL, SQLITE, Setup
from bench.model.costs import VERBS, WRITES, Measured, MissingFigureError
from bench.model.queueing import percentile


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One prediction, and what was measured."""

    what: str
    verb: str
    engine: str
    unit: str
    predicted: float
    measured: float

    @property
    def ratio(self) -> float:
        """What was measured divided by what was predicted."""
        return self.measured / self.predicted


def one_core(measured: Measured, verb: str, engine: str) -> Checked:
    """One worker on one core, with the load and the database on another: the fuller of the two is the limit."""
    setup = Setup(engine)
    cost = measured.cost(verb, setup)
    return Checked(
        what="1 worker on 1 core",
        verb=verb,
        engine=engine,
        unit="a second",
        predicted=min(1 / cost.node, 1 / (cost.load + cost.database)),
        measured=measured.row(verb, setup).per_second,
    )


def two_cores(measured: Measured, verb: str, engine: str) -> Checked:
    """Two workers, the load and the database together on two cores, from the costs that one worker has."""
    cost = measured.cost(verb, Setup(engine))
    return Checked(
        what="2 workers, all on 2 cores",
        verb=verb,
        engine=engine,
        unit="a second",
        predicted=2 / (cost.total + cost.load),
        measured=measured.row(verb, Setup(engine, 2)).per_second,
    )


def at_the_knee(measured: Measured, verb: str, engine: str) -> Checked:
    """The time in which 99 % of the answers come at 80 % of the peak.

    Raises:
        MissingFigureError: it was not measured, or the worker had no time to spare.
    """
    setup = Setup(engine)
    row, cost = measured.row(verb, setup, paced=True), measured.cost(verb, setup, paced=True)
    used = row.per_second * cost.node
    if used >= 1:
        raise MissingFigureError(f"{row.name!r}: the worker was full")
    waits = 2 * measured.commit() if verb in WRITES else 0.0
    return Checked(
        what=f"p99 with the worker {used:.0%} busy",
        verb=verb,
        engine=engine,
        unit="ms",
        predicted=(percentile(1, used, cost.node) + waits) * 1e3,
        measured=row.p99_ms,
    )


def check(measured: Measured) -> list[Checked]:
    """All predictions that can be checked with what was measured."""
    found = []
    for make in (one_core, two_cores, at_the_knee):
        for engine in (SQLITE, POSTGRESQL):
            for verb in VERBS:
                try:
                    found.append(make(measured, verb, engine))
                except MissingFigureError:
                    continue
    return found
