"""What `deploy` has for Prometheus, Grafana and Kubernetes: valid, and about what exists."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lingpai import __version__
from lingpai.settings import Settings
from lingpai.settings.sources import read_toml
from tests.prepare import KUBERNETES, PROMTOOL, find_promtool

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "grafana" / "lingpai.json"
MANIFESTS = ROOT / "deploy" / "kubernetes" / "lingpai.yaml"
_METRIC = re.compile(r"\blingpai_\w+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")


def declared() -> dict[str, set[str]]:
    """Return the labels of each metric of the reference, which is generated from the code."""
    lines = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8").splitlines()
    rows = [line.split(" | ") for line in lines if line.startswith("| `lingpai_")]
    return {row[0].strip("| `"): set(re.findall(r"`(\w+)`", row[2])) for row in rows}


def expressions() -> Iterator[tuple[str, str]]:
    """Yield where an expression is, and its text."""
    for group in msgspec.yaml.decode(ALERTS.read_bytes())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]
            legend = re.findall(r"{{(\w+)}}", target["legendFormat"])
            yield panel["title"], " ".join(f"by ({label})" for label in legend)


def test_alerts_and_dashboard_name_metrics_and_labels_that_exist() -> None:
    metrics = declared()
    labels = {label for each in metrics.values() for label in each} | {"le", "instance", "job"}
    named = set()
    for where, text in expressions():
        for metric in _METRIC.findall(text):
            name = _SUFFIX.sub("", metric)
            named.add(name)
            assert name in metrics, (where, metric)
        for group in re.findall(r"by \(([^)]*)\)", text):
            assert set(re.split(r", *", group)) <= labels, (where, group)
    assert named >= metrics.keys() - {"lingpai_held_age_seconds", "lingpai_http_requests_in_flight",
                                      "lingpai_keeper_misses_total"}  # fmt: skip


def test_each_alert_says_what_to_do() -> None:
    (group,) = msgspec.yaml.decode(ALERTS.read_bytes())["groups"]
    for rule in group["rules"]:
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]


def test_panels_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


@pytest.mark.skipif(find_promtool() is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "command", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")]
)
def test_promtool_accepts_the_alerts(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [str(find_promtool()), *command], cwd=ALERTS.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def manifests() -> list[dict[str, Any]]:
    return [msgspec.yaml.decode(each) for each in MANIFESTS.read_text("utf-8").split("\n---\n")]


@pytest.mark.skipif(not KUBERNETES.is_dir(), reason="kubernetes-validate is not installed")
@pytest.mark.parametrize("version", ["1.29", "1.34"])
def test_the_manifests_fit_kubernetes(version: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(KUBERNETES), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(MANIFESTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed") >= len(manifests()), done.stdout


def test_the_manifests_belong_together(tmp_path: Path) -> None:
    by_kind = {each["kind"]: each for each in manifests()}
    labels = {"app.kubernetes.io/name": "lingpai"}
    pod = by_kind["Deployment"]["spec"]["template"]
    assert by_kind["Deployment"]["spec"]["replicas"] == 2
    assert pod["metadata"]["labels"] == labels
    assert by_kind["Service"]["spec"]["selector"] == labels
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    assert by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    volumes = {each["name"] for each in pod["spec"]["volumes"]}
    for container in (*pod["spec"]["initContainers"], *pod["spec"]["containers"]):
        assert {each["name"] for each in container["volumeMounts"]} <= volumes
        assert container["image"] == f"lingpai:{__version__}"
        assert container["securityContext"]["readOnlyRootFilesystem"]
    file = tmp_path / "lingpai.toml"
    file.write_text(by_kind["ConfigMap"]["data"]["lingpai.toml"], "utf-8")
    settings = Settings(**read_toml(file))
    (served,) = pod["spec"]["containers"]
    assert settings.port == served["ports"][0]["containerPort"]
    assert settings.drain + settings.upstream_timeout + 7 + 5 <= pod["spec"]["terminationGracePeriodSeconds"]


def test_promtool_comes_from_the_pinned_place() -> None:
    assert PROMTOOL.parts[-2:] == (".cache", "prometheus")
