"""Start a contender's processes, each on its core, watch what they use, and stop them."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.contender import Case, Command, Request, Role
from bench.machine import Cores
from bench.material import take
from bench.proofs import split

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 10.0
_POLL_S = 0.002
_LOG_TAIL = 2000


class ContenderError(RuntimeError):
    """A contender did not start, died, or answered something else than it should."""


class Process:
    """One started command."""

    def __init__(self, command: Command, cores: Cores, log: Path) -> None:
        self.command = command
        self._log = log
        pinned = cores.server if command.role is Role.SERVICE else cores.load
        argv = ["taskset", "--cpu-list", ",".join(map(str, pinned)), *command.argv]
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=command.cwd,
                env={**os.environ, **command.env},
                start_new_session=True,
            )
        self._psutil = psutil.Process(self._popen.pid)

    def _family(self) -> list[psutil.Process]:
        return [self._psutil, *self._psutil.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """CPU time (user and system) used up to now by this process and its children."""
        times = (member.cpu_times() for member in self._family())
        return sum(time.user + time.system for time in times)

    def rss_mib(self) -> float:
        """Resident memory of the largest of this process and its children, in MiB."""
        return max(member.memory_info().rss for member in self._family()) / 2**20

    def check_alive(self) -> None:
        """Raise ``ContenderError``, with the end of the log, when the process is gone."""
        if self._popen.poll() is not None:
            raise ContenderError(f"{self.command.argv[0]} ended with {self._popen.returncode}:\n{self.log()}")

    def await_ready(self) -> None:
        """Come back once it listens and says that it is ready.

        Raises:
            ContenderError: it ended, or takes too long.
        """
        ends = time.monotonic() + _START_LIMIT_S
        while not self._is_ready():
            self.check_alive()
            if time.monotonic() > ends:
                raise ContenderError(f"{self.command.argv[0]} did not get ready:\n{self.log()}")
            time.sleep(_POLL_S)

    def _is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.command.port), timeout=1).close()
        except OSError:
            return False
        ready = self.command.ready
        return not ready or subprocess.run(ready, check=False, capture_output=True).returncode == 0

    def log(self) -> str:
        """The end of what it wrote."""
        return self._log.read_text("utf-8", "replace")[-_LOG_TAIL:]

    def stop(self) -> None:
        """Ask it to end, wait, and kill what is left of its session."""
        if self._popen.poll() is None:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(_STOP_LIMIT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()


class Running:
    """All processes of one contender.

    Attributes:
        start_s: seconds from the start of the service's process to its first right answer.
    """

    def __init__(self, processes: list[Process], start_s: float) -> None:
        self._processes = processes
        self._service = processes[-1]
        self.start_s = start_s
        self.port = self._service.command.port

    def cpu_seconds(self, *roles: Role) -> float:
        """CPU time used by its processes of these roles."""
        return sum(one.cpu_seconds() for one in self._processes if one.command.role in roles)

    def rss_mib(self) -> float:
        """Resident memory of the service's largest process, in MiB."""
        return self._service.rss_mib()


def ask(port: int, request: Request, limit_s: float = 10.0) -> tuple[int, bytes]:
    """Send ``request`` once to 127.0.0.1; HTTP status and body of the answer.

    Raises:
        OSError: nobody listens, or the answer took longer than ``limit_s`` seconds.
        http.client.HTTPException: the answer was not HTTP.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)
    with contextlib.closing(connection):
        connection.connect()  # nothing is spent while nobody listens
        body, own = (request.body, {}) if request.bodies is None else split(take(request.bodies))
        connection.request(request.method, request.path, body, {**request.headers, **own})
        answer = connection.getresponse()
        return answer.status, answer.read()


def check(port: int, case: Case, request: Request) -> None:
    """Raise ``ContenderError`` unless ``request`` is answered as ``case`` wants."""
    status, body = ask(port, request)
    if not case.accepts(status, body):
        raise ContenderError(f"{request.path}: unexpected answer {status} {body[:300]!r}")


def _await_answer(process: Process, case: Case, request: Request) -> None:
    ends = time.monotonic() + _START_LIMIT_S
    seen = "nothing"
    while time.monotonic() < ends:
        process.check_alive()
        try:
            status, body = ask(process.command.port, request)
        except (OSError, http.client.HTTPException) as error:
            seen = repr(error)
        else:
            if case.accepts(status, body):
                return
            seen = f"{status} {body[:300]!r}"
        time.sleep(_POLL_S)
    raise ContenderError(f"{request.path}: no right answer, but {seen}:\n{process.log()}")


@contextlib.contextmanager
def running(
    commands: tuple[Command, ...],
    cores: Cores,
    logs: Path,
    first: tuple[Case, Request],
) -> Iterator[Running]:
    """Start ``commands`` in order, the last one being the service, and stop them all at the end.

    Args:
        commands: what to start.
        cores: where.
        logs: folder for what they write.
        first: what the service has to answer before it counts as started.

    Raises:
        ContenderError: one of them did not start.
    """
    with contextlib.ExitStack() as stack:
        processes: list[Process] = []
        for number, command in enumerate(commands):
            began = time.monotonic()
            process = Process(command, cores, logs / f"{number}-{command.role.value}.log")
            stack.callback(process.stop)
            processes.append(process)
            if command.role is Role.SERVICE:
                _await_answer(process, *first)
            else:
                process.await_ready()
        yield Running(processes, time.monotonic() - began)
