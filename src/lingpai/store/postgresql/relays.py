"""Verbs on relays (`store.relays_port`)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from typing_extensions import override

from lingpai.core.relays import Answered, Copy, Environment, Relay, RelayMessage, Waiting
from lingpai.store import relays, relays_port
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.recording import ConnectionStatements
from lingpai.store.postgresql.repository import Repository

_SQL: Final = load_queries("relays")
T = TypeVar("T")


class Relays(Repository, relays_port.Relays):
    """See `store.relays_port.Relays`."""

    @override
    async def find_relay(self, app: str) -> Relay | None:
        rows = await self._engine.rows(_SQL["find_relay"], app)
        return relays.read_relay(rows[0], self._vault) if rows else None

    @override
    async def list_relays(self) -> tuple[Relay, ...]:
        rows = await self._engine.rows(_SQL["list_relays"])
        return tuple(relays.read_relay(row, self._vault) for row in rows)

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
        rows = await self._engine.rows(_SQL["find_environment"], name)
        return relays.read_environment(rows[0], self._vault) if rows else None

    @override
    async def list_environments(self) -> tuple[Environment, ...]:
        rows = await self._engine.rows(_SQL["list_environments"])
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
        rows = await self._engine.rows(_SQL["find_message"], digest)
        return relays.read_message(rows[0], self._vault) if rows else None

    @override
    async def answer_message(self, digest: bytes, answer: Answered, environment: str = "") -> None:
        vault = self._vault
        await self._run_relays(
            lambda statements: relays.answer_message(statements, vault, digest, answer, environment)
        )

    @override
    async def waiting_copies(self) -> Mapping[str, Waiting]:
        return {name: Waiting(*rest) for name, *rest in await self._engine.rows(_SQL["waiting_copies"])}

    @override
    async def due_copies(self, environment: str, now: float, limit: int) -> tuple[Copy, ...]:
        rows = await self._engine.rows(_SQL["due_copies"], environment, now, limit)
        return tuple(relays.read_copy(row, self._vault) for row in rows)

    @override
    async def end_copy(self, copy_id: int) -> None:
        await self._change_relays("end_copy", copy_id)

    @override
    async def delay_copy(self, copy_id: int, attempts: int, next_at: float) -> None:
        await self._change_relays("delay_copy", copy_id, attempts, next_at)

    async def _change_relays(self, query: str, *arguments: Any) -> bool:
        return bool(await self._engine.write(_SQL[query], *arguments))

    async def _run_relays(self, verb: Callable[[ConnectionStatements], Awaitable[T]]) -> T:
        async def job(connection: Connection) -> T:
            return await verb(ConnectionStatements(connection, _SQL))

        return await self._engine.transact(job)
