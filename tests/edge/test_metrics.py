"""Counting requests, and gauges that are read when asked for."""

import asyncio
import re
from collections.abc import Sequence

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from lingpai.edge import metrics
from lingpai.edge.app import create_app
from lingpai.edge.durations import BOUNDS, WithHistogram
from lingpai.edge.metrics import AsyncGauge, Exposition, RequestMeter
from lingpai.edge.options import EdgeOptions
from tests.edge.running_edge import FALLBACK, MAIN, ROUTES, running

DURATION = "lingpai_http_request_duration_seconds"


def samples(text: str, name: str, server: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for label, value in sorted(sample.labels.items()) if label != "server"): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.get("server") == server
    }


async def test_requests_are_counted_by_template_method_and_status(request: pytest.FixtureRequest) -> None:
    server = request.node.name
    exposition = Exposition()
    app = create_app([*ROUTES, exposition.route(MAIN)], FALLBACK, EdgeOptions(name=server))
    async with running(app) as edge:
        await edge.get("/items/1")
        await edge.get("/items/2")
        await edge.get("/items/%ff")
        await edge.form("/form", "app=1&code=2")
        await edge.get("/crash")
        await edge.get("/secret/path?token=abc")
        await edge.ask("PUT", "/form")
        answer = await edge.get("/metrics")
        text = answer.body.decode()
    assert answer.headers["content-type"].startswith("text/plain")
    assert samples(text, f"{DURATION}_count", server) == {
        ("GET", "/items/{id}", "200"): 2,
        ("GET", "/items/{id}", "400"): 1,
        ("POST", "/form", "200"): 1,
        ("PUT", "/form", "405"): 1,
        ("GET", "/crash", "500"): 1,
        ("GET", "unrouted", "404"): 1,
    }
    assert samples(text, "lingpai_http_requests_in_flight", server) == {(): 1}  # the one that asks
    assert "abc" not in text


@pytest.mark.parametrize(
    ("networks", "status"), [((), 200), (("127.0.0.0/8", "::1/128"), 200), (("10.0.0.0/8",), 403)]
)
async def test_metrics_are_for_their_networks(
    networks: tuple[str, ...], status: int, request: pytest.FixtureRequest
) -> None:
    route = Exposition().route(MAIN, networks=networks)
    app = create_app([*ROUTES, route], FALLBACK, EdgeOptions(name=request.node.name))
    async with running(app) as edge:
        answer = await edge.get("/metrics")
    assert answer.status == status
    assert (b"lingpai_http" in answer.body) == (status == 200)


def test_tallies_add_up_to_what_observations_would(request: pytest.FixtureRequest) -> None:
    values = [0.0, 0.0005, 0.00050001, 0.003, 0.05, 0.2, 1.0, 9.9, 10.0, 11.0, 1000.0]
    server = request.node.name
    observed = CollectorRegistry()
    labels = ("server", "route", "method", "status")
    reference = Histogram(DURATION, "h", labels, buckets=BOUNDS, registry=observed)
    meter = RequestMeter(server)
    tallies = meter.bind("/x", "GET")
    for round_of in (values[:6], values[6:], []):
        for value in round_of:
            tallies.count(200, value)
            reference.labels(server, "/x", "GET", "200").observe(value)
        meter.publish()

    def shown(registry: Collector) -> dict[str, float]:
        return {
            f"{sample.name}{sample.labels.get('le', '')}": sample.value
            for family in registry.collect()
            if family.name == DURATION
            for sample in family.samples
            if sample.labels.get("server") == server and not sample.name.endswith("_created")
        }

    assert shown(WithHistogram(REGISTRY)) == pytest.approx(shown(observed))
    assert shown(observed)[f"{DURATION}_count"] == len(values)


async def test_gauges_are_asked_and_failures_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "GAUGE_TIMEOUT", 0.05)
    exposition = Exposition()

    async def held() -> list[tuple[Sequence[str], float]]:
        await asyncio.sleep(0)
        return [(("wechat", "wx1"), 12.5), (("wecom", "ww1"), 3)]

    async def fail() -> list[tuple[Sequence[str], float]]:
        raise OSError("no store")

    async def hang() -> list[tuple[Sequence[str], float]]:
        await asyncio.Event().wait()
        return []

    for name, read in (
        ("lingpai_test_seconds", held),
        ("lingpai_test_fails", fail),
        ("lingpai_test_hangs", hang),
    ):
        exposition.add(AsyncGauge(name, "For a test.", ("platform", "account"), read))
    text = (await exposition.render()).decode()
    assert 'lingpai_test_seconds{account="wx1",platform="wechat"} 12.5' in text
    assert 'lingpai_test_seconds{account="ww1",platform="wecom"} 3.0' in text
    assert not re.search("lingpai_test_(fails|hangs)", text)
