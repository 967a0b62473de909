"""A worker process: what it is given, how it is started, and its record of failures."""

import dataclasses
import multiprocessing
import signal
import socket
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from prometheus_client.multiprocess import mark_process_dead

from lingpai.core.logs import structlog

_spawn = multiprocessing.get_context("spawn")
log = structlog.get_logger("lingpai.edge")


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
        """Report to the supervisor that this worker takes requests."""
        self.lifeline.send(True)


Worker = Callable[[WorkerContext], None]
"""What a worker process does until it ends."""


def _work(worker: Worker, context: WorkerContext) -> None:
    # A terminal sends its SIGINT to all; until the server listens for it, the supervisor's SIGTERM is enough.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker(context)


class WorkerProcess:
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
        """Start a process for it."""
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
        """Read that a process is ready."""
        try:
            self.ready = bool(pipe.recv())
        except (EOFError, OSError):
            return  # it is about to die, and that is seen for itself
        self.ever_ready = True
        log.info("worker_ready", worker=self.index, pid=process.pid)

    def reap(self, process: SpawnProcess, pipe: Connection) -> int | None:
        """Clear away a process that ended; return its exit code."""
        process.join()
        pid, code = process.pid, process.exitcode
        process.close()
        pipe.close()
        self.running = None
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
        return code
