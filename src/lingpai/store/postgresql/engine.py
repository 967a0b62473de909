"""The mechanism of the engine, which knows no table: batches, transactions, plain reads, news of changes.

`call` and `read` take part in batches: all calls of one statement that wait go out in one round trip, in one
transaction. So the statement takes an array for each argument and answers with the ordinal of the call, from 1, as
the first column of each row, which the caller does not see::

    SELECT t.n, c.name FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS t (realm, id, n) JOIN ...

Nothing is kept in memory between calls, so every node sees every commit at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from functools import partial
from typing import Any, TypeVar

import asyncpg

from lingpai.store.address import CONNECTIONS
from lingpai.store.postgresql.batcher import Batcher, elsewhere, persist
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.faults import is_fault, is_lost, is_unsent, unavailable
from lingpai.store.postgresql.listener import Listener
from lingpai.store.postgresql.pool import PATIENCE, Pool
from lingpai.store.queries import Row

T = TypeVar("T")
Send = Callable[[str, Sequence[Any]], Awaitable[Sequence[Row]]]
Job = Callable[[Connection], Awaitable[T]]
"""A function to run in a transaction (READ COMMITTED).

It may be run a second time after its first run was rolled back, so it has no effect but on the connection.
"""

SCAN_SECONDS = 60.0
"""Seconds that a read of many rows may take."""
SCANS = 2
"""Such reads at a time."""


class Engine:
    """One database, used from one event loop. Made by `open`; `close` it."""

    def __init__(self, pool: Pool, listener: Listener) -> None:
        self._pool = pool
        self._listener = listener
        self._seen = listener.changes
        self._calls: dict[str, Batcher] = {}
        self._calls_once: dict[str, Batcher] = {}
        self._reads: dict[str, Batcher] = {}
        self._scans = asyncio.Semaphore(SCANS)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(cls, dsn: str, connections: int = CONNECTIONS, patience: float = PATIENCE) -> "Engine":
        """Connect to a database that has its schema.

        Args:
            dsn: where it is (`postgresql://…`); several hosts are tried in turn, for the one that takes writes.
            connections: how many at most, besides one that listens and, for their length, `SCANS` that scan.
            patience: seconds within which each verb has an answer or an error.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        try:
            pool = await Pool.open(dsn, connections, patience)
            try:
                return cls(pool, await Listener.open(dsn, patience))
            except BaseException:
                await pool.close()
                raise
        except Exception as error:
            if is_fault(error):
                raise unavailable(error) from error
            raise

    async def call(self, statement: str, *arguments: Any, apart: Hashable = None) -> list[Row]:
        """The rows of one call of a batched statement, once it is committed and durable.

        Args:
            statement: as the module's docstring says.
            arguments: of this call, one for each of the statement's arrays.
            apart: calls with the same value (not None) never share a batch; for those that touch the same row.

        Raises:
            LingpaiError: STORE_UNAVAILABLE; the statement is never sent twice unless it was rolled back.
            asyncpg.PostgresError: the call violates a constraint; it alone of its batch fails.
        """
        batcher = self._calls.get(statement) or self._batcher(self._calls, self._send, statement)
        return await batcher.submit(arguments, apart)

    async def call_once(
        self, statement: str, *arguments: Any, key: tuple[Any, ...] | None = None
    ) -> tuple[bool, list[Row]]:
        """As `call`, but of those who call with the same key while it waits, the first one's call is made, for all.

        The key is the arguments, unless another one is given.

        Returns:
            whether it was the first one's, and the rows, which are not to be changed.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        batcher = self._batcher(self._calls_once, self._send, statement)
        first = not batcher.has(arguments if key is None else key)
        return first, await batcher.submit(arguments, None, key)

    async def read(self, statement: str, *arguments: Any) -> list[Row]:
        """As `call`, for a statement that only reads, which is sent again when its connection was lost.

        Callers that ask the same at the same time share the rows, which are not to be changed.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        batcher = self._reads.get(statement) or self._batcher(self._reads, self._send_read, statement)
        return await batcher.submit(arguments, None)

    def begin_read(self, statement: str, *arguments: Any) -> "asyncio.Future[list[Row]]":
        """As `read`, under way already when this returns."""
        batcher = self._reads.get(statement) or self._batcher(self._reads, self._send_read, statement)
        return batcher.submit(arguments, None)

    async def rows(self, statement: str, *arguments: Any) -> list[Row]:
        """All rows of a plain statement that only reads and takes its arguments as they are.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        return await self._run(lambda: self._send_read(statement, arguments))

    async def write(self, statement: str, *arguments: Any) -> list[Row]:
        """The rows of one plain statement that writes, once it is committed and durable.

        Raises:
            LingpaiError: STORE_UNAVAILABLE; the statement is never sent twice unless it was rolled back.
        """
        return await self._run(partial(persist, lambda: self._send(statement, arguments)))

    async def scan(self, statement: str, *arguments: Any) -> list[Row]:
        """As `rows`, for reads of many rows, which may take long; they take no connection from the other verbs.

        Raises:
            LingpaiError: STORE_UNAVAILABLE; also when others scan for too long.
        """
        return await self._run(partial(self._scan, statement, arguments))

    async def transact(self, job: Job[T]) -> T:
        """Return the result of `job` once its transaction is committed and durable. See `Job` for what a job may be.

        Raises:
            LingpaiError: STORE_UNAVAILABLE, and whatever `job` raises, which rolls back.
        """

        async def attempt() -> T:
            async with self._pool.connection(writes=True) as connection, connection.transaction():
                return await job(connection)

        return await self._run(lambda: elsewhere(lambda: persist(attempt), is_unsent))

    async def wait_change(self, seconds: float) -> None:
        """Come back once anybody may have committed since the last verb was asked for, or after `seconds`.

        Raises:
            LingpaiError: STORE_UNAVAILABLE: the engine is closed.
        """
        self._demand_open()
        if self._listener.changes == self._seen:
            await self._listener.wait(seconds)
        self._seen = self._listener.changes

    async def close(self) -> None:
        """Finish what is waiting, then close every connection. Safe to call twice."""
        self._closed = True
        for batchers in (self._calls, self._calls_once, self._reads):
            batchers.clear()  # so that the next call asks whether the engine is open
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._listener.close()
        await self._pool.close()

    def _batcher(self, batchers: dict[str, Batcher], send: Send, statement: str) -> Batcher:
        self._demand_open()
        batcher = batchers.get(statement)
        if batcher is None:
            shared, patient = batchers is not self._calls, batchers is self._reads
            batcher = Batcher(partial(send, statement), self._spawn, shared=shared, patient=patient)
            batchers[statement] = batcher
        return batcher

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do it to its end even when the caller is cancelled: a transaction is never left to a cancelled task."""
        self._demand_open()
        heard = self._listener.changes
        try:
            done = await asyncio.shield(self._spawn(work()))
        except Exception as error:
            if is_fault(error):
                raise unavailable(error) from error
            raise
        self._seen = heard
        return done

    async def _send(self, statement: str, arguments: Sequence[Any]) -> list[Row]:
        try:
            return await self._fetch(statement, arguments, writes=True)
        except Exception as error:
            if not is_unsent(error):
                raise
        return await elsewhere(partial(self._fetch, statement, arguments, writes=True), is_unsent, failed=1)

    async def _send_read(self, statement: str, arguments: Sequence[Any]) -> list[Row]:
        try:
            return await self._fetch(statement, arguments)
        except Exception as error:
            if not is_lost(error):
                raise
        return await elsewhere(partial(self._fetch, statement, arguments), is_lost, failed=1)

    async def _scan(self, statement: str, arguments: Sequence[Any]) -> list[Row]:
        async with asyncio.timeout(SCAN_SECONDS):
            await self._scans.acquire()
        try:
            return await elsewhere(partial(self._scan_apart, statement, arguments), is_lost)
        finally:
            self._scans.release()

    async def _scan_apart(self, statement: str, arguments: Sequence[Any]) -> list[Row]:
        pool = self._pool.beside()
        try:
            return await self._scan_with(pool, statement, arguments)
        except asyncpg.TooManyConnectionsError:  # then by one that we have
            return await self._scan_with(self._pool, statement, arguments)
        finally:
            await pool.close()

    async def _scan_with(self, pool: Pool, statement: str, arguments: Sequence[Any]) -> list[Row]:
        async with pool.connection(SCAN_SECONDS) as connection, connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = {round(SCAN_SECONDS * 1000)}")
            return list(map(tuple, await connection.fetch(statement, *arguments)))

    async def _fetch(self, statement: str, arguments: Sequence[Any], *, writes: bool = False) -> list[Row]:
        heard = self._listener.changes
        async with self._pool.connection(writes=writes) as connection:
            rows: list[Row] = await connection.fetch(statement, *arguments)  # type: ignore[assignment]  # as tuples
        self._seen = heard  # what was heard since then is news to whoever waits now
        return rows

    def _spawn(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _demand_open(self) -> None:
        if self._closed:
            raise unavailable(asyncpg.InterfaceError("the store is closed"))
