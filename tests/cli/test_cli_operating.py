"""The same commands on the embedded store, on PostgreSQL, and on a running service over HTTP: the same JSON."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bench.ports import free_port
from tests.cli import operating_steps as steps
from tests.cli.conftest import Cli, Sandbox
from tests.cli.operating_steps import run_steps
from tests.cli.served import serving
from tests.cli.test_cli_messages import PATHS
from tests.helpers.postgres import database_at

SUITES = {
    "callers": (steps.CALLERS, steps.CALLER_CODES),
    "keeper": (steps.KEEPER, steps.KEEPER_CODES),
    "realms": (steps.REALMS, steps.REALM_CODES),
    "house": (steps.HOUSE, steps.HOUSE_CODES),
    "relays": (steps.RELAYS, steps.RELAY_CODES),
    "declared": (steps.DECLARED, steps.DECLARED_CODES),
}
ON_HOST = (
    *(("dev",), ("serve",), ("sandbox",), ("migrate",), ("backup", "f"), ("restore", "f"), ("console",)),
    *(("store", "copy", "a", "postgresql://b"), ("config", "show"), ("platform", "list")),
    *(("platform", "show", "wechat"), ("platform", "check", "f"), ("admin", "add", "x", "--role", "owner")),
    *(("authorizer", "list"), ("authorizer", "link", "x"), ("authorizer", "show", "x")),
    *(("authorizer", "forget", "x"), ("authorizer", "recover", "x")),
)
"""Commands that refuse `--server`."""


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, cli: Cli, tmp_path: Path) -> str:
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
        cli.env["LINGPAI_STORE"] = asyncio.run(database_at(tmp_path))
    return name


def done(trail: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was done to what; the numbers of keys differ each time."""
    return [
        (each["action"], "" if each["target"].isdecimal() else each["target"])
        for each in trail
        if each["outcome"] == "done"
    ]


def enter(cli: Cli, tmp_path: Path, listen: str, role: str = "owner") -> dict[str, str]:
    """The variables of somebody elsewhere, who has a key of the service."""
    key = cli("admin", "add", "ann", "--role", role).json["key"]
    (tmp_path / "key").write_text(key + "\n")
    cli.env["LINGPAI_ADMIN__LISTEN"] = listen
    address = listen if listen.startswith("unix:") else f"http://{listen}"
    return {"LINGPAI_SERVER": address, "LINGPAI_ADMIN_KEY_FILE": str(tmp_path / "key")}


@pytest.mark.parametrize("suite", SUITES)
def test_a_command_says_the_same_on_both_engines(
    engine: str, suite: str, sandbox: Sandbox, cli: Cli, expected: dict[str, Any]
) -> None:
    del engine, sandbox
    commands, codes = SUITES[suite]
    cli("admin", "add", "ann", "--role", "owner")
    here = run_steps(cli, commands)
    assert [code for code, _, _ in here] == codes
    assert expected.setdefault(suite, here) == here


@pytest.mark.parametrize("suite", SUITES)
def test_over_http_it_says_the_same(suite: str, sandbox: Sandbox, cli: Cli, tmp_path: Path) -> None:
    del sandbox
    commands, _ = SUITES[suite]
    other = Cli(tmp_path / "other", {**cli.env, "LINGPAI_DATA": str(tmp_path / "other")})
    other("admin", "add", "ann", "--role", "owner")
    here = run_steps(other, commands)
    elsewhere = enter(cli, tmp_path, f"127.0.0.1:{free_port()}")
    with serving(cli):
        cli.env |= elsewhere
        there = run_steps(cli, commands)
        trail = cli("audit", "list", "--limit", "1000").json
    for step, local, remote in zip(commands, here, there, strict=True):
        assert remote == local, step
    assert done(trail) == done(other("audit", "list", "--limit", "1000").json)
    assert {each["actor_kind"] for each in trail if each["action"] != "admin.add"} <= {"admin"}


