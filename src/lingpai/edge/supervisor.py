"""Several worker processes on shared listening sockets: started, watched, replaced and ended together.

The sockets are bound once and inherited, so that a worker that dies takes no waiting connection with it (as it would
with SO_REUSEPORT). uvicorn's own supervisor replaces a dead worker at once and for ever, also one that cannot start,
and waits without end for workers that do not stop; hence this one.
"""

import contextlib
import dataclasses
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any

from prometheus_client.multiprocess import mark_process_dead

from lingpai.core.logs import structlog
from lingpai.edge.server import START_FAILED

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = "/dev/shm"  # noqa: S108  a private folder is made in it
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_IMPATIENT = 3  # signals: the workers themselves heed a second SIGINT
_spawn = multiprocessing.get_context("spawn")
log = structlog.get_logger("lingpai.edge")


@dataclasses.dataclass(frozen=True, slots=True)
class SupervisorOptions:
    """Replacement and end of workers.

    Attributes:
        grace: seconds that a worker may take to end after SIGTERM before it is killed.
        first_delay: seconds before a dead worker is replaced; doubled each time it dies young.
        longest_delay: seconds that the delay grows to.
        young: seconds of life below which a death counts as one more failure.
    """

    grace: float = 35.0
    first_delay: float = 0.5
    longest_delay: float = 30.0
    young: float = 30.0


@dataclasses.dataclass(frozen=True, slots=True)
class WorkerContext:
    """The parameters of a worker process.

    Attributes:
        index: which worker it is, from 0.
        sockets: the bound sockets to serve on.
        lifeline: becomes readable when the supervisor is gone, and the worker should go too; see `serve`.
    """

    index: int
    sockets: Sequence[socket.socket]
    lifeline: Connection

    def ready(self) -> None:
        """Tell the supervisor that this worker takes requests."""
        self.lifeline.send(True)


Worker = Callable[[WorkerContext], None]


def _work(worker: Worker, context: WorkerContext) -> None:
    # A terminal sends its SIGINT to all; until the server listens for it, the supervisor's SIGTERM is enough.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker(context)


