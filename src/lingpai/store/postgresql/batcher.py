"""Batches: all calls of one statement that wait go out together, in one round trip."""

import asyncio
import random
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from lingpai.store.postgresql.faults import AGAIN, OVERDUE, is_fault, unavailable
from lingpai.store.queries import Row

T = TypeVar("T")

MOST: Final = 500
"""Calls in one batch at most."""
TURNS: Final = 4
"""Turns of the loop that a batch of reads is held up at most while more come: a batch costs as much as six calls."""
MANY: Final = 32
"""Calls that are not held up: with more, each would hardly cost less."""
ATTEMPTS: Final = 6
"""Attempts at a transaction that conflicts with others."""

Send = Callable[[Sequence[Sequence[Any]]], Awaitable[Sequence[Row]]]
"""Runs the statement with one array per argument; each of its rows begins with the ordinal (from 1) of its call."""


class _Call(msgspec.Struct):
    arguments: tuple[Any, ...]
    key: tuple[Any, ...]
    apart: Hashable
    futures: "list[asyncio.Future[list[Row]]]"


class Batcher:
    """The calls of one statement. One batch is under way at a time, and gathers its successor meanwhile.

    Args:
        send: runs a batch in one transaction.
        spawn: runs a coroutine in the background.
        shared: whether calls with equal keys that wait are one call.
        patient: whether a batch waits a few turns of the loop for more, as reads do, which requests from many
            connections begin with. What follows on a read comes at once, as those that read together go on together.
    """

    def __init__(
        self,
        send: Send,
        spawn: Callable[[Coroutine[Any, Any, None]], object],
        *,
        shared: bool,
        patient: bool,
    ) -> None:
        self._send = send
        self._spawn = spawn
        self._shared: dict[tuple[Any, ...], _Call] | None = {} if shared else None
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Call] = []
        self._turns = TURNS if patient else 0
        self._running = False

    def has(self, key: tuple[Any, ...]) -> bool:
        """True when a call with this key, submitted now, shares one that waits."""
        return self._shared is not None and key in self._shared

    def submit(
        self, arguments: tuple[Any, ...], apart: Hashable, key: tuple[Any, ...] | None = None
    ) -> "asyncio.Future[list[Row]]":
        """Have a call made; of several with the same `apart` (not None), each goes in a batch of its own.

        The key of a call is its arguments, unless another one is given.
        """
        key = arguments if key is None else key
        future: asyncio.Future[list[Row]] = self._loop.create_future()
        if self._shared is not None:
            same = self._shared.get(key)
            if same is not None:
                same.futures.append(future)
                return future
        call = _Call(arguments, key, apart, [future])
        self._waiting.append(call)
        if self._shared is not None:
            self._shared[key] = call
        if not self._running:
            self._running = True
            self._spawn(self._drain())
        return future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                await self._gather()
                batch = self._take()
                try:
                    await self._settle(batch)
                except Exception as error:  # noqa: BLE001  nobody may wait for ever, whatever it was
                    _fail(batch, error)
        finally:
            self._running = False

    async def _gather(self) -> None:
        for _ in range(self._turns):
            before = len(self._waiting)
            if before >= MANY:
                return
            await _next_turn()
            if len(self._waiting) == before:
                return

    def _take(self) -> list[_Call]:
        batch: list[_Call] = []
        rest: list[_Call] = []
        taken: set[Hashable] = set()
        for call in self._waiting:
            if len(batch) >= MOST or call.apart in taken:
                rest.append(call)
                continue
            batch.append(call)
            if call.apart is not None:
                taken.add(call.apart)
        self._waiting = rest
        self._forget(batch)
        return batch

    def _forget(self, calls: list[_Call]) -> None:
        """Whoever comes from now on is not answered by these: what they read is older than the question."""
        if self._shared is not None:
            for call in calls:
                del self._shared[call.key]

    async def _settle(self, batch: list[_Call]) -> Exception | None:
        """Answer all calls of a batch. Returns the error by which its time ran out, if that is what happened."""
        columns = list(zip(*(call.arguments for call in batch), strict=True))
        try:
            try:
                records = await self._send(columns)
            except AGAIN:
                if len(batch) > 1:
                    raise
                records = await persist(partial(self._send, columns), failed=1)
        except Exception as error:  # noqa: BLE001  it goes to whoever waits
            if len(batch) > 1 and (isinstance(error, AGAIN) or not is_fault(error)):
                return await self._settle_each(batch)
            _fail(batch, error)
            if not isinstance(error, OVERDUE):
                return None
            late, self._waiting = (
                self._waiting,
                [],
            )  # those submitted meanwhile have waited as long for the same database
            self._forget(late)
            _fail(late, error)
            return error
        _answer(batch, records)
        return None

    async def _settle_each(self, batch: list[_Call]) -> Exception | None:
        """Make each call alone: nothing of them has happened, as their transaction was rolled back.

        Once time ran out for one of them, it did for those behind it, who have waited as long.
        """
        for place, call in enumerate(batch, start=1):
            overdue = await self._settle([call])
            if overdue is not None:
                _fail(batch[place:], overdue)
                return overdue
        return None


@types.coroutine
def _next_turn() -> Generator[None, None, None]:
    """Wait for the next turn of the loop, as `asyncio.sleep(0)` does with twice the calls."""
    yield


async def persist(attempt: Callable[[], Awaitable[T]], *, failed: int = 0) -> T:
    """Run `attempt`, a whole transaction, again while others conflict with it; returns its result.

    Args:
        attempt: the transaction.
        failed: attempts for which that was so already.

    Raises:
        Exception: that of the last attempt.
    """
    for number in range(1, ATTEMPTS):
        if number > failed:
            try:
                return await attempt()
            except AGAIN:
                pass
        await asyncio.sleep(random.uniform(0, 0.01 * 2**number))  # noqa: S311  keeps contenders apart
    return await attempt()


async def elsewhere(
    attempt: Callable[[], Awaitable[T]], lost: Callable[[Exception], bool], *, failed: int = 0
) -> T:
    """Return the result of `attempt`, repeated on another connection when its own was `lost`.

    Args:
        attempt: what is made.
        lost: whether an error means that.
        failed: attempts that were lost already.

    Raises:
        Exception: that of the last attempt.
    """
    for _ in range(failed + 1, ATTEMPTS):
        try:
            return await attempt()
        except Exception as error:
            if not lost(error):
                raise
    return await attempt()


def _answer(batch: list[_Call], records: Sequence[Row]) -> None:
    answers: list[list[Row]] = [[] for _ in batch]
    for record in records:
        answers[record[0] - 1].append(record[1:])
    for call, rows in zip(batch, answers, strict=True):
        for future in call.futures:
            if not future.done():  # else its caller was cancelled
                future.set_result(rows)


def _fail(batch: list[_Call], error: Exception) -> None:
    for future in (each for call in batch for each in call.futures):
        if not future.done():
            future.set_exception(unavailable(error) if is_fault(error) else error)
