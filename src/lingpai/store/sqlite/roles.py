"""Verbs on leadership (`store.port`)."""

from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.clock import end_after
from lingpai.core.records import RoleHolder
from lingpai.store.port import Store
from lingpai.store.rows import end_columns, moment, read_role_holders
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("roles")


class Roles(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def lead(self, role: str, holder: str, ttl: float) -> bool:

        def take(connection: apsw.Connection) -> bool:
            columns = {"role": role, "holder": holder}
            columns |= moment(self._clock) | end_columns("end", end_after(self._clock, ttl))
            return bool(run(connection, _SQL["lead"], columns))

        return await self._engine.write(take)

    @override
    async def list_role_holders(self) -> tuple[RoleHolder, ...]:

        def read(connection: apsw.Connection) -> tuple[RoleHolder, ...]:
            return read_role_holders(run(connection, _SQL["list_role_holders"]), self._clock)

        return await self._engine.scan(read)

    @override
    async def resign(self, role: str, holder: str) -> None:

        def give_back(connection: apsw.Connection) -> None:
            run(connection, _SQL["resign"], (role, holder))

        await self._engine.write(give_back)
