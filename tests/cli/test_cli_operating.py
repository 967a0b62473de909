"""The same commands on the embedded store, on PostgreSQL, and on a running service over HTTP: the same JSON."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from bench.ports import free_port
from tests.cli.conftest import Cli
from tests.cli.served import serving
from tests.helpers.postgres import database_at

STEPS = (
    ("caller", "add", "shop", "--right", "token", "--right", "sign", "--environment", "dev"),
    ("caller", "add", "till", "--app", "wechat/wx1", "--network", "10.0.0.0/8"),
    ("caller", "set", "shop", "--environment", "production", "--network", "10.0.0.0/8"),
    ("caller", "set", "shop", "--environment", "production"),
    ("caller", "set", "shop", "--network", ""),
    ("caller", "show", "shop"),
    ("caller", "rotate", "shop", "--overlap", "1h"),
    ("caller", "rotate", "shop", "--now"),
    ("caller", "list"),
    ("caller", "revoke", "till"),
    ("caller", "show", "till"),
    # Refusals.
    ("caller", "add", "shop"),
    ("caller", "add", "a b"),
    ("caller", "add", "x", "--app", "weibo/1", "--right", "everything"),
    ("caller", "set", "till", "--right", "token"),
    ("caller", "set", "nobody", "--right", "token"),
    ("caller", "show", "nobody"),
    ("caller", "rotate", "till"),
    ("caller", "revoke", "till"),
    ("caller", "list"),
)
VARYING = re.compile(r"lpk_[\w-]{43}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def run_steps(cli: Cli) -> list[tuple[int, str, str]]:
    """Exit code and output of every step; keys and times, which differ each time, left out."""
    answers = [cli(*arguments) for arguments in STEPS]
    return [(each.code, VARYING.sub("…", each.stdout), each.stderr) for each in answers]


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


def test_a_command_says_the_same_here_and_over_http(engine: str, cli: Cli, expected: dict[str, Any]) -> None:
    del engine
    here = run_steps(cli)
    assert [code for code, _, _ in here] == [0] * 11 + [1, 2, 2, 1, 1, 1, 1, 1, 0]
    assert expected.setdefault("here", here) == here


@pytest.mark.parametrize("where", ["port", "socket"])
def test_over_http_it_is_the_same(cli: Cli, tmp_path: Path, where: str) -> None:
    key = cli("admin", "add", "ann", "--role", "operator").json["key"]
    (tmp_path / "key").write_text(key + "\n")
    listen = f"127.0.0.1:{free_port()}" if where == "port" else f"unix:{tmp_path}/admin.sock"
    cli.env["LINGPAI_ADMIN__LISTEN"] = listen
    other = Cli(tmp_path / "other", {**cli.env, "LINGPAI_DATA": str(tmp_path / "other")})
    there = run_steps(other)
    with serving(cli):
        cli.env |= {
            "LINGPAI_SERVER": f"http://{listen}" if where == "port" else listen,
            "LINGPAI_ADMIN_KEY_FILE": str(tmp_path / "key"),
        }
        assert run_steps(cli) == there
        refused = cli("account", "list")
        assert (refused.code, "--server" in refused.stderr) == (1, True)
        (tmp_path / "key").write_text("lpa_00000000_" + "a" * 43)
        assert "admin key is wrong" in cli("caller", "list").stderr
    assert "cannot be reached" in cli("caller", "list").stderr
    del cli.env["LINGPAI_ADMIN_KEY_FILE"]
    assert "LINGPAI_ADMIN_KEY_FILE" in cli("caller", "list").stderr
    del cli.env["LINGPAI_SERVER"]
    actors = {(each["actor_kind"], each["action"]) for each in cli("audit", "list").json}
    assert ("admin", "caller.change") in actors
