"""The page of metrics: what is registered with prometheus-client, and the gauges computed at each scrape."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from prometheus_client.metrics import MetricWrapperBase

import lingpai
from docs.generator.markdown import code, head, joined, table
from lingpai.edge import durations
from lingpai.keeper.status import gauges

if TYPE_CHECKING:
    from lingpai.keeper.keeper import Keeper


class Metric(NamedTuple):
    """One family; `name` as it is scraped, for histograms without the ending."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def metrics() -> list[Metric]:
    """All of Lingpai's own, by name."""
    return sorted({*_registered(), *_computed()})


def page() -> str:
    """The page."""
    blocks = head(
        "Metrics",
        "`GET /metrics` shows these, together with prometheus-client's own (`process_*`, `python_*`, where one process "
        "serves alone). A histogram has `_bucket`, `_sum` and `_count`; the `_count` of "
        "`lingpai_http_request_duration_seconds` is the number of requests. Label values are names, never secrets or "
        "tokens. Rules for alerts: [production](../how-to/production.md#metrics-and-alerts).",
        table(
            ("name", "type", "labels", "meaning"),
            [
                (code(each.name), each.kind, ", ".join(map(code, each.labels)), each.help)
                for each in metrics()
            ],
        ),
    )
    return joined(blocks)


def _registered() -> Iterator[Metric]:
    for found in pkgutil.walk_packages(lingpai.__path__, "lingpai."):
        for value in vars(importlib.import_module(found.name)).values():
            if isinstance(value, MetricWrapperBase):
                family = next(iter(value.describe()))
                if family.name.startswith(f"{durations.NAME}_"):
                    continue  # the counters that its histogram is made of
                ending = "_total" if family.type == "counter" else ""
                labels: Any = value._labelnames  # noqa: SLF001  a family says its labels with its samples alone
                yield Metric(family.name + ending, family.type, tuple(labels), family.documentation)


def _computed() -> Iterator[Metric]:
    yield Metric(durations.NAME, "histogram", durations.LABELS, durations.HELP)
    # What a gauge is called does not depend on the keeper that it will be asked of.
    for gauge in gauges(cast("Keeper", None)):
        yield Metric(gauge.name, "gauge", gauge.labels, gauge.help)
