"""A tiny real run: processes, load and figures together."""

import contextlib
import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from bench import load
from bench.answers import ACCOUNT
from bench.cases import CASES, HELD_TOKEN
from bench.contender import Case, Command, Contender, Request, Role, Site
from bench.contenders.bare import BARE_ASGI, serve
from bench.machine import Cores, cores
from bench.places import SCRIPTS
from bench.ports import free_port
from bench.priming import prime
from bench.processes import ContenderError, check, running
from bench.rounds import Plan, measure

ONE_CORE = Cores((0,), (0,))
CASE = CASES["getXcx"]
FIRST = (CASE, HELD_TOKEN["getXcx"])

needs_wrk = pytest.mark.skipif(
    shutil.which("wrk") is None or shutil.which("taskset") is None,
    reason="NOT TESTED: the bench's real run needs wrk; apt-get install wrk",
)
needs_taskset = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="NOT TESTED: needs taskset (util-linux)"
)


@pytest.fixture
def place() -> Cores:
    try:
        return cores()
    except RuntimeError:
        return ONE_CORE


@needs_wrk
def test_the_bare_app_is_measured(place: Cores) -> None:
    getxcx, token, form = measure(BARE_ASGI, Plan(1, 1, place), 7)
    assert (getxcx.case, token.case, getxcx.round) == ("getXcx", "cgi-bin/token", 7)
    assert form.case == "form POST"
    assert getxcx.failures == token.failures == form.failures == 0
    assert getxcx.per_second > 100
    assert 1 < getxcx.cpu_us < 1e6 / getxcx.per_second * 1.5
    assert 0 < getxcx.p50_ms <= getxcx.p99_ms
    assert 10 < getxcx.rss_mib < 500
    assert 0 < getxcx.start_s < 30
    assert 0 <= getxcx.strangers <= 1


def descendants() -> Iterator[tuple[psutil.Process, list[str]]]:
    """Our processes and theirs, with their command lines; those of other tests' servers come and go meanwhile."""
    for one in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # and so psutil.ZombieProcess
            yield one, one.cmdline()


@needs_taskset
def test_processes_are_pinned_and_end(tmp_path: Path, place: Cores) -> None:
    port, upstream = free_port(), free_port()
    with running((serve(upstream, Role.UPSTREAM), serve(port)), place, tmp_path, FIRST) as live:
        check(live.port, *FIRST)
        by_port = {command[-1]: one for one, command in descendants() if "uvicorn" in command}
        assert tuple(by_port[str(port)].cpu_affinity()) == place.server
        assert tuple(by_port[str(upstream)].cpu_affinity()) == place.load
        assert live.start_s < 30
    assert not any(one.is_running() for one in by_port.values())


@needs_taskset
def test_a_service_that_dies_is_reported_with_its_words(tmp_path: Path, place: Cores) -> None:
    dying = Command(("sh", "-c", "echo no such setting; exit 3"), free_port())
    with (
        pytest.raises(ContenderError, match=r"(?s)ended with 3.*no such setting"),
        running((dying,), place, tmp_path, FIRST),
    ):
        pytest.fail("it must not count as started")


@needs_taskset
def test_a_wrong_answer_is_found(tmp_path: Path, place: Cores) -> None:
    with running((serve(free_port()),), place, tmp_path, FIRST) as live:
        with pytest.raises(ContenderError, match="unexpected answer 200"):
            check(live.port, CASES["cgi-bin/token"], HELD_TOKEN["getXcx"])
        with pytest.raises(ContenderError, match="unexpected answer 500"):
            check(live.port, CASE, Request("/nowhere"))


@pytest.mark.parametrize("contender", [BARE_ASGI], ids=lambda one: one.name)
def test_the_service_is_launched_last(contender: Contender, tmp_path: Path) -> None:
    commands = contender.launch(Site(tmp_path, 40_123))
    assert (commands[-1].port, commands[-1].role) == (40_123, Role.SERVICE)


class Recorder(BaseHTTPRequestHandler):
    seen: set[tuple[str, str, str]]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.seen.add((self.command, self.path, body))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_POST  # noqa: N815 - the base class names it

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Wrk resets its connections at the end."""


@pytest.fixture
def recorder() -> Iterator[tuple[int, set[tuple[str, str, str]]]]:
    seen: set[tuple[str, str, str]] = set()
    server = QuietServer(("127.0.0.1", 0), type("Own", (Recorder,), {"seen": seen}))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port, seen
    server.shutdown()
    thread.join()
    server.server_close()


def test_priming_asks_for_each_path_once(recorder: tuple[int, set[tuple[str, str, str]]]) -> None:
    port, seen = recorder
    anything = Case("any", "any", b"{}")
    prime(port, (f"/x?appid={number}" for number in range(100)), anything)
    assert seen == {("GET", f"/x?appid={number}", "") for number in range(100)}


def test_priming_ends_at_a_wrong_answer(recorder: tuple[int, set[tuple[str, str, str]]]) -> None:
    with pytest.raises(ContenderError, match="/x: unexpected answer 200"):
        prime(recorder[0], ["/x"] * 3, CASE)


def test_priming_says_that_nobody_listens() -> None:
    with pytest.raises(ContenderError, match="connect"):
        prime(free_port(), ["/x"], CASE)


@needs_wrk
def test_wrk_sends_method_and_body(recorder: tuple[int, set[tuple[str, str, str]]], place: Cores) -> None:
    port, seen = recorder
    assert load.run(port, Request("/token", method="POST", body="a=1&b=2"), place.load, 1).failures == 0
    assert seen == {("POST", "/token", "a=1&b=2")}


@needs_wrk
def test_wrk_keeps_to_a_rate(tmp_path: Path, place: Cores) -> None:
    with running((serve(free_port()),), place, tmp_path, FIRST) as live:
        seen = load.run(live.port, HELD_TOKEN["getXcx"], place.load, 2, load.Pressure.at(500.0))
    assert seen.failures == 0
    assert 350 < seen.per_second < 650


@needs_wrk
def test_wrk_asks_for_each_account(recorder: tuple[int, set[tuple[str, str, str]]], place: Cores) -> None:
    port, seen = recorder
    script = SCRIPTS / "accounts.lua"
    request = Request(f"/x?appid={ACCOUNT}", script=script, arguments=("/x?appid=wxbench%05d", "3"))
    assert load.run(port, request, place.load, 1).failures == 0
    assert seen == {("GET", f"/x?appid=wxbench0000{number}", "") for number in range(3)}
