"""The owner of the keeper's background tasks: it starts, counts and ends them."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Tasks that outlive the request that started them.

    `shutdown` ends a task according to where it is: one started with `finish` is awaited; one within an `uninterrupted`
    block is awaited for a bounded time; every other one is cancelled. A failure belongs to whoever awaits the task;
    where nobody does any more, it is dropped.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._finishing: set[asyncio.Task[Any]] = set()
        self._uninterrupted: Counter[asyncio.Task[Any]] = Counter()
        self._ending = False

    def start(self, work: Coroutine[Any, Any, T], *, finish: bool = False) -> asyncio.Task[T]:
        """Start a task and return it.

        Args:
            work: what the task does.
            finish: whether `shutdown` awaits the task instead of cancelling it.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        if finish:
            self._finishing.add(task)
        task.add_done_callback(self._forget)
        return task

    @contextlib.contextmanager
    def uninterrupted(self) -> Iterator[None]:
        """Enter a block of the current task that `shutdown` does not cancel before its patience has run out."""
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("uninterrupted() is entered within a task")
        self._uninterrupted[task] += 1
        try:
            yield
        finally:
            self._uninterrupted[task] -= 1
            if not self._uninterrupted[task]:
                del self._uninterrupted[task]
                if self._ending:
                    # After this step: a task that returns now must not be cancelled, its result counts.
                    asyncio.get_running_loop().call_soon(self._cancel, task)

    async def settle(self) -> None:
        """Return when no task is left."""
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    async def shutdown(self, patience: float) -> None:
        """End every task; afterwards new ones may be started again.

        Args:
            patience: seconds to wait at most for tasks within an `uninterrupted` block; then they are cancelled too.
        """
        while self._finishing:
            await asyncio.wait(tuple(self._finishing))
        self._ending = True
        try:
            interruptible = self._tasks - self._uninterrupted.keys()
            await _cancel(interruptible)
            if self._uninterrupted:
                await asyncio.wait(tuple(self._uninterrupted), timeout=patience)
            while self._tasks:
                await _cancel(self._tasks)
        finally:
            self._ending = False

    def _cancel(self, task: asyncio.Task[Any]) -> None:
        if task in self._tasks:
            task.cancel()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._finishing.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved: asyncio would log it otherwise, when nobody awaits the task


async def _cancel(tasks: set[asyncio.Task[Any]]) -> None:
    ended = tuple(tasks)
    for task in ended:
        task.cancel()
    await asyncio.gather(*ended, return_exceptions=True)
