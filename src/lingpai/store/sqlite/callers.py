"""Verbs on callers (`store.port`)."""

from typing import Final

import apsw

from lingpai.core.records import Caller
from lingpai.store.rows import read_caller, write_names
from lingpai.store.sqlite.part import Part
from lingpai.store.sqlite.queries import load_queries, run

_SQL: Final = load_queries("callers")


class Callers(Part):
    """See `store.port.Store`."""

    async def add_caller(self, caller: Caller, key_digest: bytes) -> bool:
        """See `store.port.Store.add_caller`."""
        columns = {
            "name": caller.name,
            "key_digest": key_digest,
            "environment": caller.environment,
            "apps": write_names(caller.apps),
            "rights": write_names(caller.rights),
            "networks": write_names(caller.networks),
            "created_at": caller.created_at,
            "revoked_at": caller.revoked_at,
        }
        return await self._engine.write(lambda connection: bool(run(connection, _SQL["add_caller"], columns)))

    async def change_caller(self, caller: Caller) -> bool:
        """See `store.port.Store.change_caller`."""
        columns = {
            "name": caller.name,
            "environment": caller.environment,
            "apps": write_names(caller.apps),
            "rights": write_names(caller.rights),
            "networks": write_names(caller.networks),
        }
        return await self._engine.write(
            lambda connection: bool(run(connection, _SQL["change_caller"], columns))
        )

    async def revoke_caller(self, name: str) -> bool:
        """See `store.port.Store.revoke_caller`."""

        def revoke(connection: apsw.Connection) -> bool:
            return bool(run(connection, _SQL["revoke_caller"], (self._clock.now(), name)))

        return await self._engine.write(revoke)

    async def find_caller(self, key_digest: bytes) -> Caller | None:
        """See `store.port.Store.find_caller`."""
        return self._engine.cached(("caller", key_digest), lambda: self._read_caller(key_digest))

    async def list_callers(self) -> tuple[Caller, ...]:
        """See `store.port.Store.list_callers`."""

        def read(connection: apsw.Connection) -> tuple[Caller, ...]:
            return tuple(map(read_caller, run(connection, _SQL["list_callers"])))

        return await self._engine.scan(read)

    def _read_caller(self, key_digest: bytes) -> Caller | None:
        rows = self._engine.rows(_SQL["find_caller"], (key_digest,))
        return read_caller(rows[0]) if rows else None
