"""One turn of the event loop for all connections of a server: quick requests run together, answers go out together.

Requests are not run where their bytes arrive, but in the turn of the loop after it: only there do the store's reads
see every commit that anybody was told of before he asked (`store/sqlite/engine.py`). And a send wakes up whoever waits
for it, often on another core, which costs more than all the rest of it: the answers of one turn, sent one right after
the other, find him awake.
"""

import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from time import perf_counter
from typing import Any, Protocol, TypeVar

from lingpai.core.logs import structlog

T = TypeVar("T")
log = structlog.get_logger("lingpai.edge")


class Runner(Protocol):
    """Something that waits for the turn."""

    def run(self, started: float) -> None:
        """Do what is due.

        Args:
            started: when the turn began, by `perf_counter`.
        """
        ...

    def flush(self) -> None:
        """Send what was written."""
        ...


class Turn:
    """What waits for the next turn of the loop.

    Args:
        call_soon: the loop's.
    """

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._waiting: list[Runner] = []
        self._outbox: list[Runner] = []
        self._due = False

    def add(self, runner: Runner) -> None:
        """Have a runner run."""
        self._waiting.append(runner)
        if not self._due:
            self._due = True
            self._call_soon(self._run)

    def send(self, runner: Runner) -> None:
        """Have what a runner wrote sent: at the end of this turn, or else of the next."""
        self._outbox.append(runner)
        if not self._due:
            self._due = True
            self._call_soon(self._run)

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            if waiting:
                started = perf_counter()
                for runner in waiting:
                    try:
                        runner.run(started)
                    except Exception:  # one that is broken must not lose the others' answers
                        log.exception("turn_failed")
        finally:
            outbox, self._outbox = self._outbox, []
            self._due = False
            if self._waiting:
                self._due = True
                self._call_soon(self._run)
            for runner in outbox:
                try:
                    runner.flush()
                except Exception:  # see above
                    log.exception("send_failed")


def begin(coroutine: Coroutine[Any, Any, T]) -> tuple[T | None, Any, Context]:
    """Run a coroutine, in a context of its own, until it ends or waits.

    Returns:
        What it returned, or None with what it waits for, and its context, which `resume` needs.
    """
    context = copy_context()
    try:
        return None, context.run(coroutine.send, None), context
    except StopIteration as ended:
        return ended.value, None, context


@types.coroutine
def resume(coroutine: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that was begun; to be awaited in a task, in the coroutine's context.

    Args:
        coroutine: what was begun.
        waits_for: what it gave to the loop, a future of asyncio's or None; the task does with it what it would have.
    """
    while True:
        step: Callable[[Any], Any] = coroutine.send
        try:
            given: Any = yield waits_for
        except BaseException as thrown:  # noqa: BLE001  a cancellation is the coroutine's to heed
            given, step = thrown, coroutine.throw
        try:
            waits_for = step(given)
        except StopIteration as ended:
            value: T = ended.value
            return value
