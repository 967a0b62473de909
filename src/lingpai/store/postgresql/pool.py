"""Connections: how they are lent and given up when the database does not answer in time."""

import asyncio
import contextlib
import math
import time
from collections import deque
from types import TracebackType
from typing import Final

import asyncpg
from prometheus_client import Histogram

from lingpai.store.postgresql.abandoned import Abandoned
from lingpai.store.postgresql.connect import Connection, connect
from lingpai.store.postgresql.faults import DEMOTED, StalledError, is_unsent

PATIENCE: Final = 5.0
"""Seconds within which the database must have answered, the wait for a connection included."""
_IDLE_SECONDS: Final = 300.0
"""Seconds without use after which a connection may have been cut on the way without a notice."""
_CROWDED_SECONDS: Final = 1.0
"""After the server refused one more connection, no other one is asked for so long."""
_RETRY_SECONDS: Final = 0.05
"""Between attempts of a pool that has no connection at all while the server refuses more."""

_waited = Histogram(
    "lingpai_store_connection_wait_seconds",
    "Seconds that a batch or transaction waited for a connection to PostgreSQL.",
    buckets=(0.0005, 0.002, 0.01, 0.05, 0.2, 1.0, 5.0),
)


class Pool:
    """Lends connections for short whiles, the one that was used last first. Made by `open`; `close` it.

    Of several, one is never lent for writing, so that reads go on while writes wait for a standby. Not asyncpg's own
    pool, which takes as much CPU time to lend a connection as to send a batch: some 40 µs.
    """

    def __init__(self, dsn: str, connections: int, patience: float) -> None:
        self._dsn = dsn
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._limit = connections
        self._writers_limit = max(1, connections - 1)
        self._open = 0  # those given up count while the server has them
        self._writers = 0
        self._given_up = [0, 0]  # of them, to read and to write
        self._abandoned = Abandoned(dsn, patience, self._freed, self._wake_all)
        self._idle: deque[tuple[Connection, float]] = deque()
        self._waiting: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())
        self._crowded_until = -math.inf
        self._loans: set[Loan] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at = math.inf

    @classmethod
    async def open(cls, dsn: str, connections: int, patience: float) -> "Pool":
        """Connect once, to find out at once whether that is possible.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: it is not.
        """
        pool = cls(dsn, connections, patience)
        async with pool.connection():
            return pool

    def beside(self) -> "Pool":
        """Another pool, of one connection to the same database, for what shall take none of these."""
        return Pool(self._dsn, 1, self._patience)

    def connection(self, seconds: float | None = None, *, writes: bool = False) -> "Loan":
        """A connection for the length of an `async with`, which has to be short.

        Args:
            seconds: how long it may take; the pool's patience when None.
            writes: whether it may commit something.

        Raises:
            TimeoutError: there was none in time, or the block took too long; its connection was given up then.
            StalledError: all that may be lent were given up, and the server has not ended them.
        """
        return Loan(self, seconds or self._patience, writes=writes)

    async def close(self) -> None:
        """Close all connections, at once when the database does not answer. Nothing is lent any more."""
        await self._abandoned.close()
        connections = [connection for connection, _ in self._idle]
        self._idle.clear()
        try:
            async with asyncio.timeout(self._patience):
                await asyncio.gather(*(each.close() for each in connections), return_exceptions=True)
        except TimeoutError:
            pass
        finally:
            for each in connections:
                each.terminate()
            if self._timer is not None:
                self._timer.cancel()

    async def lend(self, loan: "Loan") -> None:
        """Give a loan its connection, and watch over its end."""
        asked = self._loop.time()
        self._drop_unused(asked - _IDLE_SECONDS)
        if self._idle and not (loan.writes and (self._writers >= self._writers_limit or self._stalls())):
            self._writers += loan.writes
            loan.connection = self._idle.pop()[0]
            if loan.connection.is_closed():
                self._open -= 1
                await self._take_late(loan, asked)
            _waited.observe(0.0)
        else:
            began = time.monotonic()
            await self._wait_turn(loan, asked)
            _waited.observe(time.monotonic() - began)
        loan.ends_at = asked + loan.seconds
        self._loans.add(loan)
        if loan.ends_at < self._looks_at:
            self._look_at(loan.ends_at)

    def take_back(self, loan: "Loan", error: BaseException | None) -> None:
        """Keep the connection of a loan if it is good for another one after `error`."""
        connection = loan.connection
        self._loans.discard(loan)
        if isinstance(error, DEMOTED):
            self._expire()
            loan.is_last = True
        elif error is not None:  # one that knows that it is over waits for the end
            loan.is_last |= is_unsent(error) or not isinstance(error, Exception)
        if loan.is_late or (error is not None and not isinstance(error, Exception)):
            connection.terminate()
            self._given_up[loan.writes] += 1
            self._abandoned.keep(connection, writes=loan.writes)  # `_freed` goes on
            return
        if loan.is_last:
            connection.terminate()
        self._writers -= loan.writes
        if connection.is_closed():
            self._open -= 1
        else:
            self._idle.append((connection, self._loop.time()))
        self._wake()

    async def _wait_turn(self, loan: "Loan", asked: float) -> None:
        """Wait until one may be lent, and lend it."""
        until = asked + self._patience
        while loan.writes and (self._stalls() or self._writers >= self._writers_limit):
            if self._stalls():
                raise StalledError("what was written before is not confirmed by the database's standbys")
            await self._wait(loan.writes, until)
        self._writers += loan.writes
        await self._take_late(loan, asked)

    async def _take_late(self, loan: "Loan", asked: float) -> None:
        try:
            loan.connection = await self._take(asked + self._patience)
        except BaseException:
            self._writers -= loan.writes
            self._wake()
            raise

    async def _take(self, until: float) -> Connection:
        crowded: Exception | None = None
        while True:
            while self._idle:
                connection, _ = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            now = self._loop.time()
            if now >= until:
                raise crowded or TimeoutError("no connection to the database was free in time")
            lendable = self._open - sum(self._given_up)
            if self._open < self._limit and (now >= self._crowded_until or not lendable):
                try:
                    return await self._connect(until - now)
                except asyncpg.TooManyConnectionsError as error:
                    crowded = error
                    self._crowded_until = self._loop.time() + _CROWDED_SECONDS
                if self._open == sum(self._given_up):
                    await asyncio.sleep(_RETRY_SECONDS)
                continue
            if not lendable and self._abandoned.are_stuck:
                raise StalledError("the database has not ended what was given up before")
            may_grow = self._crowded_until if self._open < self._limit else until
            await self._wait(False, min(until, max(may_grow, now)))

    async def _connect(self, seconds: float) -> Connection:
        self._open += 1
        try:
            return await connect(self._dsn, self._patience, seconds)
        except BaseException:
            self._open -= 1
            self._wake()
            raise

    async def _wait(self, writes: bool, until: float) -> None:
        """Come back when something may have become free, or at `until`."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        line = self._waiting[writes]
        line.append(waiter)
        try:
            async with asyncio.timeout_at(until):
                await waiter
        except TimeoutError:
            if writes and self._loop.time() >= until:
                raise TimeoutError("no connection to the database was free in time") from None
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self._wake()  # somebody else's turn then
            raise
        finally:
            with contextlib.suppress(ValueError):  # whoever woke it took it out
                line.remove(waiter)

    def _wake(self) -> None:
        """Let the next one in each line look again."""
        for line in self._waiting:
            while line:
                waiter = line.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    break

    def _wake_all(self) -> None:
        for _ in range(max(map(len, self._waiting))):
            self._wake()

    def _stalls(self) -> bool:
        """True when no write is begun: earlier ones were given up, and standbys do not confirm or the disk is full."""
        abandoned = self._abandoned
        return abandoned.standbys_stall or (
            self._given_up[True] >= self._writers_limit and abandoned.are_stuck
        )

    def _freed(self, writes: bool) -> None:
        self._given_up[writes] -= 1
        self._writers -= writes
        self._open -= 1
        self._wake()

    def _expire(self) -> None:
        for connection, _ in self._idle:
            connection.terminate()
        self._open -= len(self._idle)
        self._idle.clear()
        for loan in self._loans:
            loan.is_last = True

    def _drop_unused(self, since: float) -> None:
        while self._idle and self._idle[0][1] < since:
            self._idle.popleft()[0].terminate()
            self._open -= 1

    def _look(self) -> None:
        """Give up the connections of loans that are over: whoever waits for an answer has his error then.

        There is no cancel request, which may hang too. One timer for all: a timer for each loan costs more.
        """
        now = self._loop.time()
        for loan in self._loans:
            if loan.ends_at <= now:
                loan.is_late = True
                loan.connection.terminate()
        self._looks_at = math.inf
        following = min((loan.ends_at for loan in self._loans if not loan.is_late), default=math.inf)
        if following < math.inf:
            self._look_at(following)

    def _look_at(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at = moment
        self._timer = self._loop.call_at(moment, self._look)


class Loan:
    """A connection that is lent by a pool.

    Args:
        pool: whose.
        seconds: how long, the wait for it included.
        writes: whether it may commit something.

    Attributes:
        connection: what is lent.
        ends_at: when it is given up, by the loop's time.
        is_late: whether it was.
        is_last: whether nobody shall have the connection afterwards.
    """

    __slots__ = ("_pool", "connection", "ends_at", "is_last", "is_late", "seconds", "writes")

    connection: Connection
    ends_at: float

    def __init__(self, pool: Pool, seconds: float, *, writes: bool) -> None:
        self._pool = pool
        self.seconds = seconds
        self.writes = writes
        self.is_late = False
        self.is_last = False

    async def __aenter__(self) -> Connection:
        await self._pool.lend(self)
        return self.connection

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        self._pool.take_back(self, error)
        if self.is_late and isinstance(error, Exception):
            raise TimeoutError("the database did not answer in time") from error
