"""Keys that realms share with sites, sessions that operators end, and what the doctor says about logins elsewhere."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lingpai.issuer.verbs.sessions import start_session
from tests.cli.conftest import Cli
from tests.cli.issuing import worker

SETTING = "LINGPAI_REALMS__MALL__LOGIN"


def make_key(cli: Cli, *options: str) -> Any:
    return cli("realm", "login-key", "--realm", "mall", *options).json


def test_a_key_is_made_and_shown_once(cli: Cli) -> None:
    made = make_key(cli)
    assert (made["realm"], made["number"], len(made["key"])) == ("mall", 1, 64)
    assert made["iss"].endswith("/user/mall")
    assert made["return_to"] == made["iss"] + "/login/return"
    again = cli("realm", "login-key", "--realm", "mall")
    assert again.code == 1
    assert "--rotate" in again.stderr
    assert made["key"] not in again.stdout + again.stderr


def test_rotating_makes_another_key(cli: Cli) -> None:
    first = make_key(cli, "--rotate")
    second = make_key(cli, "--rotate")
    last = make_key(cli, "--rotate", "--at-once")
    assert [each["number"] for each in (first, second, last)] == [1, 2, 3]
    assert len({each["key"] for each in (first, second, last)}) == 3
    assert cli("realm", "login-key", "--at-once").code == 2


class Site(BaseHTTPRequestHandler):
    """Answers with the status in its path."""

    asked: list[str] = []  # noqa: RUF012  one for all

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(int(self.path.split("/")[1].split("?")[0]))
        self.send_header("Location", "https://elsewhere.example/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def finding(cli: Cli, login: str) -> dict[str, Any]:
    answer = cli("doctor", "--json", env={SETTING: login})
    (found,) = (each for each in json.loads(answer.stdout)["findings"] if each["check"] == "login")
    return dict(found)


def test_the_doctor_asks_the_site_with_a_signed_request(cli: Cli, site: str) -> None:
    cli("user", "add", "ann", "--realm", "mall", "--no-password")  # which makes the store
    missing = finding(cli, site + "/200")
    assert missing["verdict"] == "fail"
    assert "login-key --realm mall" in missing["remedy"]
    make_key(cli)
    for status, verdict in ((200, "ok"), (302, "ok"), (403, "fail"), (500, "fail")):
        assert finding(cli, f"{site}/{status}")["verdict"] == verdict, status
    assert all("?login_request=eyJ" in path for path in Site.asked[-4:])
    assert finding(cli, "http://127.0.0.1:1/")["verdict"] == "fail"


@pytest.mark.parametrize(
    "login",
    [
        "ftp://shop.example",
        "https://",
        "/login",
        "https://me@shop.example",
        "https://shop.example/#x",
        "https://shop.example/a b",
    ],
)
def test_an_address_that_does_not_do_is_refused(cli: Cli, login: str) -> None:
    refused = cli("user", "list", env={SETTING: login})
    assert refused.code == 1
    assert "realms.mall.login" in refused.stderr


def test_an_operator_logs_a_user_out_everywhere(cli: Cli) -> None:
    async def log_in_twice() -> None:
        async with worker(cli) as issuers:
            known = await issuers["mall"].store.find_login("mall", "ann")
            assert known is not None
            for _ in range(2):
                await start_session(issuers["mall"], known[0])

    cli("user", "add", "ann", "--realm", "mall", "--no-password")
    asyncio.run(log_in_twice())
    ended = cli("user", "logout", "ann", "--realm", "mall").json
    assert ended == {"realm": "mall", "login": "ann", "sessions_ended": 2}
    assert cli("user", "logout", "ann").json["sessions_ended"] == 0
    assert cli("user", "logout", "nobody").code == 1
