"""Counting: requests by route, and gauges that are asked for when somebody looks.

Several workers share their counts through the directory named by `PROMETHEUS_MULTIPROC_DIR`, which must be set
before this module is imported, and which the supervisor tidies when a worker ends.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any
from weakref import WeakSet

import msgspec
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from lingpai.core.addresses import is_within_blocks
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.hosts import Hosts
from lingpai.core.keyless import demand_program
from lingpai.core.logs import structlog
from lingpai.core.wire import Call, Reply, Route, Shape, Source
from lingpai.edge.durations import Tally, WithHistogram

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
GAUGE_TIMEOUT = 5.0
PUBLISH_EVERY = 1.0
log = structlog.get_logger("lingpai.edge")

IN_FLIGHT = Gauge(
    "lingpai_http_requests_in_flight",
    "Requests being answered, as of the last second.",
    ("server",),
    multiprocess_mode="livesum",
)

CONNECTIONS = Gauge(
    "lingpai_http_connections", "Open connections, as of the last second.", multiprocess_mode="livesum"
)
CONNECTIONS_CLOSED = Counter(
    "lingpai_http_connections_closed",
    "Connections closed for a limit: idle ones to make room, or new ones that were refused.",
    ("limit", "what"),
)

Samples = Iterable[tuple[Sequence[str], float]]


class Tallies:
    """Answers of one route and method.

    Attributes:
        by_status: tallies of the statuses that have been answered.
    """

    def __init__(self, make: Callable[[int], Tally]) -> None:
        self.by_status: dict[int, Tally] = {}
        self._make = make

    def count(self, status: int, seconds: float) -> None:
        """Count an answer that took `seconds`."""
        tally = self.by_status.get(status)
        if tally is None:
            tally = self.by_status[status] = self._make(status)
        tally.seconds.append(seconds)


class RequestMeter:
    """Counts the requests of one app.

    Args:
        server: the label that distinguishes apps of one process.

    Attributes:
        in_flight: requests being answered now; the responders keep it.
    """

    def __init__(self, server: str) -> None:
        self.in_flight = 0
        self._server = server
        self._tallies: list[Tally] = []
        _meters.add(self)

    def bind(self, route: str, method: str) -> Tallies:
        """Return what counts the answers of a route and method."""

        def make(status: int) -> Tally:
            tally = Tally(self._server, route, method, str(status))
            self._tallies.append(tally)
            return tally

        return Tallies(make)

    def publish(self) -> None:
        """Add what was counted since the last time to the metrics."""
        IN_FLIGHT.labels(self._server).set(self.in_flight)
        for tally in self._tallies:
            tally.publish()

    async def keep_publishing(self) -> None:
        """Publish each second, for whichever worker is asked. Ends when cancelled."""
        while True:
            self.publish()
            await asyncio.sleep(PUBLISH_EVERY)


class ConnectionMeter:
    """Counts the connections of one loop's servers.

    Attributes:
        open: connections that are open now; whoever publishes sets it.
    """

    def __init__(self) -> None:
        self.open = 0
        self._published = 0

    def count(self, limit: str, *, refused: bool) -> None:
        """Count a connection that was closed for a limit.

        Args:
            limit: which one.
            refused: whether it was the new one.
        """
        CONNECTIONS_CLOSED.labels(limit, "refused" if refused else "idle").inc()

    def publish(self) -> None:
        """Add what changed since the last time: there may be servers in other loops of this process."""
        CONNECTIONS.inc(self.open - self._published)
        self._published = self.open


_meters: WeakSet[RequestMeter] = WeakSet()


class AsyncGauge(msgspec.Struct, frozen=True):
    """A gauge that is computed when scraped, such as one that the store has to be asked for.

    Attributes:
        name: its full name, `lingpai_...`.
        help: one line.
        labels: names of its labels.
        read: gives label values and the value, for each series.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Awaitable[Samples]]


class _Fixed(Collector):
    def __init__(self, families: Sequence[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Sequence[GaugeMetricFamily]:
        return self._families


async def _family(gauge: AsyncGauge) -> GaugeMetricFamily | None:
    family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
    try:
        async with asyncio.timeout(GAUGE_TIMEOUT):
            for values, value in await gauge.read():
                family.add_metric(values, value)
    except LingpaiError as error:
        log.warning("gauge_failed", gauge=gauge.name, error=error.kind.value, detail=error.detail)
        return None
    except Exception:  # one gauge that cannot be read must not hide the others
        log.exception("gauge_failed", gauge=gauge.name)
        return None
    return family


class Exposition:
    """The answer of `GET /metrics`: all of prometheus-client's own metrics, and the gauges added here."""

    def __init__(self) -> None:
        self._gauges: list[AsyncGauge] = []

    def add(self, gauge: AsyncGauge) -> None:
        """Show `gauge` from now on."""
        self._gauges.append(gauge)

    async def render(self) -> bytes:
        """The text exposition format; a gauge that fails or takes longer than 5 seconds is left out."""
        families = [f for f in await asyncio.gather(*map(_family, self._gauges)) if f is not None]
        for meter in tuple(_meters):
            meter.publish()
        registry: CollectorRegistry = REGISTRY
        if MULTIPROCESS_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        shown = CollectorRegistry()
        shown.register(WithHistogram(registry))
        shown.register(_Fixed(families))
        return generate_latest(shown)

    def route(
        self, shape: Shape, path: str = "/metrics", networks: Sequence[str] = (), hosts: Hosts | None = None
    ) -> Route:
        """The route to declare.

        Args:
            shape: of its errors.
            path: where it is.
            networks: CIDR blocks of the callers that are answered; empty for all.
            hosts: names by which it may be addressed; those that nobody can own when None.
        """
        allowed, ours = tuple(networks), hosts or Hosts()

        async def show(_params: Any, call: Call) -> Reply:
            if allowed and not is_within_blocks(call.peer, allowed):
                raise LingpaiError(
                    Kind.NOT_ALLOWED, "Metrics are not for your network (setting edge.metrics_networks)."
                )
            demand_program(call, ours)
            return Reply(await self.render(), content_type=CONTENT_TYPE_LATEST)

        return Route(
            ("GET",),
            path,
            _Nothing,
            Source.QUERY,
            show,
            shape,
            "Get metrics for Prometheus.",
            Reply,
            "service",
        )


def totals(names: Collection[str]) -> dict[str, float]:
    """Return the sums of counters over all their labels, and over all workers that share their counts.

    Args:
        names: of the counters, without `_total`.
    """
    samples = frozenset(f"{name}_total" for name in names)
    found = dict.fromkeys(names, 0.0)
    registry: Any = REGISTRY.restricted_registry(samples)
    if MULTIPROCESS_VARIABLE in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    for family in registry.collect():
        for sample in family.samples:
            if sample.name in samples:
                found[sample.name.removesuffix("_total")] += sample.value
    return found


class _Nothing(msgspec.Struct):
    """A route without parameters."""
