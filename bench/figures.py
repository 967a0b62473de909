"""From samples to rows: medians over the rounds, and ratios of runs of the same round."""

import statistics
from collections.abc import Callable, Iterable

import msgspec

from bench.cases import CASES

Samples = list["Sample"]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One case of one contender in one round; times in the unit that the name says.

    ``load_us`` is the CPU time of the load itself per answer; ``store_us`` what the store's processes used of
    ``cpu_us``; ``strangers`` is the share of the machine's CPU time, 0 to 1, that went to processes that are
    not part of the bench; ``distinct`` the share of the answers, 0 to 1, that brought a token which no answer
    before had; None where not counted.
    """

    case: str
    contender: str
    engine: str
    workers: int
    round: int
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    rss_mib: float
    start_s: float
    failures: int
    strangers: float
    distinct: float | None = None
    store_us: float = 0.0
    load_us: float = 0.0

    @property
    def name(self) -> str:
        """Name of the row that this sample belongs to."""
        return row_name(self.case, self.contender)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table: medians over the rounds.

    ``ratio`` is the median of ``per_second`` over the reference's of the same round; None when the reference
    was not measured.
    """

    name: str
    engine: str
    workers: int
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    reference: str
    ratio: float | None
    rss_mib: float
    start_s: float
    failures: int
    distinct: float | None = None
    store_us: float = 0.0
    load_us: float = 0.0


def row_name(case: str, contender: str) -> str:
    """What the row of a contender in a case is called."""
    return f"{case}: {contender}"


def _of(samples: Iterable[Sample], name: str) -> Samples:
    return [sample for sample in samples if sample.name == name]


def _per_second(sample: Sample) -> float:
    return sample.per_second


def median(samples: Samples, name: str, figure: Callable[[Sample], float]) -> float | None:
    """Median of a figure over the rounds of the row ``name``, or None when it has none."""
    values = [figure(sample) for sample in _of(samples, name)]
    return statistics.median(values) if values else None


def ratio(
    samples: Samples,
    name: str,
    reference: str,
    figure: Callable[[Sample], float] = _per_second,
) -> float | None:
    """Median over the rounds of ``name``'s figure divided by ``reference``'s of the same round.

    Returns:
        None when there is no round in which both were measured.
    """
    by_round = {sample.round: figure(sample) for sample in _of(samples, reference)}
    pairs = [(figure(one), by_round[one.round]) for one in _of(samples, name) if by_round.get(one.round)]
    return statistics.median(ours / theirs for ours, theirs in pairs) if pairs else None


def _row(samples: Samples, name: str) -> Row:
    own = _of(samples, name)
    reference = CASES[own[0].case].reference_row
    quotient = ratio(samples, name, reference)

    def middle(figure: Callable[[Sample], float], digits: int) -> float:
        return round(statistics.median(map(figure, own)), digits)

    return Row(
        name=name,
        engine=own[0].engine,
        workers=own[0].workers,
        per_second=middle(_per_second, 1),
        cpu_us=middle(lambda one: one.cpu_us, 2),
        p50_ms=middle(lambda one: one.p50_ms, 3),
        p99_ms=middle(lambda one: one.p99_ms, 3),
        reference=reference,
        ratio=None if quotient is None else round(quotient, 3),
        rss_mib=middle(lambda one: one.rss_mib, 1),
        start_s=middle(lambda one: one.start_s, 3),
        failures=sum(one.failures for one in own),
        store_us=middle(lambda one: one.store_us, 2),
        load_us=middle(lambda one: one.load_us, 2),
        distinct=_middle_share([one.distinct for one in own if one.distinct is not None]),
    )


def _middle_share(shares: list[float]) -> float | None:
    return round(statistics.median(shares), 4) if shares else None


def rows(samples: Samples) -> list[Row]:
    """The table: by case in the order of ``CASES``, the fastest first."""
    return ordered(_row(samples, name) for name in dict.fromkeys(sample.name for sample in samples))


def ordered(made: Iterable[Row]) -> list[Row]:
    """Rows by case in the order of ``CASES``, the fastest first."""
    order = list(CASES)
    return sorted(made, key=lambda row: (order.index(row.name.partition(": ")[0]), -row.per_second))
