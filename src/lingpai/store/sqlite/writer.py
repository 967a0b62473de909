"""The one thread of this process that writes.

All jobs that wait when it is free go into one transaction: they share one wait for the lock and one for the disk. One
group is under way at a time, and the next is gathered meanwhile.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from lingpai.store.sqlite.faults import FAULTS, PASSING, close_quietly, unavailable
from lingpai.store.sqlite.gathering import Gathering

T = TypeVar("T")
Job = Callable[[apsw.Connection], T]
"""What is to be done in a transaction.

It may be run a second time after its first run was rolled back, so it has no effect but on the connection.
"""


_Waiting = tuple[Job[Any], asyncio.Future[Any]]
_Outcome = tuple[Any, Exception | None]
"""What a job returned, or what it raised."""


class Writer:
    """Takes jobs from one event loop and commits them in groups.

    Args:
        connect: opens a connection to write by; called in the thread, again after a fault.
        on_change: called on the loop after a commit that changed something.
    """

    def __init__(self, connect: Callable[[], apsw.Connection], on_change: Callable[[], None]) -> None:
        self._connect = connect
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._gathering = Gathering()
        self._gathers = self._commits = False
        self._queue: queue.SimpleQueue[list[_Waiting] | None] = queue.SimpleQueue()
        self._connection: apsw.Connection | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="lingpai-store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> "asyncio.Future[T]":
        """Have `job` run and committed.

        The future has its result once that is durable, or else its exception, or STORE_UNAVAILABLE.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closing:
            future.set_exception(unavailable(apsw.ConnectionClosedError("the store is closed")))
            return future
        if not self._gathers and not self._commits:
            self._gather()
        self._waiting.append((job, future))
        return future

    async def close(self) -> None:
        """Commit what is waiting, then end the thread."""
        if not self._closing:
            self._closing = True
            self._put()
            self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _gather(self) -> None:
        self._gathers = True
        self._gathering.begin()
        self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        if self._gathering.is_complete(len(self._waiting)):
            self._gathers = False
            self._put()
        else:
            self._loop.call_soon(self._hand_over)

    def _put(self) -> None:
        if self._waiting:
            self._commits = True
            self._queue.put(self._waiting)
            self._waiting = []

    def _run(self) -> None:
        while (batch := self._queue.get()) is not None:
            outcomes, changed = self._settle(batch)
            self._call_loop(self._deliver, batch, outcomes, changed)
        close_quietly(self._connection)
        self._call_loop(self._ended.set_result, None)

    def _call_loop(self, function: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed and the store was not
            self._loop.call_soon_threadsafe(function, *args)

    def _deliver(self, batch: list[_Waiting], outcomes: list[_Outcome], changed: bool) -> None:
        for (_, future), (value, error) in zip(batch, outcomes, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        if changed:
            self._on_change()
        self._commits = False
        self._gathering.expect(len(batch), len(self._waiting))
        if self._waiting:
            self._gather()

    def _settle(self, batch: list[_Waiting]) -> tuple[list[_Outcome], bool]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            before = self._connection.total_changes()
            outcomes = self._commit(self._connection, batch)
            return outcomes, self._connection.total_changes() != before
        except FAULTS as fault:
            if not isinstance(fault, PASSING):
                close_quietly(self._connection)
                self._connection = None
            return [(None, unavailable(fault)) for _ in batch], False
        except Exception as error:  # noqa: BLE001  nobody may wait for ever, whatever it was
            return [(None, error)] * len(batch), False

    def _commit(self, connection: apsw.Connection, batch: list[_Waiting]) -> list[_Outcome]:
        try:
            return _transact(connection, batch, _run_job)
        except FAULTS:
            raise
        except Exception:  # noqa: BLE001  a job failed, which must not be felt by the others
            return _transact(connection, batch, _run_job_apart)


def _transact(
    connection: apsw.Connection,
    batch: list[_Waiting],
    run: Callable[[apsw.Connection, Job[Any]], _Outcome],
) -> list[_Outcome]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcomes = [run(connection, job) for job, _ in batch]
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return outcomes


def _run_job(connection: apsw.Connection, job: Job[Any]) -> _Outcome:
    return job(connection), None


def _run_job_apart(connection: apsw.Connection, job: Job[Any]) -> _Outcome:
    connection.execute("SAVEPOINT job")
    try:
        outcome = _run_job(connection, job)
    except FAULTS:
        raise
    except Exception as error:  # noqa: BLE001  it goes to whoever waits for the job
        connection.execute("ROLLBACK TO job")
        outcome = None, error
    connection.execute("RELEASE job")
    return outcome
