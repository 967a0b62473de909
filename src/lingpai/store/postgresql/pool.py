"""Connections: how they are lent and given up when the database does not answer in time."""

import asyncio
import math
import time
from collections import deque
from types import TracebackType
from typing import Final

from prometheus_client import Histogram

from lingpai.store.postgresql.connect import Connection, connect
from lingpai.store.postgresql.faults import DEMOTED, is_unsent

PATIENCE: Final = 5.0
"""Seconds within which the database must have answered, the wait for a connection included."""
_IDLE_SECONDS: Final = 300.0
"""What was not used for so long may have been cut by something on the way, and nobody was told."""

_waited = Histogram(
    "lingpai_store_connection_wait_seconds",
    "Seconds that a batch or transaction waited for a connection to PostgreSQL.",
    buckets=(0.0005, 0.002, 0.01, 0.05, 0.2, 1.0, 5.0),
)


class Pool:
    """Lends connections for short whiles, the one that was used last first. Made by `open`; `close` it.

    Not asyncpg's own, which takes as much CPU time to lend a connection as to send a batch: some 40 µs.
    """

    def __init__(self, dsn: str, connections: int, patience: float) -> None:
        self._dsn = dsn
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._permits = asyncio.Semaphore(connections)
        self._idle: deque[tuple[Connection, float]] = deque()
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

    def connection(self, seconds: float | None = None) -> "Loan":
        """A connection for the length of an `async with`, which has to be short.

        Args:
            seconds: how long it may take; the pool's patience when None.

        Raises:
            TimeoutError: there was none in time, or the block took too long; its connection was given up then.
        """
        return Loan(self, seconds or self._patience)

    async def close(self) -> None:
        """Close all connections, at once when the database does not answer. Nothing is lent any more."""
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
        if self._idle and not self._permits.locked():
            loan.connection = await self._take()
            _waited.observe(0.0)
        else:
            began = time.monotonic()
            async with asyncio.timeout(self._patience):
                loan.connection = await self._take()
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
        elif error is not None:  # one that was told that it is over waits for the end
            loan.is_last |= is_unsent(error) or not isinstance(error, Exception)
        if loan.is_last:
            connection.terminate()
        if not connection.is_closed():
            self._idle.append((connection, self._loop.time()))
        self._permits.release()

    async def _take(self) -> Connection:
        await self._permits.acquire()
        try:
            while self._idle:
                connection, _ = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await connect(self._dsn, self._patience)
        except BaseException:
            self._permits.release()
            raise

    def _expire(self) -> None:
        for connection, _ in self._idle:
            connection.terminate()
        self._idle.clear()
        for loan in self._loans:
            loan.is_last = True

    def _drop_unused(self, since: float) -> None:
        while self._idle and self._idle[0][1] < since:
            self._idle.popleft()[0].terminate()

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

    Attributes:
        connection: what is lent.
        ends_at: when it is given up, by the loop's time.
        is_late: whether it was.
        is_last: whether nobody shall have the connection afterwards.
    """

    __slots__ = ("_pool", "connection", "ends_at", "is_last", "is_late", "seconds")

    connection: Connection
    ends_at: float

    def __init__(self, pool: Pool, seconds: float) -> None:
        self._pool = pool
        self.seconds = seconds
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
