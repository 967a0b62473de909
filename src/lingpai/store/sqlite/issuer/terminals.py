"""Verbs on terminals (`store.directory_port`)."""

from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.issuer_records import Terminal
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import read_terminal
from lingpai.store.sqlite.queries import Bindings, load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("issuer_directory")
_GRANTS: Final = load_queries("issuer_grants")


class Terminals(Repository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def save_terminal(self, terminal: Terminal, now: int) -> Terminal:
        return await self._engine.write(lambda connection: _save(connection, terminal, now))

    @override
    async def replace_terminal(self, known: Terminal | None, wanted: Terminal, now: int) -> Terminal | None:
        def replace(connection: apsw.Connection) -> Terminal | None:
            rows = run(connection, _SQL["find_terminal"], (wanted.realm, wanted.machine_code))
            if [read_terminal(row).described for row in rows] != ([known.described] if known else []):
                return None
            return _save(connection, wanted, now)

        return await self._engine.write(replace)

    @override
    async def find_terminal(self, realm: str, machine_code: str) -> Terminal | None:
        rows = self._engine.rows(_SQL["find_terminal"], (realm, machine_code))
        return read_terminal(rows[0]) if rows else None

    @override
    async def list_terminals(
        self, realm: str, owner: int | None, after: str, limit: int
    ) -> tuple[Terminal, ...]:
        query = _SQL["list_terminals" if owner is None else "list_owned_terminals"]
        bindings: Bindings = {"realm": realm, "after": after, "limit": limit, "owner": owner}

        def read(connection: apsw.Connection) -> tuple[Terminal, ...]:
            return tuple(map(read_terminal, run(connection, query, bindings)))

        return await self._engine.scan(read)

    @override
    async def set_key(self, terminal: int, digest: bytes, ends_at: int) -> bool:
        return await self._change("set_key", (digest, ends_at, terminal))

    @override
    async def bind_terminal(self, terminal: int, app: int) -> bool:
        return await self._change("bind_terminal", {"terminal": terminal, "app": app})

    @override
    async def unbind_terminal(self, terminal: int, app: int) -> bool:
        return await self._change("unbind_terminal", {"terminal": terminal, "app": app})

    @override
    async def remove_terminal(self, terminal: int) -> bool:
        return await self._change("remove_terminal", (terminal,))

    async def _change(self, query: str, bindings: Bindings) -> bool:
        def change(connection: apsw.Connection) -> bool:
            return bool(run(connection, _SQL[query], bindings))

        return await self._engine.write(change)


def _save(connection: apsw.Connection, terminal: Terminal, now: int) -> Terminal:
    columns = {
        "realm": terminal.realm,
        "machine_code": terminal.machine_code,
        "name": terminal.name,
        "owner": terminal.owner,
        "msign_digest": terminal.secret_digest,
        "created_at": terminal.created_at,
    }
    name = (terminal.realm, terminal.machine_code)
    for known in map(read_terminal, run(connection, _SQL["find_terminal"], name)):
        if known.owner is not None and known.owner != terminal.owner:
            run(
                connection,
                _GRANTS["end_owned"],
                {"owner": known.owner, "terminal": known.id, "now": now},
            )
    run(connection, _SQL["save_terminal"], columns)
    return read_terminal(run(connection, _SQL["find_terminal"], name)[0])