def test_by_a_socket_and_when_nobody_listens_or_the_key_is_wrong(cli: Cli, tmp_path: Path) -> None:
    elsewhere = enter(cli, tmp_path, f"unix:{tmp_path}/admin.sock", "operator")
    with serving(cli):
        cli.env |= elsewhere
        assert [code for code, _, _ in run_steps(cli, steps.CALLERS)] == steps.CALLER_CODES
        (tmp_path / "key").write_text("lpa_00000000_" + "a" * 43)
        assert "admin key is wrong" in cli("caller", "list").stderr
    assert "cannot be reached" in cli("app", "list").stderr
    assert "--server" in cli("app", "list", "--data", str(tmp_path)).stderr
    del cli.env["LINGPAI_ADMIN_KEY_FILE"]
    assert "LINGPAI_ADMIN_KEY_FILE" in cli("caller", "list").stderr


def test_who_may_see_to_the_users_of_one_realm_does_so_by_command(cli: Cli, tmp_path: Path) -> None:
    elsewhere = enter(cli, tmp_path, f"127.0.0.1:{free_port()}", "users@mall")
    with serving(cli):
        cli.env |= elsewhere
        assert cli("user", "add", "ann", "--realm", "mall", "--no-password").json["login"] == "ann"
        assert cli("user", "disable", "ann", "--realm", "mall").json["disabled"]
        refused = cli("app", "list", "--realm", "mall")
        assert (refused.code, "issuer/mall:read" in refused.stderr) == (1, True)
        assert "issuer:read" in cli("user", "list").stderr


def test_an_export_over_http_is_the_trail(cli: Cli, tmp_path: Path) -> None:
    elsewhere = enter(cli, tmp_path, f"127.0.0.1:{free_port()}")
    cli("caller", "add", "shop")
    with serving(cli):
        here = {"LINGPAI_SERVER": "", "LINGPAI_ADMIN_KEY_FILE": ""}
        cli.env |= elsewhere
        assert cli("audit", "export", "there.ndjson").json["rows"] == 2
        assert cli("audit", "export", "later.ndjson", "--after", "1").json["rows"] == 1
        cli("audit", "export", "here.ndjson", env=here)
    rows = [json.loads(line) for line in (cli.home / "there.ndjson").read_text().splitlines()]
    assert (cli.home / "here.ndjson").read_bytes() == (cli.home / "there.ndjson").read_bytes()
    assert [row["action"] for row in rows] == ["admin.add", "caller.add"]
    assert "caller.add" in (cli.home / "later.ndjson").read_text()


def test_a_value_leaves_a_server_for_a_reason_alone(cli: Cli, tmp_path: Path) -> None:
    elsewhere = enter(cli, tmp_path, f"127.0.0.1:{free_port()}")
    refused = cli("token", "get", "wx1", env=elsewhere)
    assert (refused.code, "--reason" in refused.stderr) == (2, True)


@pytest.mark.parametrize("command", ON_HOST, ids=" ".join)
def test_what_works_on_its_host_alone_refuses_a_server(cli: Cli, command: tuple[str, ...]) -> None:
    refused = cli("--server", "http://127.0.0.1:1", *command)
    assert (refused.code, refused.stdout) == (1, "")
    assert "works on its own host alone" in refused.stderr
    assert not cli.data.exists()


def test_a_server_in_the_environment_stops_no_command_of_the_host(cli: Cli, tmp_path: Path) -> None:
    elsewhere = enter(cli, tmp_path, f"127.0.0.1:{free_port()}")
    cli.env |= elsewhere  # as in a container, whose environment every process has
    with serving(cli):
        added = cli("admin", "add", "eve", "--role", "viewer")
        assert (added.code, added.json["name"]) == (0, "eve")
        assert cli("config", "show").code == cli("migrate").code == 0
        assert [each["name"] for each in cli("admin", "list").json] == ["ann", "eve"]
    assert cli("admin", "list").code == 1  # by the server, which ended


def test_every_command_is_tried_over_http_or_refuses(cli: Cli) -> None:
    del cli
    steps_of = [step for commands, _ in SUITES.values() for step in commands]
    tried = {step[:size] for step in steps_of for size in (1, 2)} | {("audit", "export")}
    tried |= {
        *(("context", name) for name in ("add", "list", "use", "remove")),
        ("audit", "list"),
        *(("hook", name) for name in ("add", "list", "test", "replay", "rotate", "remove")),
    }
    on_host = {each[:2] for each in ON_HOST} | {each[:1] for each in ON_HOST}
    groups = {path[:1] for path in PATHS if len(path) > 1}
    missing = [path for path in PATHS if path and path not in groups and path not in tried | on_host]
    assert missing == []
