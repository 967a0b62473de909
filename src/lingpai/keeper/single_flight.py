"""One task for all who want the same thing at the same time."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from lingpai.keeper.background import Background

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """Runs at most one task per key.

    Args:
        background: owns the tasks.
    """

    def __init__(self, background: Background) -> None:
        self._background = background
        self._tasks: dict[K, asyncio.Task[T]] = {}

    def start(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Return the running task of `key`; start one that does `work` when there is none."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = self._background.start(work())
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return task

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what the task of `key` returns, or raise what it raises. A cancelled caller does not end the task."""
        return await asyncio.shield(self.start(key, work))
