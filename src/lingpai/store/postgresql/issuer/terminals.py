"""Verbs on terminals (`store.directory_port`)."""

from typing import Final

from lingpai.core.issuer_records import Terminal
from lingpai.store.issuer_rows import read_terminal
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import Changes
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_directory")
_GRANTS: Final = load_queries("issuer_grants")


class Terminals(Changes):
    """See `store.directory_port.Directory`."""

    async def save_terminal(self, terminal: Terminal, now: int) -> Terminal:
        """See `store.directory_port.Directory.save_terminal`."""
        name, rest = (terminal.realm, terminal.machine_code), (terminal.secret_digest, terminal.created_at)

        async def save(connection: Connection) -> Terminal:
            for row, owner in await connection.fetch(_SQL["lock_terminal"], *name):
                if owner is not None and owner != terminal.owner:
                    await connection.execute(_GRANTS["end_owned"], now, owner, row)
            saved = await connection.fetch(_SQL["save_terminal"], *name, terminal.name, terminal.owner, *rest)
            return read_terminal(tuple(saved[0]))

        return await self._engine.transact(save)

    async def find_terminal(self, realm: str, machine_code: str) -> Terminal | None:
        """See `store.directory_port.Directory.find_terminal`."""
        rows = await self._engine.read(_SQL["find_terminal"], realm, machine_code)
        return read_terminal(rows[0]) if rows else None

    async def list_terminals(
        self, realm: str, owner: int | None, after: str, limit: int
    ) -> tuple[Terminal, ...]:
        """See `store.directory_port.Directory.list_terminals`."""
        if owner is None:
            rows = await self._engine.scan(_SQL["list_terminals"], realm, after, limit)
        else:
            rows = await self._engine.rows(_SQL["list_owned_terminals"], realm, after, limit, owner)
        return tuple(map(read_terminal, rows))

    async def set_key(self, terminal: int, digest: bytes, ends_at: int) -> bool:
        """See `store.directory_port.Directory.set_key`."""
        return bool(await self._change(_SQL["set_key"], terminal, digest, ends_at))

    async def bind_terminal(self, terminal: int, app: int) -> bool:
        """See `store.directory_port.Directory.bind_terminal`."""
        return bool(await self._change(_SQL["bind_terminal"], terminal, app))

    async def unbind_terminal(self, terminal: int, app: int) -> bool:
        """See `store.directory_port.Directory.unbind_terminal`."""
        return bool(await self._change(_SQL["unbind_terminal"], terminal, app))

    async def remove_terminal(self, terminal: int) -> bool:
        """See `store.directory_port.Directory.remove_terminal`."""
        return bool(await self._change(_SQL["remove_terminal"], terminal))
