"""Verbs on terminals (`store.directory_port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.issuer_records import Terminal
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import read_terminal
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_directory")
_GRANTS: Final = load_queries("issuer_grants")


class Terminals(IssuerRepository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def save_terminal(self, terminal: Terminal, now: int) -> Terminal:
        return await self._engine.transact(lambda connection: _save(connection, terminal, now))

    @override
    async def replace_terminal(self, known: Terminal | None, wanted: Terminal, now: int) -> Terminal | None:
        name = (wanted.realm, wanted.machine_code)

        async def replace(connection: Connection) -> Terminal | None:
            if known is None:  # of two that add it at once, one waits for the other and adds nothing
                rest = (wanted.name, wanted.owner, wanted.secret_digest, wanted.created_at)
                added = await connection.fetch(_SQL["add_terminal"], *name, *rest)
                return read_terminal(tuple(added[0])) if added else None
            await connection.fetch(_SQL["lock_terminal"], *name)
            rows = await connection.fetch(_SQL["find_terminal"], [name[0]], [name[1]])
            if [read_terminal(tuple(row)[1:]).described for row in rows] != [known.described]:
                return None
            return await _save(connection, wanted, now)

        return await self._engine.transact(replace)

    @override
    async def find_terminal(self, realm: str, machine_code: str) -> Terminal | None:
        rows = await self._engine.read(_SQL["find_terminal"], realm, machine_code)
        return read_terminal(rows[0]) if rows else None

    @override
    async def list_terminals(
        self, realm: str, owner: int | None, after: str, limit: int
    ) -> tuple[Terminal, ...]:
        if owner is None:
            rows = await self._engine.scan(_SQL["list_terminals"], realm, after, limit)
        else:
            rows = await self._engine.rows(_SQL["list_owned_terminals"], realm, after, limit, owner)
        return tuple(map(read_terminal, rows))

    @override
    async def set_key(self, terminal: int, digest: bytes, ends_at: int) -> bool:
        return bool(await self._change(_SQL["set_key"], terminal, digest, ends_at))

    @override
    async def bind_terminal(self, terminal: int, app: int) -> bool:
        return bool(await self._change(_SQL["bind_terminal"], terminal, app))

    @override
    async def unbind_terminal(self, terminal: int, app: int) -> bool:
        return bool(await self._change(_SQL["unbind_terminal"], terminal, app))

    @override
    async def remove_terminal(self, terminal: int) -> bool:
        return bool(await self._change(_SQL["remove_terminal"], terminal))


async def _save(connection: Connection, terminal: Terminal, now: int) -> Terminal:
    name, rest = (terminal.realm, terminal.machine_code), (terminal.secret_digest, terminal.created_at)
    for row, owner in await connection.fetch(_SQL["lock_terminal"], *name):
        if owner is not None and owner != terminal.owner:
            await connection.execute(_GRANTS["end_owned"], now, owner, row)
    saved = await connection.fetch(_SQL["save_terminal"], *name, terminal.name, terminal.owner, *rest)
    return read_terminal(tuple(saved[0]))
