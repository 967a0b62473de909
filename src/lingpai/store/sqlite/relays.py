"""Verbs on relays (`store.relays_port`)."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from typing_extensions import override

from lingpai.core.relays import Answered, Copy, Environment, Relay, RelayMessage, Waiting
from lingpai.store import relays, relays_port
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.recording import WriterStatements
from lingpai.store.sqlite.repository import Repository
from lingpai.store.transaction import finish

_SQL: Final = load_queries("relays")
T = TypeVar("T")


class Relays(Repository, relays_port.Relays):
    """See `store.relays_port.Relays`."""

    @override
    async def find_relay(self, app: str) -> Relay | None:
        rows = self._engine.rows(_SQL["find_relay"], (app,))
        return relays.read_relay(rows[0], self._vault) if rows else None

    @override
    async def list_relays(self) -> tuple[Relay, ...]:
        return tuple(relays.read_relay(row, self._vault) for row in self._engine.rows(_SQL["list_relays"]))

    @override
    async def replace_relay(self, known: Relay | None, relay: Relay) -> bool:
        columns = relays.write_relay(relay, self._vault)
        if known is None:
            return await self._change_relays("add_relay", *columns)
        return await self._change_relays("replace_relay", *columns, known.revision)

    @override
    async def remove_relay(self, app: str) -> bool:
        return await self._change_relays("remove_relay", app)

    @override
    async def find_environment(self, name: str) -> Environment | None:
        rows = self._engine.rows(_SQL["find_environment"], (name,))
        return relays.read_environment(rows[0], self._vault) if rows else None

    @override
    async def list_environments(self) -> tuple[Environment, ...]:
        rows = self._engine.rows(_SQL["list_environments"])
        return tuple(relays.read_environment(row, self._vault) for row in rows)

    @override
    async def replace_environment(self, known: Environment | None, environment: Environment) -> bool:
        columns = relays.write_environment(environment, self._vault)
        if known is None:
            return await self._change_relays("add_environment", *columns)
        return await self._change_relays("replace_environment", *columns, known.revision)

    @override
    async def remove_environment(self, name: str) -> bool:
        return await self._run_relays(lambda statements: relays.remove_environment(statements, name))

    @override
    async def take_message(self, push: RelayMessage, copies: Mapping[str, float]) -> RelayMessage | None:
        vault, now = self._vault, self._clock.now()
        return await self._run_relays(
            lambda statements: relays.take_message(statements, vault, now, push, copies)
        )

    @override
    async def find_message(self, digest: bytes) -> RelayMessage | None:
        rows = self._engine.rows(_SQL["find_message"], (digest,))
        return relays.read_message(rows[0], self._vault) if rows else None

    @override
    async def answer_message(self, digest: bytes, answer: Answered, environment: str = "") -> None:
        vault = self._vault
        await self._run_relays(
            lambda statements: relays.answer_message(statements, vault, digest, answer, environment)
        )

    @override
    async def waiting_copies(self) -> Mapping[str, Waiting]:
        return {name: Waiting(*rest) for name, *rest in self._engine.rows(_SQL["waiting_copies"])}

    @override
    async def due_copies(self, environment: str, now: float, limit: int) -> tuple[Copy, ...]:
        rows = self._engine.rows(_SQL["due_copies"], (environment, now, limit))
        return tuple(relays.read_copy(row, self._vault) for row in rows)

    @override
    async def end_copy(self, copy_id: int) -> None:
        await self._change_relays("end_copy", copy_id)

    @override
    async def delay_copy(self, copy_id: int, attempts: int, next_at: float) -> None:
        await self._change_relays("delay_copy", copy_id, attempts, next_at)

    async def _change_relays(self, query: str, *bindings: Any) -> bool:
        return await self._engine.write(lambda connection: bool(run(connection, _SQL[query], bindings)))

    async def _run_relays(self, verb: Callable[[WriterStatements], Coroutine[Any, Any, T]]) -> T:
        def job(connection: Connection) -> T:
            return finish(verb(WriterStatements(connection, _SQL)))

        return await self._engine.write(job)
