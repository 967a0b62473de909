"""Workers that are replaced one after the other by new ones, so that no request is lost: a reload."""

import socket
import time
from collections.abc import Sequence

from lingpai.core.logs import structlog
from lingpai.edge.worker_process import Worker, WorkerProcess

log = structlog.get_logger("lingpai.edge")


class Succession:
    """A reload: for each worker a new one is started; once it is ready, the former one ends.

    Args:
        grace: seconds that a former worker may take to end before it is killed.

    Attributes:
        former: what the workers did before the reload.
    """

    former: Worker

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._outdated: list[WorkerProcess] = []
        self._successor: WorkerProcess | None = None
        self._leaving: dict[WorkerProcess, float] = {}

    @property
    def under_way(self) -> bool:
        """Whether workers are still to be replaced, or to end."""
        return bool(self._outdated or self._leaving)

    def begin(self, former: Worker, workers: Sequence[WorkerProcess]) -> None:
        """Have all workers replaced.

        Args:
            former: what they do.
            workers: all of them.
        """
        self.former = former
        self._outdated = list(workers)
        log.info("reloading", workers=len(workers))

    def step(self, workers: list[WorkerProcess], worker: Worker, sockets: Sequence[socket.socket]) -> None:
        """Go on as far as is possible now.

        Args:
            workers: all of them; a successor that is ready takes the place of the former one.
            worker: what a successor does.
            sockets: what it serves on.
        """
        now = time.monotonic()
        for late in [each for each, deadline in self._leaving.items() if deadline <= now]:
            self._kill(late)
        if self._successor is not None and self._successor.ready:
            former = self._outdated.pop(0)
            workers[workers.index(former)] = self._successor
            self._successor = None
            if former.running is not None:
                former.running[0].terminate()
                self._leaving[former] = now + self._grace
            self._report()
        if self._successor is None and self._outdated:
            self._successor = WorkerProcess(self._outdated[0].index)
            self._successor.start(worker, sockets)

    def ended(self, worker: WorkerProcess, code: int | None) -> bool:
        """Note that one of `others` ended.

        Returns:
            False when it was a successor that was not ready: the workers that are left stay as they are.
        """
        if worker is self._successor:
            log.error("reload_failed", worker=worker.index, exit_code=code)
            self._successor = None
            self._outdated = []
            return False
        del self._leaving[worker]
        log.info("worker_replaced", worker=worker.index, exit_code=code)
        self._report()
        return True

    def others(self) -> list[WorkerProcess]:
        """Return the workers that are not yet, or no longer, among the supervisor's."""
        starting = [self._successor] if self._successor is not None else []
        return [*starting, *self._leaving]

    def deadlines(self) -> list[float]:
        """Return when workers that leave are to be killed, by the monotonic clock in seconds."""
        return list(self._leaving.values())

    def _report(self) -> None:
        if not self._outdated and not self._leaving:
            log.info("reloaded")

    def _kill(self, worker: WorkerProcess) -> None:
        self._leaving[worker] += self._grace
        if worker.running is not None:
            log.error("worker_killed", worker=worker.index, pid=worker.running[0].pid)
            worker.running[0].kill()