class _WorkerProcess:
    """One of the workers: its process now, and its record of failures."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.running: tuple[SpawnProcess, Connection] | None = None
        self.ready = False
        self.ever_ready = False
        self.failures = 0
        self.started_at = 0.0
        self.restart_at: float | None = None

    def start(self, worker: Worker, sockets: Sequence[socket.socket]) -> None:
        ours, theirs = _spawn.Pipe()
        process = _spawn.Process(
            target=_work,
            args=(worker, WorkerContext(self.index, sockets, theirs)),
            name=f"worker-{self.index}",
        )
        process.start()
        theirs.close()
        self.running, self.ready, self.restart_at = (process, ours), False, None
        self.started_at = time.monotonic()

    def receive(self, process: SpawnProcess, pipe: Connection) -> None:
        try:
            self.ready = bool(pipe.recv())
        except (EOFError, OSError):
            return  # it is about to die, and that is seen for itself
        self.ever_ready = True
        log.info("worker_ready", worker=self.index, pid=process.pid)

    def reap(self, process: SpawnProcess, pipe: Connection) -> int | None:
        """Clear away a process that ended; its exit code."""
        process.join()
        pid, code = process.pid, process.exitcode
        process.close()
        pipe.close()
        self.running = None
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
        return code


class _Supervisor:
    def __init__(
        self, worker: Worker, count: int, sockets: Sequence[socket.socket], options: SupervisorOptions
    ) -> None:
        self._worker = worker
        self._sockets = sockets
        self._options = options
        self._workers = [_WorkerProcess(index) for index in range(count)]
        self._signals = 0
        self._woken, self._waker = os.pipe()
        self.exit_code = 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        os.write(self._waker, bytes([number]))

    def run(self) -> None:
        try:
            for worker in self._workers:
                worker.start(self._worker, self._sockets)
            while not self._signals and not self.exit_code:
                self._watch(self._next_restart())
                self._replace()
        finally:
            self._stop()
            os.close(self._woken)
            os.close(self._waker)

    def _next_restart(self) -> float | None:
        moments = [worker.restart_at for worker in self._workers if worker.restart_at is not None]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _watch(self, timeout: float | None) -> None:
        pipes: dict[Any, _WorkerProcess] = {}
        sentinels: dict[Any, _WorkerProcess] = {}
        for worker in self._workers:
            if worker.running is not None:
                process, pipe = worker.running
                sentinels[process.sentinel] = worker
                if not worker.ready:
                    pipes[pipe] = worker
        woken = wait([self._woken, *pipes, *sentinels], timeout)
        # What a worker said before it died is heard first.
        for react, workers in ((_WorkerProcess.receive, pipes), (self._died, sentinels)):
            for source in woken:
                heard = workers.get(source)
                if heard is not None and heard.running is not None:
                    react(heard, *heard.running)

    def _died(self, worker: _WorkerProcess, process: SpawnProcess, pipe: Connection) -> None:
        options, lived = self._options, time.monotonic() - worker.started_at
        code = worker.reap(process, pipe)
        if not worker.ever_ready:
            log.error("worker_failed_to_start", worker=worker.index, exit_code=code)
            self.exit_code = START_FAILED
            return
        worker.failures = worker.failures + 1 if lived < options.young or not worker.ready else 0
        delay = min(options.longest_delay, options.first_delay * 2 ** max(0, worker.failures - 1))
        worker.restart_at = time.monotonic() + delay
        log.error("worker_died", worker=worker.index, exit_code=code, retry_in=round(delay, 1))

    def _replace(self) -> None:
        now = time.monotonic()
        for worker in self._workers:
            if worker.restart_at is not None and worker.restart_at <= now and not self._signals:
                worker.start(self._worker, self._sockets)

    def _stop(self) -> None:
        log.info("stopping_workers", count=len(self._workers))
        ending = [(worker, *worker.running) for worker in self._workers if worker.running is not None]
        for _, process, _ in ending:
            process.terminate()
        # The workers close theirs. As long as ours were open, callers would be queued for whom nobody comes any more.
        for bound in self._sockets:
            bound.close()
        deadline = time.monotonic() + self._options.grace
        alive = {process.sentinel for _, process, _ in ending}
        while alive and self._signals < _IMPATIENT and time.monotonic() < deadline:
            woken = wait([self._woken, *alive], deadline - time.monotonic())
            if self._woken in woken:
                os.read(self._woken, len(_SIGNALS))
            alive -= {source for source in woken if isinstance(source, int)}
        for worker, process, pipe in ending:
            if process.sentinel in alive:
                log.error("worker_killed", worker=worker.index, pid=process.pid)
                process.kill()
            worker.reap(process, pipe)


def _memory_folder() -> str | None:
    """A folder in memory, or None for the usual one.

    prometheus-client maps sparse files: on a disk that is full, counting would end the worker with SIGBUS.
    """
    return _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None


@contextlib.contextmanager
def _shared_metrics() -> Iterator[None]:
    if METRICS_VARIABLE in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="lingpai-metrics-", dir=_memory_folder()) as directory:
        os.environ[METRICS_VARIABLE] = directory  # the workers import prometheus-client after this
        try:
            yield
        finally:
            del os.environ[METRICS_VARIABLE]


def serve_workers(
    worker: Worker,
    count: int,
    sockets: Sequence[socket.socket],
    options: SupervisorOptions | None = None,
) -> int:
    """Run `count` worker processes until SIGTERM or SIGINT; must be called in the main thread.

    A worker that dies is replaced, later and later if it keeps dying; one that never got ready ends everything, for
    what keeps it from starting keeps its successors too. A third signal kills at once.

    Args:
        worker: what a process does: build the app, then `run(..., ready=context.ready, lifeline=context.lifeline)`. It
            is pickled, so it must be a function of a module, or a `functools.partial` of one.
        count: how many.
        sockets: bound and listening; closed when the workers are ended.
        options: the defaults when None.

    Returns:
        The exit code for this process: 0, or 3 when a worker could not start.
    """
    with _shared_metrics():
        supervisor = _Supervisor(worker, count, sockets, options or SupervisorOptions())
        before = {number: signal.signal(number, supervisor.on_signal) for number in _SIGNALS}
        try:
            supervisor.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return supervisor.exit_code
