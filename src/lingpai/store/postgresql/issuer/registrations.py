"""Verbs on apps that register themselves (`store.registrations_port`)."""

from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import App
from lingpai.core.registration_records import InitialToken
from lingpai.store.issuer_rows import read_registration
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.apps import Apps
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.registration_rows import initial_token_columns, read_initial_token
from lingpai.store.registrations_port import Registrations

_SQL: Final = load_queries("issuer_registrations")


class _TakenError(Exception):
    """The public id is another app's."""


class RegisteredApps(Apps, Registrations):
    """See `store.registrations_port.Registrations`."""

    @override
    async def add_initial_token(self, token: InitialToken) -> InitialToken:
        rows = await self._change(_SQL["add_initial_token"], *initial_token_columns(token))
        return msgspec.structs.replace(token, id=rows[0][0])

    @override
    async def read_initial_token(self, token: int) -> InitialToken | None:
        rows = await self._engine.read(_SQL["read_initial_token"], token)
        return read_initial_token(rows[0]) if rows else None

    @override
    async def list_initial_tokens(self, realm: str) -> tuple[InitialToken, ...]:
        return tuple(map(read_initial_token, await self._engine.rows(_SQL["list_initial_tokens"], realm)))

    @override
    async def remove_initial_token(self, realm: str, token: int) -> bool:
        return bool(await self._change(_SQL["remove_initial_token"], realm, token))

    @override
    async def register_app(
        self, app: App, now: int, *, initial: InitialToken | None = None, unused_until: int | None = None
    ) -> App | None:

        async def register(connection: Connection) -> int | None:
            if initial is not None:
                use = (initial.id, initial.salt, now)
                if not await connection.fetch(_SQL["use_initial_token"], *use):
                    return None
            row = await self._add(connection, app)
            if row is None:
                raise _TakenError  # the use is given back
            if unused_until is not None:
                await connection.execute(_SQL["let_end_unused"], row, unused_until)
            return row

        try:
            added = await self._engine.transact(register)
        except _TakenError:
            return None
        return None if added is None else await self.read_app(added)

    @override
    async def remove_registered_app(self, app: App) -> bool:

        async def remove(connection: Connection) -> bool:
            found = await connection.fetchval(_SQL["registration_of"], app.id)
            if found is None or read_registration(found) != app.registration:
                return False
            return await self._remove(connection, app.id)

        return await self._engine.transact(remove)

    @override
    async def remove_unused_apps(self, now: int, limit: int) -> int:

        async def remove(connection: Connection) -> int:
            due = await connection.fetch(_SQL["due_apps"], now, limit)
            for app, unused in due:
                if unused:
                    await self._remove(connection, app)
                else:
                    await connection.execute(_SQL["let_end_unused"], app, None)
            return len(due)

        return await self._engine.transact(remove)

    @override
    async def has_members(self, app: int) -> bool:
        return bool(await self._engine.read(_SQL["find_any_member"], app))
