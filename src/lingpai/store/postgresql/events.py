"""Verbs on events (`store.events_port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.events import Event
from lingpai.store import events_port
from lingpai.store.events import read_event
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.recording import ConnectionStatements
from lingpai.store.postgresql.repository import Repository

_SQL: Final = load_queries("events")


def event_statements(connection: Connection) -> ConnectionStatements:
    """Return what adds events in the transaction of a connection."""
    return ConnectionStatements(connection, _SQL)


class Events(Repository, events_port.Events):
    """See `store.events_port.Events`."""

    @override
    async def list_events(self, after: int, limit: int) -> tuple[Event, ...]:
        return tuple(map(read_event, await self._engine.rows(_SQL["read_events"], after, limit)))

    @override
    async def event_range(self) -> tuple[int, int]:
        ((oldest, newest),) = await self._engine.rows(_SQL["event_range"])
        return oldest or newest + 1, newest
