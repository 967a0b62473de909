"""`lingpai hook`."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.conftest import Cli


class Taker(http.server.BaseHTTPRequestHandler):
    """Somebody's server."""

    got: list[tuple[dict[str, str], Any]] = []  # noqa: RUF012  one server per test, see `taker`
    status = 204

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
        self.send_response(self.status)
        self.end_headers()


@pytest.fixture
def taker() -> Iterator[tuple[type[Taker], str]]:
    handler = type("Handler", (Taker,), {"got": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


def test_a_hook_from_its_first_to_its_last_day(cli: Cli, taker: tuple[type[Taker], str]) -> None:
    handler, url = taker
    cli.env["LINGPAI_KEEPER__HOOK_NETWORKS"] = '["127.0.0.0/8"]'
    added = cli(
        "hook", "add", "ops", url, "--app", "wechat/wx5a3b1e0000000001", "--type", "token.renewed"
    ).json
    assert added["secret"].startswith("whsec_")
    assert (added["state"], added["behind"], added["types"]) == ("active", 0, ["token.renewed"])
    again = cli("hook", "add", "ops", url)
    assert again.code == 1
    assert "already" in again.stderr
    (listed,) = cli("hook", "list").json
    assert listed["url"] == url
    assert "secret" not in listed

    assert cli("hook", "test", "ops").json["outcome"] == "delivered"
    headers, event = handler.got[0]
    assert event["type"] == "test"
    assert headers["webhook-signature"].startswith("v1,")
    handler.status = 500
    failed = cli("hook", "test", "ops")
    assert failed.code == 1
    assert "it answers 500" in failed.stderr

    rotated = cli("hook", "rotate", "ops", "--overlap", "1h").json
    assert rotated["secret"] != added["secret"]
    handler.status = 204
    cli("hook", "test", "ops")
    assert len(handler.got[-1][0]["webhook-signature"].split()) == 2
    assert cli("hook", "replay", "ops").json["behind"] == 0
    assert "are kept" in cli("hook", "replay", "ops", "--after", "9").stderr
    assert cli("hook", "remove", "ops").json["outcome"] == "removed"
    assert "lingpai hook list" in cli("hook", "remove", "ops").stderr
    assert cli("hook", "list").json == []
    actions = [each["action"] for each in cli("audit", "list").json]
    assert {"hook.add", "hook.rotate", "hook.replay", "hook.remove"} <= set(actions)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ops", "ftp://a.example"), "must be an http or https address"),
        (("ops", "https://u:p@a.example"), "must be an http or https address"),
        (("ops", "https://a.example", "--type", "token.gone"), "There is no type token.gone"),
        (("ops", "https://a.example", "--app", "nowhere/x"), "is not an account"),
        (("o p", "https://a.example"), "is not a name"),
    ],
)
def test_mistakes_are_named(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    refused = cli("hook", "add", *arguments)
    assert refused.code == 2
    assert said in " ".join(refused.stderr.split())


def test_addresses_inside_are_not_reached(cli: Cli, taker: tuple[type[Taker], str]) -> None:
    handler, url = taker
    cli("hook", "add", "ops", url)
    refused = cli("hook", "test", "ops")
    assert "networks that are allowed" in refused.stderr
    assert handler.got == []
