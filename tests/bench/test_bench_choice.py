"""Who takes part, and requests whose answers are what is sent next."""

import itertools
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
import typer

from bench import load
from bench.__main__ import chosen
from bench.contender import Request
from bench.material import position_file, take
from bench.places import SCRIPTS

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None or shutil.which("taskset") is None,
    reason="NOT TESTED: the load needs wrk; apt-get install wrk",
)
ENGINES, WORKERS = ["sqlite", "postgresql"], ["1", "2"]


def names(only: list[str], skip: list[str], engines: list[str], workers: list[str]) -> set[str]:
    return {one.name for one in chosen(only, skip, engines, workers)}


def test_all_take_part_unless_something_is_said() -> None:
    everybody = names([], [], ENGINES, WORKERS)
    assert {
        "bare ASGI",
        "oidc-provider",
        "@jmondi/oauth2-server",
        "lingpai",
        "lingpai, issuer, postgresql, 2 workers",
    } <= everybody
    assert names([], ["django", "redis"], ENGINES, WORKERS) == everybody - {
        "django-oauth-toolkit",
        "Tornado + Redis",
        "FastAPI + Redis",
    }


def test_setups_of_lingpai_are_chosen_by_engine_and_workers() -> None:
    left = names([], [], ["postgresql"], ["2"])
    assert {name for name in left if name.startswith("lingpai")} == {
        "lingpai, postgresql, 2 workers",
        "lingpai, issuer, postgresql, 2 workers",
    }
    assert "nginx, static file" in left


def test_who_is_chosen_comes_with_the_references() -> None:
    assert names(["issuer"], [], ["sqlite"], ["1"]) == {"lingpai, issuer", "bare ASGI"}
    with pytest.raises(typer.BadParameter, match="oidc-provider"):
        chosen(["nobody"], [], ENGINES, WORKERS)


class Refresher(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    spent: set[str]
    lock: Lock
    wrong: list[str]
    numbers: "itertools.count[int]"

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        token = asked["refresh_token"][0]
        with self.lock:
            if token in self.spent or asked["app_id"] != [asked["open_id"][0].replace("o", "a")]:
                self.wrong.append(token)
            self.spent.add(token)
            fresh = f"t{next(self.numbers)}"
        body = f'{{"open_id":"{asked["open_id"][0]}","refresh_token":"{fresh}"}}'.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Wrk resets its connections at the end."""


@pytest.fixture
def refresher() -> Iterator[tuple[int, type[Refresher]]]:
    members = {"spent": set(), "lock": Lock(), "wrong": [], "numbers": itertools.count(1000)}
    handler: type[Refresher] = type("Own", (Refresher,), members)
    server = QuietServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, handler
    server.shutdown()
    thread.join()
    server.server_close()


def to_refresh(bodies: Path, count: int) -> Request:
    """Refreshes of so many grants, written to a file."""
    lines = ({"app_id": f"a{n}", "open_id": f"o{n}", "refresh_token": f"t{n}"} for n in range(count))
    bodies.write_text("".join(urlencode(line) + "\n" for line in lines), "utf-8")
    return Request("/r", "POST", script=SCRIPTS / "refreshing.lua", arguments=(str(bodies),), bodies=bodies)


@needs_wrk
def test_refreshed_tokens_are_what_is_sent_next(
    refresher: tuple[int, type[Refresher]], tmp_path: Path
) -> None:
    port, seen = refresher
    bodies = tmp_path / "refresh.bodies"
    request = to_refresh(bodies, 100)
    given = {f"t{n}" for n in range(1, 100)}  # wrk tries its script once, which costs the first
    runs = 0
    while runs < 2 or not given <= seen.spent:  # each run goes on with what the one before it left
        assert load.run(port, request, (0,), 1).failures == 0
        assert seen.wrong == []
        runs += 1
    left = [dict(parse_qsl(line)) for line in bodies.read_text("utf-8").splitlines()]
    assert {body["refresh_token"] for body in left}.isdisjoint(seen.spent)
    assert 100 - len(left) <= runs * 32  # what was under way at the end of a run is not known


@needs_wrk
def test_what_was_taken_apart_is_not_refreshed_again(
    refresher: tuple[int, type[Refresher]], tmp_path: Path
) -> None:
    port, seen = refresher
    bodies = tmp_path / "refresh.bodies"
    request = to_refresh(bodies, 99)
    assert take(bodies).endswith("=t0")
    assert load.run(port, request, (0,), 1).failures == 0
    assert seen.wrong == []
    assert "t0" not in seen.spent
    assert not position_file(bodies).exists()
