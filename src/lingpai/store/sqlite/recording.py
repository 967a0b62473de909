"""Changes that are recorded in the transaction that makes them (`store.administration_port.Recording`)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar, cast

from typing_extensions import override

from lingpai.core.audit import Actor, Change
from lingpai.store.administration import append
from lingpai.store.administration_port import Recording
from lingpai.store.queries import Row
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.sqlite.writer import Job
from lingpai.store.transaction import finish

_SQL: Final = load_queries("administration")
T = TypeVar("T")


class WriterStatements:
    """Runs statements by the writer's connection; see `store.administration.Statements`."""

    def __init__(self, connection: Connection, queries: Mapping[str, str] = _SQL) -> None:
        self._connection = connection
        self._queries = queries

    async def rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        """See `store.administration.Statements`."""
        return run(self._connection, self._queries[query], arguments)


class _RecordingEngine:
    """An engine whose writes that change something are recorded; all else is the engine's own."""

    def __init__(
        self, engine: Engine, record: Callable[[Connection], None], happened: Callable[[Any], bool]
    ) -> None:
        self._engine = engine
        self._record = record
        self._happened = happened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def write(self, job: Job[T]) -> Awaitable[T]:
        """See `Engine.write`."""
        return self._engine.write(self._recorded(job))

    def add(self, job: Job[T]) -> Awaitable[T]:
        """See `Engine.add`."""
        return self._engine.add(self._recorded(job))

    def _recorded(self, job: Job[T]) -> Job[T]:
        def both(connection: Connection) -> T:
            result = job(connection)
            if self._happened(result):
                self._record(connection)
            return result

        return both


class Recorded(Repository, Recording):
    """Verbs whose changes can be recorded."""

    @override
    def recording(self, actor: Actor, change: Change, happened: Callable[[Any], bool] = bool) -> Self:
        digest, now = self._vault.digest_audit, self._clock.now()

        def record(connection: Connection) -> None:
            finish(append(WriterStatements(connection), digest, now, actor, change))

        engine = cast("Engine", _RecordingEngine(self._engine, record, happened))
        return type(self)(engine, self._vault, self._clock)

    @override
    async def note(self, actor: Actor, change: Change) -> None:
        digest, now = self._vault.digest_audit, self._clock.now()
        await self._engine.write(
            lambda connection: finish(append(WriterStatements(connection), digest, now, actor, change))
        )
