"""Verbs on apps (`store.directory_port`)."""

from collections.abc import Sequence
from typing import Any, Final

from typing_extensions import override

from lingpai.core.issuer_records import App, Secret
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import SECRET_COLUMN, app_columns, read_apps
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_directory")
_REMOVALS: Final = (
    "clear_secrets",
    "remove_app_members",
    "remove_app_count",
    "remove_app_slots",
    "unbind_app_terminals",
    "remove_app_marks",
)


class Apps(IssuerRepository, Directory):
    """See `store.directory_port.Directory`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._app = Memo(lambda rows: read_apps(rows, self._vault)[0])

    @override
    async def add_app(self, app: App) -> App | None:

        async def add(connection: Connection) -> int | None:
            return await self._add(connection, app)

        added = await self._engine.transact(add)
        return None if added is None else await self.read_app(added)

    @override
    async def find_app(self, realm: str, app_id: str) -> App | None:
        if "\0" in app_id:  # comes from outside, and PostgreSQL has no such text
            return None
        rows = await self._engine.read(_SQL["find_app"], realm, app_id)
        return self._app(rows) if rows else None

    @override
    async def read_app(self, app: int) -> App | None:
        rows = await self._engine.read(_SQL["read_app"], app)
        return self._app(rows) if rows else None

    @override
    async def list_apps(self, realm: str) -> tuple[App, ...]:
        return read_apps(await self._engine.scan(_SQL["list_apps"], realm), self._vault)

    @override
    async def change_app(self, known: App, app: App) -> bool:

        async def change(connection: Connection) -> bool:
            await connection.fetch(_SQL["lock_app"], known.id)
            rows = await connection.fetch(_SQL["read_app"], [known.id])
            if not rows or self._app([tuple(each)[1:] for each in rows]) != known:
                return False
            *columns, _ = app_columns(app).values()
            await connection.execute(_SQL["change_app"], known.id, *columns)
            if app.secrets != known.secrets:
                await self._write_secrets(connection, known.id, app.secrets)
            return True

        return await self._engine.transact(change)

    @override
    async def remove_app(self, app: int, known: App | None = None) -> bool:

        async def remove(connection: Connection) -> bool:
            if known is not None:
                await connection.fetch(_SQL["lock_app"], app)
                rows = await connection.fetch(_SQL["read_app"], [app])
                if not rows or self._app([tuple(each)[1:] for each in rows]) != known:
                    return False
            return await self._remove(connection, app)

        return await self._engine.transact(remove)

    async def _add(self, connection: Connection, app: App) -> int | None:
        row: int | None = await connection.fetchval(_SQL["add_app"], *app_columns(app).values())
        if row is not None:
            await self._write_secrets(connection, row, app.secrets)
        return row

    async def _remove(self, connection: Connection, app: int) -> bool:
        await connection.fetch(_SQL["lock_app"], app)
        for query in _REMOVALS:
            await connection.execute(_SQL[query], app)
        return await connection.fetchval(_SQL["remove_app"], app) is not None

    async def _write_secrets(self, connection: Connection, app: int, secrets: Sequence[Secret]) -> bool:
        """Replace an app's secrets, with its row locked: of two who do it at once, one comes after the other."""
        name = await connection.fetchrow(_SQL["lock_app"], app)
        if name is None:
            return False
        await connection.execute(_SQL["clear_secrets"], app)
        for secret in reversed(secrets):  # the newest gets the highest id
            sealed = self._vault.seal(secret.clear, SECRET_COLUMN, *name) if secret.clear else None
            await connection.execute(_SQL["add_secret"], app, secret.digest, sealed, secret.ends_at)
        return True
