"""Changes that are recorded in the transaction that makes them (`store.administration_port.Recording`)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar, cast

from typing_extensions import override

from lingpai.core.audit import Actor, Change
from lingpai.store.administration import append
from lingpai.store.administration_port import Recording
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine, Job
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository
from lingpai.store.queries import Row

_SQL: Final = load_queries("administration")
T = TypeVar("T")


class ConnectionStatements:
    """Runs statements by a connection; see `store.administration.Statements`."""

    def __init__(self, connection: Connection, queries: Mapping[str, str] = _SQL) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        """See `store.administration.Statements`."""
        return list(map(tuple, await self._connection.fetch(self._queries[query], *arguments)))


class _RecordingEngine:
    """An engine whose writes that change something are recorded; all else is the engine's own.

    Who records locks the head of the audit trail last, so nobody waits for another in a circle.
    """

    def __init__(
        self,
        engine: Engine,
        record: Callable[[Connection], Awaitable[None]],
        happened: Callable[[Any], bool],
    ) -> None:
        self._engine = engine
        self._record = record
        self._happened = happened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def transact(self, job: Job[T]) -> T:
        """See `Engine.transact`."""

        async def both(connection: Connection) -> T:
            result = await job(connection)
            if self._happened(result):
                await self._record(connection)
            return result

        return await self._engine.transact(both)

    async def write(self, statement: str, *arguments: Any) -> list[Row]:
        """See `Engine.write`."""

        async def change(connection: Connection) -> list[Row]:
            return list(map(tuple, await connection.fetch(statement, *arguments)))

        return await self.transact(change)

    async def call(self, statement: str, *arguments: Any, apart: object = None) -> list[Row]:
        """See `Engine.call`; it is not batched."""
        del apart

        async def change(connection: Connection) -> list[Row]:
            rows = await connection.fetch(statement, *([each] for each in arguments))
            return [tuple(row)[1:] for row in rows]

        return await self.transact(change)


class Recorded(Repository, Recording):
    """Verbs whose changes can be recorded."""

    @override
    def recording(self, actor: Actor, change: Change, happened: Callable[[Any], bool] = bool) -> Self:
        digest, now = self._vault.digest_audit, self._clock.now()

        async def record(connection: Connection) -> None:
            await append(ConnectionStatements(connection), digest, now, actor, change)

        engine = cast("Engine", _RecordingEngine(self._engine, record, happened))
        return type(self)(engine, self._vault, self._clock)

    @override
    async def note(self, actor: Actor, change: Change) -> None:
        digest, now = self._vault.digest_audit, self._clock.now()
        await self._engine.transact(
            lambda connection: append(ConnectionStatements(connection), digest, now, actor, change)
        )
