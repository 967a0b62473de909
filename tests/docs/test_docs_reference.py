"""The generated reference is the code's, and leaves nothing out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.growth.points import Growth
from bench.model.capacity import Assumptions
from bench.model.costs import Measured
from docs.generate import PAGES, REFERENCE
from docs.generator import commands, errors, figures, metrics, routes, sandbox, scaling, settings
from docs.generator.markdown import attributes
from lingpai.core.errors import Kind
from lingpai.issuer.dialects.registry import dialects
from lingpai.sandbox import SandboxOptions
from lingpai.settings.realms import COUNTS, DURATIONS, SWITCHES
from tests.docs.blocks import ROOT
from tests.docs.shell import surroundings

OF_THE_CODE = sorted(
    set(PAGES) - {"figures.md", "scaling.md"}
)  # its source is a measurement, made anew by whoever measures


def read(name: str) -> str:
    return (REFERENCE / name).read_text("utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference as the code has it now, made where settings of all kinds lie about."""
    folder = tmp_path_factory.mktemp("reference")
    (folder / ".env").write_text("LINGPAI_PORT=1234\nTHIRD_APPID_wx1=secret\n")
    (folder / "lingpai.toml").write_text("no toml")
    environment = surroundings() | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "LINGPAI_HOST": "192.0.2.1",
        "LANG": "zh_CN.UTF-8",
    }
    subprocess.run(
        [sys.executable, "-m", "docs.generate", "made"], cwd=folder, env=environment, check=True, timeout=100
    )
    return folder / "made"


@pytest.mark.parametrize("name", OF_THE_CODE)
def test_what_is_committed_is_what_the_code_makes(name: str, written: Path) -> None:
    assert read(name) == (written / name).read_text("utf-8"), "run `make docs` and commit what it writes"


def test_nothing_else_lies_there(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == sorted(PAGES)
    assert sorted(path.name for path in REFERENCE.iterdir()) == sorted(PAGES)


def test_every_setting_is_there_and_explained() -> None:
    page = read("settings.md")
    names = [each.name for each in settings.settings()]
    assert {"host", "keeper.patience", "edge.trusted_proxies", "realms.<name>.dialect"} <= set(names)
    for each in settings.settings():
        assert f"`{each.path[-1]}`<br>`{each.variable}`" in page
        assert each.meaning, each.name


def test_every_route_is_there_and_explained() -> None:
    page = read("routes.md")
    paths = routes.document()["paths"]
    assert {"/AccessToken/getXcx", "/v1/tokens/{platform}/{account}", "/metrics", "/docs"} <= set(paths)
    for path, operations in paths.items():
        for method, operation in operations.items():
            answer = [line for line in page.splitlines() if line.endswith(f"`{routes.titled(path)}`")]
            assert any(method.upper() in line for line in answer), (method, path)
            assert operation["summary"].rstrip(".") in page


@pytest.mark.parametrize("name", ["commands.md", "commands.zh-CN.md"])
def test_every_command_and_option_is_there(name: str) -> None:
    sections = {part.partition("`\n")[0]: part for part in read(name).split("\n## `")}
    known = commands.commands()
    assert ("lingpai", "caller", "revoke") in {each.words for each in known}
    for each in known:
        section = sections[" ".join(each.words)]
        assert each.declared.help
        for option in each.options - {"--help"}:
            assert f"`{option}`" in section, (each.words, option)


def test_every_error_is_there_for_every_surface() -> None:
    page = read("errors.md")
    names = [each.name for each in errors.surfaces()]
    assert {"compatible routes", "yzb", "mall"} <= set(names)
    for kind in Kind:
        assert f"| `{kind.value}` |" in page
    for name in names:
        assert f"| {name} |" in page


def test_every_metric_is_there() -> None:
    page = read("metrics.md")
    names = {each.name for each in metrics.metrics()}
    assert {"lingpai_http_requests_in_flight", "lingpai_breaker_open", "lingpai_keeper_hits_total"} <= names
    for each in metrics.metrics():
        assert f"| `{each.name}` | {each.kind} |" in page
        assert each.help


def test_every_control_and_option_of_the_sandbox_is_there() -> None:
    page = read("sandbox.md")
    assert {"/_sandbox/calls", "/_sandbox/faults", "/_sandbox/kill"} <= {use.path for use in sandbox.uses()}
    for use in sandbox.uses():
        assert f"| {use.method} | `{use.path}` | {use.about} |" in page
        assert use.about
    about = attributes(SandboxOptions)
    for name in SandboxOptions.__struct_fields__:
        assert about[name]
        assert name in page


def test_figures_are_those_that_were_measured(tmp_path: Path) -> None:
    latest = tmp_path / "latest.json"
    row = {"name": "getXcx: lingpai", "engine": "sqlite", "workers": 1, "per_second": 12345.6, "ratio": None,
           "cpu_us": 1.0, "store_us": 0.25, "p50_ms": 0.5, "p99_ms": 1.25,
           "rss_mib": 80.4, "start_s": 0.5, "failures": 0}  # fmt: skip
    latest.write_text(json.dumps([row]))
    line = "| getXcx: lingpai | sqlite | 1 | 12,346 | – | 1.0 | 0.2 | 0.50 | 1.25 | 80 | 0.50 | 0 |"
    assert line in figures.page(latest)
    assert "make bench" in figures.page(tmp_path / "none.json")


def test_curves_are_those_that_were_measured(tmp_path: Path) -> None:
    growth = tmp_path / "growth.json"
    point = {"case": "redeem", "grants": 5_000_000, "accounts": 10_000, "connections": 32, "per_second": 12345.6,
             "versus": 0.987, "cpu_us": 61.25, "p50_ms": 2.5, "p99_ms": 4.75, "failures": 0}  # fmt: skip
    growth.write_text(json.dumps({"points": [point]}))
    page = figures.page(tmp_path / "none.json", growth)
    assert "| redeem | 5,000,000 | 10,000 | 32 | 12,346 | 0.99 | 61.2 | 2.50 | 4.75 | 0 |" in page
    assert "bench --growth" in figures.page(tmp_path / "none.json", tmp_path / "none.json")


def test_scaling_names_every_assumption_and_what_is_missing(tmp_path: Path) -> None:
    page = scaling.page(Measured([], Growth()))
    assert "Not measured yet" in page
    for name in Assumptions.__struct_fields__:
        assert f"| `{name}` | " in page


def test_every_number_of_a_policy_is_explained() -> None:
    section = read("settings.md").partition("### What `policy` may set\n")[2]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert {row[0].strip("`") for row in rows} == {*DURATIONS, *COUNTS, *SWITCHES}
    for name, _, *values, meaning in rows:
        policies = [
            getattr(policy, name.strip("`")) for policy in (each.policy for each in dialects().values())
        ]
        assert values == ["no limit" if each is None else f"`{int(each)}`" for each in policies]
        assert meaning.endswith("."), name


def test_the_reference_says_who_needs_string_status() -> None:
    (line,) = [each for each in read("settings.md").splitlines() if each.startswith("| `string_status`")]
    assert "Java and Python clients need true" in line
