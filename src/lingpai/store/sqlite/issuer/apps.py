"""Verbs on apps (`store.directory_port`)."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.issuer_records import App, Secret
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import SECRET_COLUMN, app_columns, read_apps
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("issuer_directory")
_REMOVALS: Final = (
    "clear_secrets",
    "remove_app_members",
    "remove_app_count",
    "remove_app_slots",
    "unbind_app_terminals",
    "remove_app_marks",
)


class Apps(Repository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def add_app(self, app: App) -> App | None:
        return await self._engine.write(lambda connection: self._add(connection, app))

    @override
    async def find_app(self, realm: str, app_id: str) -> App | None:
        key, engine = ("issuer app", realm, app_id), self._engine
        if not engine.in_turn:
            engine.begin_turn()
        app: App | None = engine.kept.get(key)  # each request names its app
        return app or self._engine.cached(key, partial(self._read_app, realm, app_id))

    def _read_app(self, realm: str, app_id: str) -> App | None:
        apps = read_apps(self._engine.rows(_SQL["find_app"], (realm, app_id)), self._vault)
        return apps[0] if apps else None

    @override
    async def read_app(self, app: int) -> App | None:
        names = self._engine.rows(_SQL["app_name"], (app,))
        return await self.find_app(*names[0]) if names else None

    @override
    async def list_apps(self, realm: str) -> tuple[App, ...]:

        def read(connection: apsw.Connection) -> tuple[App, ...]:
            return read_apps(run(connection, _SQL["list_apps"], (realm,)), self._vault)

        return await self._engine.scan(read)

    @override
    async def change_app(self, known: App, app: App) -> bool:

        def change(connection: apsw.Connection) -> bool:
            if self._read(connection, known) != known:
                return False
            run(connection, _SQL["update_app"], app_columns(app) | {"id": known.id})
            if app.secrets != known.secrets:
                self._write_secrets(connection, known.id, app.secrets)
            return True

        return await self._engine.write(change)

    @override
    async def remove_app(self, app: int, known: App | None = None) -> bool:

        def remove(connection: apsw.Connection) -> bool:
            if known is not None and self._read(connection, known) != known:
                return False
            return self._remove(connection, app)

        return await self._engine.write(remove)

    def _add(self, connection: apsw.Connection, app: App) -> App | None:
        added = run(connection, _SQL["add_app"], app_columns(app))
        if not added:
            return None
        self._write_secrets(connection, added[0][0], app.secrets)
        return self._read(connection, app)

    def _remove(self, connection: apsw.Connection, app: int) -> bool:
        for query in _REMOVALS:
            run(connection, _SQL[query], (app,))
        return bool(run(connection, _SQL["remove_app"], (app,)))

    def _write_secrets(self, connection: apsw.Connection, app: int, secrets: Sequence[Secret]) -> None:
        realm, app_id = run(connection, _SQL["app_name"], (app,))[0]
        run(connection, _SQL["clear_secrets"], (app,))
        for secret in reversed(secrets):  # the newest gets the highest id
            sealed = self._vault.seal(secret.clear, SECRET_COLUMN, realm, app_id) if secret.clear else None
            run(connection, _SQL["add_secret"], (app, secret.digest, sealed, secret.ends_at))

    def _read(self, connection: apsw.Connection, app: App) -> App | None:
        apps = read_apps(run(connection, _SQL["find_app"], (app.realm, app.app_id)), self._vault)
        return apps[0] if apps else None
