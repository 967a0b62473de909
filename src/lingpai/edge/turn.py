"""One turn of the event loop for all connections of a server: quick requests run together, answers go out together.

Requests are not run where their bytes arrive, but in the turn of the loop after it: only there do the store's reads
see every commit that was answered before the request was sent (`store/sqlite/reads.py`). And a send wakes up the
client's process, often on another core, which costs more than all the rest of it: with the answers of one turn sent one
right after the other, it is awake already.
"""

import types
from collections.abc import Callable, Coroutine, Generator
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


class Sender(Protocol):
    """A transport, as far as answers need it."""

    def is_closing(self) -> bool:
        """Return whether it takes nothing more."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes."""
        ...


class Turn:
    """Everything that waits for the next turn of the loop.

    Args:
        call_soon: the loop's.

    Attributes:
        call_soon: as given.
        waiting: what runs in the next turn.
        outbox: what is sent at the end of this turn, or of the next: transports and bytes.
        due: whether a turn has been asked for; whoever adds to the two above and finds it false asks, see `ask`.
    """

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.call_soon = call_soon
        self.waiting: list[Runner] = []
        self.outbox: list[tuple[Sender, bytes]] = []
        self.due = False

    def ask(self) -> None:
        """Ask the loop for a turn."""
        self.due = True
        self.call_soon(self.run)

    def run(self) -> None:
        """Run what waits, then send what was written."""
        waiting, self.waiting = self.waiting, []
        try:
            if waiting:
                started = perf_counter()
                for runner in waiting:
                    try:
                        runner.run(started)
                    except Exception:  # one that is broken must not lose the others' answers
                        log.exception("turn_failed")
        finally:
            self.due = False
            if self.waiting:
                self.ask()
            if self.outbox:
                self.flush()

    def flush(self) -> None:
        """Send what was written."""
        outbox, self.outbox = self.outbox, []
        for transport, data in outbox:
            if not transport.is_closing():
                try:
                    transport.write(data)
                except Exception:  # as above
                    log.exception("send_failed")


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
