"""Verbs on terminals (`store.directory_port`)."""

from typing import Final

from lingpai.core.issuer_records import Machine
from lingpai.store.issuer_rows import read_machine
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import Changes
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_directory")
_GRANTS: Final = load_queries("issuer_grants")


class Machines(Changes):
    """See `store.directory_port.Directory`."""

    async def save_machine(self, machine: Machine, now: int) -> Machine:
        """See `store.directory_port.Directory.save_machine`."""
        name, rest = (machine.realm, machine.machine_code), (machine.msign_digest, machine.created_at)

        async def save(connection: Connection) -> Machine:
            for row, owner in await connection.fetch(_SQL["lock_machine"], *name):
                if owner is not None and owner != machine.owner:
                    await connection.execute(_GRANTS["end_owned"], now, owner, row)
            saved = await connection.fetch(_SQL["save_machine"], *name, machine.name, machine.owner, *rest)
            return read_machine(tuple(saved[0]))

        return await self._engine.transact(save)

    async def find_machine(self, realm: str, machine_code: str) -> Machine | None:
        """See `store.directory_port.Directory.find_machine`."""
        rows = await self._engine.read(_SQL["find_machine"], realm, machine_code)
        return read_machine(rows[0]) if rows else None

    async def list_machines(
        self, realm: str, owner: int | None, after: str, limit: int
    ) -> tuple[Machine, ...]:
        """See `store.directory_port.Directory.list_machines`."""
        if owner is None:
            rows = await self._engine.scan(_SQL["list_machines"], realm, after, limit)
        else:
            rows = await self._engine.rows(_SQL["list_owned_machines"], realm, after, limit, owner)
        return tuple(map(read_machine, rows))

    async def set_qr_key(self, machine: int, digest: bytes, ends_at: int) -> bool:
        """See `store.directory_port.Directory.set_qr_key`."""
        return bool(await self._change(_SQL["set_qr_key"], machine, digest, ends_at))

    async def bind_machine(self, machine: int, app: int) -> bool:
        """See `store.directory_port.Directory.bind_machine`."""
        return bool(await self._change(_SQL["bind_machine"], machine, app))

    async def unbind_machine(self, machine: int, app: int) -> bool:
        """See `store.directory_port.Directory.unbind_machine`."""
        return bool(await self._change(_SQL["unbind_machine"], machine, app))

    async def remove_machine(self, machine: int) -> bool:
        """See `store.directory_port.Directory.remove_machine`."""
        return bool(await self._change(_SQL["remove_machine"], machine))
