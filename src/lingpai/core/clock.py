"""Time as a dependency: the system's clock, a virtual one for tests, and ends that survive clock steps.

A wall clock can be set at any time, by an operator or by NTP, and then every stored ``expires_at`` is wrong
by that step. So an end is stored twice: in wall time, and in steady time together with the identity of that
steady time (it starts again at each boot). A process with the same steady time uses it alone; others use the wall time.
"""

import asyncio
import heapq
import itertools
import time
import uuid
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from typing_extensions import override

_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """A source of time."""

    epoch: str
    """Identity of the steady time: ``steady`` values of equal epochs compare."""

    def now(self) -> float:
        """Unix time in seconds (UTC), as the system's clock shows it."""
        ...

    def steady(self) -> float:
        """Return seconds that never decrease and that clock steps do not change; comparable within one ``epoch``."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds`` of steady time."""
        ...


class End(NamedTuple):
    """A moment in the future, such as the end of a token's life; see the module's docstring.

    ``wall`` is unix time in seconds; ``steady`` is seconds in the steady time named ``epoch``.
    """

    wall: float
    steady: float
    epoch: str

    def remaining(self, clock: Clock) -> float:
        """Return seconds until this end by ``clock``, negative when it has passed."""
        if self.epoch == clock.epoch:
            return self.steady - clock.steady()
        return self.wall - clock.now()

    def earlier(self, seconds: float) -> "End":
        """Return the end ``seconds`` before this one."""
        return End(self.wall - seconds, self.steady - seconds, self.epoch)


def end_after(clock: Clock, seconds: float) -> End:
    """Return the end ``seconds`` after the present time of ``clock``."""
    return End(clock.now() + seconds, clock.steady() + seconds, clock.epoch)


def _boot_epoch() -> str:
    try:
        return _BOOT_ID_FILE.read_text("ascii").strip()
    except OSError:
        return str(uuid.uuid4())  # no shared steady time: only this process can use its own


class SystemClock(Clock):
    """The system's clock. Processes of one boot share its steady time.

    Steady time advances during suspension, where the platform can measure that. Each request reads both times often, so
    they are the system's functions themselves, without a Python function in between.
    """

    now = staticmethod(time.time)
    steady = staticmethod(partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))

    def __init__(self) -> None:
        self.epoch = _boot_epoch()

    @override
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock(Clock):
    """A clock that moves only by `advance` and `sleep`, for tests without waiting.

    Args:
        now: unix time in seconds at which it starts.
    """

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.epoch = f"virtual-{uuid.uuid4()}"
        self._now = now
        self._steady = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    @override
    def now(self) -> float:
        return self._now

    @override
    def steady(self) -> float:
        return self._steady

    def step(self, seconds: float) -> None:
        """Set the wall clock forward (or back, when negative); no time passes."""
        self._now += seconds

    def advance(self, seconds: float) -> None:
        """Advance by ``seconds`` at once, and wake every sleeper whose time is reached, in order."""
        self._now += seconds
        self._steady += seconds
        while self._sleepers and self._sleepers[0][0] <= self._steady:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)

    @override
    async def sleep(self, seconds: float) -> None:
        """Waits for ``advance``."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._steady + seconds, next(self._order), waiter))
        await waiter
