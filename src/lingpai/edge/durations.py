"""A histogram of the time that answers took, counted in batches.

prometheus-client's `Histogram` takes observations one by one, each behind a lock and, with several workers, behind a
file: more than all else that an answer costs. So each bucket is a counter, which takes sums, and the collector makes
one histogram of them when it is scraped.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

BOUNDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
NAME: Final = "lingpai_http_request_duration_seconds"
HELP: Final = "Requests answered and how long that took, by route template, method and status."
LABELS: Final = ("server", "route", "method", "status")
_BOUND_LABELS: Final = (*map(str, BOUNDS), "+Inf")
_COUNTS: Final = Counter(f"{NAME}_counts", "Answers by the bucket of their time.", (*LABELS, "le"))
_SUM: Final = Counter(f"{NAME}_seconds", "Seconds that answers took.", LABELS)


class Tally:
    """Answers of one route, method and status since they were last published.

    Args:
        labels: server, route template, method and status.

    Attributes:
        seconds: how long each took.
    """

    __slots__ = ("_counts", "_sum", "seconds")

    def __init__(self, *labels: str) -> None:
        self.seconds: list[float] = []
        self._counts = tuple(_COUNTS.labels(*labels, bound) for bound in _BOUND_LABELS)
        self._sum = _SUM.labels(*labels)

    def publish(self) -> None:
        """Add them to the metrics."""
        seconds = self.seconds
        if not seconds:
            return
        self.seconds = []
        counts = [0] * len(_BOUND_LABELS)
        for each in seconds:
            counts[bisect_left(BOUNDS, each)] += 1
        for counter, count in zip(self._counts, counts, strict=True):
            if count:
                counter.inc(count)
        self._sum.inc(sum(seconds))


class WithHistogram(Collector):
    """The families of a registry, with one histogram in place of the counters of this module.

    Args:
        registry: the process's own, or one that reads the files of all workers.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    @override
    def collect(self) -> Iterator[Metric]:
        counts: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        sums: dict[tuple[str, ...], float] = {}
        for family in self._registry.collect():
            if family.name == f"{NAME}_counts":
                for labels, values, value in _totals(family):
                    counts[labels][values["le"]] = value
            elif family.name == f"{NAME}_seconds":
                sums |= {labels: value for labels, _, value in _totals(family)}
            else:
                yield family
        histogram = HistogramMetricFamily(NAME, HELP, labels=LABELS)
        for labels, by_bound in counts.items():
            total, buckets = 0.0, []
            for bound in _BOUND_LABELS:
                total += by_bound.get(bound, 0.0)
                buckets.append((bound, total))
            histogram.add_metric(labels, buckets, sums.get(labels, 0.0))
        yield histogram


def _totals(family: Metric) -> Iterable[tuple[tuple[str, ...], dict[str, str], float]]:
    for sample in family.samples:
        if sample.name.endswith("_total"):
            yield tuple(sample.labels[name] for name in LABELS), sample.labels, sample.value
