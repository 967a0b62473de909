"""Waiting for commits: of this process at once, of others by looks."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

POLL: Final = 0.02
"""Seconds between looks for other processes' commits, while somebody waits for them."""


class Watch:
    """Those who wait for a commit. Made and used on one event loop.

    Args:
        look: looks for commits, and says whether there were any since the last look; may raise.

    Attributes:
        waiting: those who wait.
    """

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self._loop = asyncio.get_running_loop()
        self.waiting: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, seconds: float) -> None:
        """Come back once anybody has committed since the last look, or after `seconds` of real time.

        Raises:
            Exception: what the first look raises.
        """
        if self._look():
            return
        waiter: asyncio.Future[None] = self._loop.create_future()
        self.waiting.add(waiter)
        if self._timer is None:
            self._timer = self._loop.call_later(POLL, self._poll)
        try:
            async with asyncio.timeout(seconds):
                await waiter
        except TimeoutError:
            pass
        finally:
            self.waiting.discard(waiter)

    def wake(self) -> None:
        """Have all who wait come back."""
        for waiter in self.waiting:
            if not waiter.done():
                waiter.set_result(None)
        self.waiting.clear()

    def close(self) -> None:
        """Have all who wait come back, and look no more."""
        self.wake()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _poll(self) -> None:
        self._timer = None
        if not self.waiting:
            return
        with contextlib.suppress(Exception):  # the next read raises it
            self._look()
        if self.waiting:
            self._timer = self._loop.call_later(POLL, self._poll)
