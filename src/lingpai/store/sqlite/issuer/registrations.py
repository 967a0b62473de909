"""Verbs on apps that register themselves (`store.registrations_port`)."""

from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.issuer_records import App
from lingpai.core.registration_records import InitialToken
from lingpai.store.issuer_rows import read_registration
from lingpai.store.registration_rows import initial_token_columns, read_initial_token
from lingpai.store.registrations_port import Registrations
from lingpai.store.sqlite.issuer.apps import Apps
from lingpai.store.sqlite.queries import load_queries, run

_SQL: Final = load_queries("issuer_registrations")


class RegisteredApps(Apps, Registrations):
    """See `store.registrations_port.Registrations`."""

    @override
    async def add_initial_token(self, token: InitialToken) -> InitialToken:

        def add(connection: apsw.Connection) -> InitialToken:
            row = run(connection, _SQL["add_initial_token"], initial_token_columns(token))[0][0]
            return msgspec.structs.replace(token, id=row)

        return await self._engine.write(add)

    @override
    async def read_initial_token(self, token: int) -> InitialToken | None:
        rows = self._engine.rows(_SQL["read_initial_token"], (token,))
        return read_initial_token(rows[0]) if rows else None

    @override
    async def list_initial_tokens(self, realm: str) -> tuple[InitialToken, ...]:
        return tuple(map(read_initial_token, self._engine.rows(_SQL["list_initial_tokens"], (realm,))))

    @override
    async def remove_initial_token(self, realm: str, token: int) -> bool:

        def remove(connection: apsw.Connection) -> bool:
            return bool(run(connection, _SQL["remove_initial_token"], (realm, token)))

        return await self._engine.write(remove)

    @override
    async def register_app(
        self, app: App, now: int, *, initial: InitialToken | None = None, unused_until: int | None = None
    ) -> App | None:

        def register(connection: apsw.Connection) -> App | None:
            if run(connection, _SQL["app_of_name"], (app.realm, app.app_id)):
                return None
            if initial is not None:
                use = {"id": initial.id, "salt": initial.salt, "now": now}
                if not run(connection, _SQL["use_initial_token"], use):
                    return None
            added = self._add(connection, app)
            if added is not None and unused_until is not None:
                run(connection, _SQL["let_end_unused"], (unused_until, added.id))
            return added

        return await self._engine.write(register)

    @override
    async def remove_registered_app(self, app: App) -> bool:

        def remove(connection: apsw.Connection) -> bool:
            rows = run(connection, _SQL["registration_of"], (app.id,))
            if not rows or read_registration(rows[0][0]) != app.registration:
                return False
            return self._remove(connection, app.id)

        return await self._engine.write(remove)

    @override
    async def remove_unused_apps(self, now: int, limit: int) -> int:

        def remove(connection: apsw.Connection) -> int:
            due = run(connection, _SQL["due_apps"], (now, limit))
            for app, unused in due:
                if unused:
                    self._remove(connection, app)
                else:
                    run(connection, _SQL["let_end_unused"], (None, app))
            return len(due)

        if not self._engine.rows(_SQL["due_apps"], (now, 1)):  # as most of the time, so nothing is written
            return 0
        return await self._engine.write(remove)

    @override
    async def has_members(self, app: int) -> bool:
        return bool(self._engine.rows(_SQL["find_any_member"], (app,)))
