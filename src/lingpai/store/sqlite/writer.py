"""The one thread of this process that writes.

All jobs that wait when it is free go into one transaction: they share one wait for the lock and one for the disk. One
group is under way at a time, and the next is gathered meanwhile.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Collection
from typing import Any, Final, TypeVar

import apsw

from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.faults import FAULTS, PASSING, close_quietly, unavailable
from lingpai.store.sqlite.gathering import Gathering

T = TypeVar("T")
Job = Callable[[Connection], T]
"""A function to run in a transaction.

It may be run a second time after its first run was rolled back, so it has no effect but on the connection.
"""

_Task = tuple[str, tuple[Any, ...], Any, Job[Any], "asyncio.Future[Any]"]
"""A guarded statement with its bindings, what it comes to when it changed a row, what is to be done otherwise, and who
waits; without a statement, what is to be done at once."""
_Outcome = tuple[Any, Exception | None]
"""The result of a task, or the exception that it raised."""
_NOTHING: Final = ()


class Writer:
    """Takes tasks from one event loop and commits them in groups.

    Args:
        connect: opens a connection to write by; called in the thread, again after a fault.
        watchers: who waits for a change.
        on_change: called on the loop after a commit that changed something, while there are watchers.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        watchers: Collection[object],
        on_change: Callable[[], None],
    ) -> None:
        self._connect = connect
        self._watchers = watchers
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Task] = []
        self._gathering = Gathering()
        self._busy = False  # a group is gathered or under way
        self._queue: queue.SimpleQueue[list[_Task] | None] = queue.SimpleQueue()
        self._connection: Connection | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="lingpai-store-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> "asyncio.Future[T]":
        """Have `job` run and committed.

        The future has its result once that is durable, or else its exception, or STORE_UNAVAILABLE.
        """
        return self.change("", _NOTHING, None, job)

    def change(
        self, statement: str, bindings: tuple[Any, ...], won: T | None, otherwise: Job[T]
    ) -> "asyncio.Future[T]":
        """Have a row changed by a guarded statement and committed.

        Args:
            statement: changes one row, or none when its guard is false.
            bindings: the statement's.
            won: the result when a row was changed.
            otherwise: run in the same transaction when none was, for what is the result then.

        Returns:
            As `submit`.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closing:
            future.set_exception(unavailable(apsw.ConnectionClosedError("the store is closed")))
            return future
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._hand_over)
        self._waiting.append((statement, bindings, won, otherwise, future))
        return future

    async def close(self) -> None:
        """Commit what is waiting, then end the thread."""
        if not self._closing:
            self._closing = True
            waiting, self._waiting = self._waiting, []
            if waiting:
                self._queue.put(waiting)
            self._queue.put(None)
        await asyncio.shield(self._ended)
        self._thread.join()

    def _hand_over(self) -> None:
        gathering, waiting = self._gathering, self._waiting
        if len(waiting) >= gathering.expected or gathering.is_complete(len(waiting)):
            self._waiting = []
            if waiting:
                self._queue.put(waiting)
        else:
            self._loop.call_soon(self._hand_over)

    def _run(self) -> None:
        while (group := self._queue.get()) is not None:
            outcomes, changed = self._settle(group)
            try:
                self._loop.call_soon_threadsafe(self._deliver, group, outcomes, changed)
            except RuntimeError:  # the loop was closed and the store was not
                break
        close_quietly(self._connection)
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _deliver(self, group: list[_Task], outcomes: list[_Outcome], changed: bool) -> None:
        for (*_, future), (value, error) in zip(group, outcomes, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        if changed and self._watchers:
            self._on_change()
        self._gathering.expect(len(group), len(self._waiting))
        self._busy = bool(self._waiting)
        if self._busy:
            self._loop.call_soon(self._hand_over)

    def _settle(self, group: list[_Task]) -> tuple[list[_Outcome], bool]:
        try:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._connect()
            before = connection.total_changes()
            try:
                outcomes = _transact(connection, group)
            except FAULTS:
                raise
            except Exception:  # noqa: BLE001  a task failed, which must not be felt by the others
                outcomes = _transact(connection, group, apart=True)
            return outcomes, connection.total_changes() != before
        except FAULTS as fault:
            if not isinstance(fault, PASSING):
                close_quietly(self._connection)
                self._connection = None
            return [(None, unavailable(fault)) for _ in group], False
        except Exception as error:  # noqa: BLE001  nobody may wait for ever, whatever it was
            return [(None, error)] * len(group), False


def _transact(connection: Connection, group: list[_Task], *, apart: bool = False) -> list[_Outcome]:
    """Run a group in one transaction; `apart`, so that what one of them raises is its own."""
    execute, changes = connection.execute, connection.changes
    outcomes: list[_Outcome] = []
    connection.taken_slots.clear()
    execute("BEGIN IMMEDIATE")
    try:
        for task in group:
            statement, bindings, won, otherwise, _ = task
            if apart:
                outcomes.append(_run_apart(connection, task))
                continue
            if statement:
                execute(statement, bindings)
                if changes():
                    outcomes.append((won, None))
                    continue
            outcomes.append((otherwise(connection), None))
        execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            execute("ROLLBACK")
        raise
    return outcomes


def _run_apart(connection: Connection, task: _Task) -> _Outcome:
    statement, bindings, won, otherwise, _ = task
    connection.execute("SAVEPOINT task")
    outcome: _Outcome
    try:
        if statement:
            connection.execute(statement, bindings)
        changed = bool(statement) and connection.changes() > 0
        outcome = (won if changed else otherwise(connection)), None
    except FAULTS:
        raise
    except Exception as error:  # noqa: BLE001  it goes to whoever waits for the task
        connection.execute("ROLLBACK TO task")
        outcome = None, error
    connection.execute("RELEASE task")
    return outcome
