"""Verbs on terminals (`store.directory_port`)."""

from typing import Final

import apsw

from lingpai.core.issuer_records import Machine
from lingpai.store.issuer_rows import read_machine
from lingpai.store.sqlite.part import Part
from lingpai.store.sqlite.queries import Bindings, load_queries, run

_SQL: Final = load_queries("issuer_directory")
_GRANTS: Final = load_queries("issuer_grants")


class Machines(Part):
    """See `store.directory_port.Directory`."""

    async def save_machine(self, machine: Machine, now: int) -> Machine:
        """See `store.directory_port.Directory.save_machine`."""

        def save(connection: apsw.Connection) -> Machine:
            columns = {
                "realm": machine.realm,
                "machine_code": machine.machine_code,
                "name": machine.name,
                "owner": machine.owner,
                "msign_digest": machine.msign_digest,
                "created_at": machine.created_at,
            }
            name = (machine.realm, machine.machine_code)
            for known in map(read_machine, run(connection, _SQL["find_machine"], name)):
                if known.owner is not None and known.owner != machine.owner:
                    run(
                        connection,
                        _GRANTS["end_owned"],
                        {"owner": known.owner, "machine": known.id, "now": now},
                    )
            run(connection, _SQL["save_machine"], columns)
            return read_machine(run(connection, _SQL["find_machine"], name)[0])

        return await self._engine.write(save)

    async def find_machine(self, realm: str, machine_code: str) -> Machine | None:
        """See `store.directory_port.Directory.find_machine`."""
        rows = self._engine.rows(_SQL["find_machine"], (realm, machine_code))
        return read_machine(rows[0]) if rows else None

    async def list_machines(
        self, realm: str, owner: int | None, after: str, limit: int
    ) -> tuple[Machine, ...]:
        """See `store.directory_port.Directory.list_machines`."""
        query = _SQL["list_machines" if owner is None else "list_owned_machines"]
        bindings: Bindings = {"realm": realm, "after": after, "limit": limit, "owner": owner}

        def read(connection: apsw.Connection) -> tuple[Machine, ...]:
            return tuple(map(read_machine, run(connection, query, bindings)))

        return await self._engine.scan(read)

    async def set_qr_key(self, machine: int, digest: bytes, ends_at: int) -> bool:
        """See `store.directory_port.Directory.set_qr_key`."""
        return await self._change("set_qr_key", (digest, ends_at, machine))

    async def bind_machine(self, machine: int, app: int) -> bool:
        """See `store.directory_port.Directory.bind_machine`."""
        return await self._change("bind_machine", {"machine": machine, "app": app})

    async def unbind_machine(self, machine: int, app: int) -> bool:
        """See `store.directory_port.Directory.unbind_machine`."""
        return await self._change("unbind_machine", {"machine": machine, "app": app})

    async def remove_machine(self, machine: int) -> bool:
        """See `store.directory_port.Directory.remove_machine`."""
        return await self._change("remove_machine", (machine,))

    async def _change(self, query: str, bindings: Bindings) -> bool:
        def change(connection: apsw.Connection) -> bool:
            return bool(run(connection, _SQL[query], bindings))

        return await self._engine.write(change)
