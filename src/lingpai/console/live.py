"""Events of the console: one reader per worker, however many look, and none when nobody does."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

import msgspec
from typing_extensions import override

from lingpai.console.counts import Counts
from lingpai.core.errors import LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.wire import ByteStream
from lingpai.keeper.keeper import Keeper

EVERY: Final = 0.75
"""Seconds between two reads while somebody looks."""
CHECKED: Final = 5.0
"""Seconds after which a stream looks whether its session still is."""
HEARTBEAT: Final = 15.0
"""Seconds after which a stream says that it is still there."""
log: structlog.stdlib.BoundLogger = structlog.get_logger("lingpai.console")
_encode = msgspec.json.Encoder().encode


class State(NamedTuple):
    """What pages show, as far as one has to know that it changed.

    Attributes:
        tokens: changes with every token, ticket, breaker and failure.
        audit: the number of the newest row of the audit trail: every change by an operator adds one.
        served: see `counts.Served`.
        asked: see `counts.Served`.
    """

    tokens: int
    audit: int
    served: int
    asked: int


async def read_state(keeper: Keeper, counts: Counts) -> State:
    """Return the state of the store."""
    statuses = await keeper.store.list_statuses()
    seen = hash(
        tuple(
            (
                each.platform,
                each.account,
                each.label,
                each.kind,
                each.version,
                each.suspect,
                _trouble(each.trouble),
            )
            for each in statuses
        )
    )
    audit, _ = await keeper.store.audit_head()
    served = counts.read()
    return State(seen, audit, served.served, served.asked)


def _trouble(trouble: object) -> tuple[object, ...] | None:
    if trouble is None:
        return None
    return tuple(getattr(trouble, name) for name in ("count", "code", "permanent", "message"))


class Watcher:
    """Reads the state while somebody looks, and gives it to all who do.

    Args:
        read: returns the state.
        rest: waits between two reads.

    Attributes:
        reads: how many reads there were.
    """

    def __init__(
        self, read: Callable[[], Awaitable[State]], rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._read = read
        self._rest = rest
        self._looking = 0
        self._task: asyncio.Task[None] | None = None
        self._state: State | None = None
        self._changed = asyncio.Event()
        self._ended = False
        self.reads = 0

    @property
    def looking(self) -> int:
        """How many look."""
        return self._looking

    @contextlib.asynccontextmanager
    async def look(self) -> AsyncIterator[None]:
        """Look while the block runs."""
        self._looking += 1
        if self._task is None:
            self._task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            self._looking -= 1
            if not self._looking and self._task is not None:
                task, self._task, self._state = self._task, None, None
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def next(self, known: State | None, seconds: float) -> State | None:
        """Return the state once it is another than `known`; None when it is the same after `seconds`, or at the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._ended and (self._state is None or self._state == known):
                    await self._changed.wait()
                return None if self._ended else self._state
        return None

    @property
    def ended(self) -> bool:
        """Whether the service ends."""
        return self._ended

    def end(self) -> None:
        """End every stream: the service ends."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _follow(self) -> None:
        while True:
            try:
                state = await self._read()
                self.reads += 1
                if state != self._state:
                    self._state = state
                    self._wake()
            except LingpaiError as error:  # the store may come back
                log.warning("console_read_failed", error=error.kind.value, detail=error.detail)
            await self._rest(EVERY)


class Events(ByteStream):
    """The events of one page, as a `text/event-stream` (HTML Living Standard §9.2).

    Args:
        watcher: knows the state.
        valid: returns whether the session still is.
    """

    def __init__(self, watcher: Watcher, valid: Callable[[], Awaitable[bool]]) -> None:
        self._watcher = watcher
        self._valid = valid
        self._pieces = self._make()

    @override
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    @override
    async def aclose(self) -> None:
        await self._pieces.aclose()

    async def _make(self) -> AsyncGenerator[bytes, None]:
        known: State | None = None
        quiet = 0.0
        async with self._watcher.look():
            yield b"retry: 2000\n\n"
            while not self._watcher.ended:
                state = await self._watcher.next(known, CHECKED)
                if not await self._valid():
                    yield b"event: ended\ndata: {}\n\n"
                    return
                if state is not None:
                    known, quiet = state, 0.0
                    yield b"data: " + _encode(known._asdict()) + b"\n\n"
                    continue
                quiet += CHECKED
                if quiet >= HEARTBEAT:
                    quiet = 0.0
                    yield b": still here\n\n"
