"""Several worker processes on shared listening sockets: started, watched, replaced and ended together.

The sockets are bound once and inherited, so that a worker that dies takes no waiting connection with it (as it would
with SO_REUSEPORT). uvicorn's own supervisor replaces a dead worker at once and for ever, also one that cannot start,
and waits without end for workers that do not stop; hence this one.
"""

import contextlib
import dataclasses
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

from lingpai.core.logs import structlog
from lingpai.edge.server import START_FAILED
from lingpai.edge.succession import Succession
from lingpai.edge.worker_process import Worker, WorkerProcess

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_MEMORY = "/dev/shm"  # noqa: S108  a private folder is made in it
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_MOST_WAKINGS = 64
_IMPATIENT = 3  # signals: the workers themselves heed a second SIGINT
Reload = Callable[[], Worker | None]
"""Returns what new workers do; None when the workers that run are to stay."""
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


class _Supervisor:
    def __init__(
        self,
        worker: Worker,
        count: int,
        sockets: Sequence[socket.socket],
        options: SupervisorOptions,
        reload: Reload | None,
    ) -> None:
        self._worker = worker
        self._reload = reload
        self._sockets = sockets
        self._options = options
        self._workers = [WorkerProcess(index) for index in range(count)]
        self._signals = 0
        self._hung_up = False
        self._succession = Succession(options.grace)
        self._woken, self._waker = os.pipe()
        self.exit_code = 0

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        os.write(self._waker, bytes([number]))

    def on_hangup(self, number: int, _frame: FrameType | None) -> None:
        self._hung_up = True
        os.write(self._waker, bytes([number]))

    def run(self) -> None:
        try:
            for worker in self._workers:
                worker.start(self._worker, self._sockets)
            while not self._signals and not self.exit_code:
                self._watch(self._next_restart())
                self._replace()
                self._succeed()
        finally:
            self._stop()
            os.close(self._woken)
            os.close(self._waker)

    def _next_restart(self) -> float | None:
        moments = [worker.restart_at for worker in self._workers if worker.restart_at is not None]
        moments.extend(self._succession.deadlines())
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _watch(self, timeout: float | None) -> None:
        pipes: dict[Any, WorkerProcess] = {}
        sentinels: dict[Any, WorkerProcess] = {}
        for worker in (*self._workers, *self._succession.others()):
            if worker.running is not None:
                process, pipe = worker.running
                sentinels[process.sentinel] = worker
                if not worker.ready:
                    pipes[pipe] = worker
        woken = wait([self._woken, *pipes, *sentinels], timeout)
        if self._woken in woken and not self._signals:
            os.read(self._woken, _MOST_WAKINGS)
        # What a worker said before it died is heard first.
        for react, workers in ((WorkerProcess.receive, pipes), (self._died, sentinels)):
            for source in woken:
                heard = workers.get(source)
                if heard is not None and heard.running is not None:
                    react(heard, *heard.running)

    def _died(self, worker: WorkerProcess, process: SpawnProcess, pipe: Connection) -> None:
        options, lived = self._options, time.monotonic() - worker.started_at
        code = worker.reap(process, pipe)
        if worker in self._succession.others():
            if not self._succession.ended(worker, code):
                self._worker = self._succession.former
            return
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

    def _succeed(self) -> None:
        """Begin a reload that was asked for, or take the next step of the one under way."""
        if self._hung_up and self._reload is not None and not self._succession.under_way:
            self._hung_up = False
            worker = self._reload()
            if worker is not None:
                self._succession.begin(self._worker, self._workers)
                self._worker = worker
        self._succession.step(self._workers, self._worker, self._sockets)

    def _stop(self) -> None:
        log.info("stopping_workers", count=len(self._workers))
        everyone = (*self._workers, *self._succession.others())
        ending = [(worker, *worker.running) for worker in everyone if worker.running is not None]
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
    reload: Reload | None = None,
) -> int:
    """Run `count` worker processes until SIGTERM or SIGINT; must be called in the main thread.

    A worker that dies is replaced, later and later if it keeps dying; one that never got ready ends everything, for
    what keeps it from starting keeps its successors too. A third signal kills at once. SIGHUP replaces the workers one
    after the other, without losing a request.

    Args:
        worker: what a process does: build the app, then `run(..., ready=context.ready, lifeline=context.lifeline)`. It
            is pickled, so it must be a function of a module, or a `functools.partial` of one.
        count: how many.
        sockets: bound and listening; closed when the workers are ended.
        options: the defaults when None.
        reload: called at SIGHUP; without it SIGHUP is left as it is.

    Returns:
        The exit code for this process: 0, or 3 when a worker could not start.
    """
    with _shared_metrics():
        supervisor = _Supervisor(worker, count, sockets, options or SupervisorOptions(), reload)
        before = {number: signal.signal(number, supervisor.on_signal) for number in _SIGNALS}
        if reload is not None and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, supervisor.on_hangup)
        try:
            supervisor.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return supervisor.exit_code
