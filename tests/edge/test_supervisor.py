"""Workers: started, watched, replaced and ended, in real processes."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from tests.edge.workers import RELOADED

ROOT = Path(__file__).parents[2]
PATIENCE = 30.0


class Supervised:
    """A supervisor process, its port and what it logs."""

    def __init__(self, mode: str, count: int, reloaded: Path | None = None) -> None:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS_")
        } | ({RELOADED: str(reloaded)} if reloaded is not None else {})
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.edge.workers", mode, str(count)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rpartition(":")[2])
        self.lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line) if line.startswith("{") else {"event": line})

    def seen(self, event: str) -> list[dict[str, Any]]:
        return [line for line in list(self.lines) if line["event"] == event]

    def until(self, true: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while not (result := true()):
            assert time.monotonic() < deadline, self.lines
            time.sleep(0.02)
        return result

    def ready(self, count: int) -> list[int]:
        self.until(lambda: len(self.seen("worker_ready")) >= count)
        return [line["pid"] for line in self.seen("worker_ready")]

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read()

    def in_flight(self) -> float:
        lines = self.get("/metrics").decode().splitlines()
        return sum(
            float(line.split()[-1]) for line in lines if line.startswith("lingpai_http_requests_in_flight{")
        )

    def close(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()
        return code


class Start(Protocol):
    """Starts a supervisor of this mode with so many workers, which reads the mode after a reload from a file."""

    def __call__(self, mode: str, count: int, reloaded: Path | None = None) -> Supervised: ...


@pytest.fixture
def start() -> Iterator[Start]:
    with contextlib.ExitStack() as stack:

        def begin(mode: str, count: int, reloaded: Path | None = None) -> Supervised:
            supervised = Supervised(mode, count, reloaded)
            stack.callback(lambda: supervised.process.poll() is None and supervised.close())
            return supervised

        yield begin


def test_a_dead_worker_is_replaced_and_its_counts_stay(start: Start) -> None:
    supervised = start("plain", 2)
    first = supervised.ready(2)
    for _ in range(6):
        assert json.loads(supervised.get("/pid"))["data"] in first
    time.sleep(
        1.2
    )  # the counts of a worker that dies at once are lost with it: they are published each second
    os.kill(first[0], signal.SIGKILL)
    supervised.until(lambda: len(supervised.seen("worker_ready")) == 3)
    assert supervised.seen("worker_died")[0]["exit_code"] == -signal.SIGKILL
    assert json.loads(supervised.get("/pid"))["data"] in supervised.ready(3)[1:]

    def counted() -> bool:
        text = supervised.get("/metrics").decode()
        name = 'request_duration_seconds_count{method="GET",route="/pid",server="lingpai",status="200"}'
        return f"{name} 7.0" in text

    supervised.until(counted)
    assert supervised.close() == 0
    assert not [pid for pid in supervised.ready(3) if psutil.pid_exists(pid)]


def test_requests_under_way_end_well(start: Start) -> None:
    supervised = start("plain", 1)
    supervised.ready(1)
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(supervised.get("/slow")))
    asking.start()
    supervised.until(lambda: supervised.in_flight() == 2 or answers)  # that one, and the asking itself
    assert supervised.close() == 0
    asking.join(PATIENCE)
    assert json.loads(answers[0])["data"] in supervised.ready(1)


def test_a_worker_that_does_not_end_is_killed(start: Start) -> None:
    supervised = start("impatient", 1)
    (pid,) = supervised.ready(1)

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            supervised.get("/stuck")

    asking = threading.Thread(target=ask)
    asking.start()
    supervised.until(lambda: supervised.in_flight() == 2)
    started = time.monotonic()
    assert supervised.close() == 0
    assert time.monotonic() - started < 6
    assert supervised.seen("worker_killed")[0]["pid"] == pid
    asking.join(PATIENCE)


def test_while_workers_end_new_connections_are_refused(start: Start) -> None:
    supervised = start("impatient", 1)
    supervised.ready(1)

    def ask() -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            supervised.get("/stuck")

    def refused() -> bool:
        try:
            socket.create_connection(("127.0.0.1", supervised.port)).close()
        except ConnectionRefusedError:
            return True
        return False

    asking = threading.Thread(target=ask)
    asking.start()
    supervised.until(lambda: supervised.in_flight() == 2)
    supervised.process.terminate()
    supervised.until(refused)
    assert not supervised.seen("worker_killed")
    supervised.until(lambda: supervised.seen("worker_killed"))
    asking.join(PATIENCE)


def test_a_worker_that_cannot_start_ends_all(start: Start) -> None:
    supervised = start("broken", 2)
    assert supervised.process.wait(PATIENCE) == 3
    supervised.close()
    assert supervised.seen("worker_failed_to_start")[0]["exit_code"] == 7


def test_workers_do_not_outlive_their_supervisor(start: Start) -> None:
    supervised = start("plain", 2)
    pids = supervised.ready(2)
    supervised.process.kill()
    supervised.process.wait(PATIENCE)
    supervised.until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    supervised.close()
    assert len(supervised.seen("supervisor_gone")) == 2


def test_a_reload_replaces_every_worker_and_loses_no_request(start: Start, tmp_path: Path) -> None:
    mode = tmp_path / "mode"
    mode.write_text("plain")
    supervised = start("plain", 2, mode)
    first = supervised.ready(2)
    answers: list[bytes] = []
    slow = threading.Thread(target=lambda: answers.append(supervised.get("/slow")))
    slow.start()
    supervised.until(lambda: supervised.in_flight() == 2 or answers)  # that one, and the asking itself
    supervised.process.send_signal(signal.SIGHUP)
    while not supervised.seen("reloaded"):
        assert json.loads(supervised.get("/pid"))["data"] > 0
    supervised.until(lambda: len(supervised.seen("worker_replaced")) == 2)
    slow.join(PATIENCE)
    assert json.loads(answers[0])["data"] in first
    assert {line["exit_code"] for line in supervised.seen("worker_replaced")} == {0}
    assert not [pid for pid in first if psutil.pid_exists(pid)]
    assert json.loads(supervised.get("/pid"))["data"] in supervised.ready(4)[2:]
    assert supervised.close() == 0


def test_workers_stay_when_new_ones_do_not_start(start: Start, tmp_path: Path) -> None:
    mode = tmp_path / "mode"
    mode.write_text("broken")
    supervised = start("plain", 2, mode)
    first = supervised.ready(2)
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until(lambda: supervised.seen("reload_failed"))
    assert json.loads(supervised.get("/pid"))["data"] in first
    mode.write_text("plain")
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until(lambda: supervised.seen("reloaded"))
    assert json.loads(supervised.get("/pid"))["data"] in supervised.ready(4)[2:]
    assert supervised.close() == 0


def test_workers_stay_when_nothing_can_be_read(start: Start, tmp_path: Path) -> None:
    mode = tmp_path / "mode"
    mode.write_text("")
    supervised = start("plain", 1, mode)
    (only,) = supervised.ready(1)
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until(lambda: not mode.exists())
    assert json.loads(supervised.get("/pid"))["data"] == only
    mode.write_text("plain")
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until(lambda: supervised.seen("reloaded"))
    assert len(supervised.seen("reloading")) == 1
    assert supervised.close() == 0


def test_an_end_in_the_middle_of_a_reload_ends_all(start: Start, tmp_path: Path) -> None:
    mode = tmp_path / "mode"
    mode.write_text("plain")
    supervised = start("plain", 2, mode)
    supervised.ready(2)
    supervised.process.send_signal(signal.SIGHUP)
    supervised.until(lambda: supervised.seen("reloading"))
    workers = [
        each
        for each in psutil.Process(supervised.process.pid).children()
        if "spawn_main" in " ".join(each.cmdline())
    ]
    assert len(workers) >= 2
    assert supervised.close() == 0
    assert not [each for each in workers if each.is_running()]
