"""Verbs on leadership (`store.port`)."""

from typing import Final

import apsw

from lingpai.core.clock import end_after
from lingpai.core.records import RoleHolder
from lingpai.store.rows import end_columns, moment, read_role_holders
from lingpai.store.sqlite.part import Part
from lingpai.store.sqlite.queries import load_queries, run

_SQL: Final = load_queries("roles")


class Roles(Part):
    """See `store.port.Store`."""

    async def lead(self, role: str, holder: str, ttl: float) -> bool:
        """See `store.port.Store.lead`."""

        def take(connection: apsw.Connection) -> bool:
            columns = {"role": role, "holder": holder}
            columns |= moment(self._clock) | end_columns("end", end_after(self._clock, ttl))
            return bool(run(connection, _SQL["lead"], columns))

        return await self._engine.write(take)

    async def list_role_holders(self) -> tuple[RoleHolder, ...]:
        """See `store.port.Store.list_role_holders`."""

        def read(connection: apsw.Connection) -> tuple[RoleHolder, ...]:
            return read_role_holders(run(connection, _SQL["list_role_holders"]), self._clock)

        return await self._engine.scan(read)

    async def resign(self, role: str, holder: str) -> None:
        """See `store.port.Store.resign`."""

        def give_back(connection: apsw.Connection) -> None:
            run(connection, _SQL["resign"], (role, holder))

        await self._engine.write(give_back)
