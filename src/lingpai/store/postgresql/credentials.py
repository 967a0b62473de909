"""Verbs that read and mark credentials (`store.port`); leases and what they bring are in `leases`."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from typing_extensions import override

from lingpai.core.clock import Clock
from lingpai.core.records import Credential, CredentialKey, CredentialStatus
from lingpai.store.administration import Statements
from lingpai.store.events import note_dead, note_well
from lingpai.store.port import Store
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.events import event_statements
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository
from lingpai.store.rows import as_of_now, read_credential, read_status
from lingpai.store.vault import Vault

_SQL: Final = load_queries("credentials")


class Credentials(Repository, Store):
    """See `store.port.Store`."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        super().__init__(engine, vault, clock)
        self._credential = Memo(lambda rows: read_credential(rows, vault))

    @override
    async def read_credential(self, key: CredentialKey) -> Credential | None:
        return as_of_now(
            self._credential(await self._engine.read(_SQL["read_credential"], *key)), self._clock
        )

    @override
    async def find_credential(self, value: str) -> Credential | None:
        digest = self._vault.digest_value(value)
        return as_of_now(
            self._credential(await self._engine.read(_SQL["find_credential"], digest)), self._clock
        )

    @override
    async def mark_suspect(self, key: CredentialKey, version: int) -> bool:
        return bool(await self._engine.write(_SQL["mark_suspect"], *key, version))

    @override
    async def end_generation(self, key: CredentialKey, version: int) -> bool:
        ended = (version, self._clock.steady(), self._clock.epoch)
        return await self._noted("end_generation", note_dead, *key, *ended)

    @override
    async def forget_trouble(self, key: CredentialKey) -> bool:
        return await self._noted("forget_trouble", note_well, *key)

    @override
    async def forget_troubles(self, platform: str, account: str) -> tuple[str, ...]:
        rows = await self._engine.write(_SQL["forget_troubles"], platform, account)
        return tuple(sorted({row[0] for row in rows}))

    @override
    async def due_credentials(self, limit: int) -> tuple[CredentialKey, ...]:
        now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
        rows = await self._engine.rows(_SQL["due_credentials"], *now, limit)
        return tuple(CredentialKey(*row) for row in rows)

    @override
    async def list_statuses(self) -> tuple[CredentialStatus, ...]:
        return tuple(map(read_status, await self._engine.scan(_SQL["list_statuses"])))

    async def _noted(
        self, query: str, note: Callable[[Statements, float, int], Awaitable[None]], *arguments: Any
    ) -> bool:
        """Run a statement that returns the credentials that it changed, and add an event of each."""

        async def change(connection: Connection) -> bool:
            rows = await connection.fetch(_SQL[query], *arguments)
            for (credential,) in rows:
                await note(event_statements(connection), self._clock.now(), credential)
            return bool(rows)

        return await self._engine.transact(change)
