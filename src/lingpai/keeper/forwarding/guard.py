"""Limits on what one account and one caller may have forwarded: calls at once, and a second; counted by each worker."""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.app import App
from lingpai.keeper.options import ForwardOptions
from lingpai.keeper.platforms.forwarding import Forwarding

BURST: Final = 2.0
"""Seconds' worth of calls that a caller may make at once after a pause."""
MOST_WAITING: Final = 2_000
"""Calls of one account that wait for others to end."""


@dataclasses.dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class _Gate:
    """The calls of one account that are under way."""

    def __init__(self, at_once: int) -> None:
        self.slots = asyncio.Semaphore(at_once)
        self.waiting = 0


class Guard:
    """Lets calls pass, makes them wait, or refuses them.

    Args:
        options: the limits.
        steady: gives seconds that never decrease.
    """

    def __init__(self, options: ForwardOptions, steady: Callable[[], float]) -> None:
        self._options = options
        self._steady = steady
        self._gates: dict[str, _Gate] = {}
        self._buckets: dict[str, _Bucket] = {}

    def count(self, caller: str, forwarding: Forwarding) -> None:
        """Take one of a caller's calls.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS when there are too many.
        """
        rate = self._options.rate
        if not rate:
            return
        now = self._steady()
        most = max(1.0, rate * BURST)
        bucket = self._buckets.setdefault(caller, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            raise LingpaiError(
                Kind.TOO_MANY_REQUESTS,
                "This caller has too many calls forwarded; slow down.",
                code=forwarding.often,
                retry_after=(1 - bucket.left) / rate,
            )
        bucket.left -= 1

    async def enter(self, app: App, forwarding: Forwarding) -> Callable[[], None]:
        """Wait for a place among the account's calls; return what gives it back, to be called once.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS when none was free in time.
        """
        gate = self._gates.get(app.full_name)
        if gate is None:
            gate = self._gates[app.full_name] = _Gate(self._options.at_once)
        if not gate.slots.locked():
            await gate.slots.acquire()  # at once
            return gate.slots.release
        if gate.waiting >= MOST_WAITING:
            raise _busy(forwarding)
        gate.waiting += 1
        try:
            async with asyncio.timeout(self._options.queue):
                await gate.slots.acquire()
        except TimeoutError:
            raise _busy(forwarding) from None
        finally:
            gate.waiting -= 1
        return gate.slots.release


def _busy(forwarding: Forwarding) -> LingpaiError:
    return LingpaiError(
        Kind.TOO_MANY_REQUESTS,
        "Too many calls of this account are under way; try again.",
        code=forwarding.busy,
        retry_after=1,
    )
