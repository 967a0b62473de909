"""Verbs on leadership (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.clock import end_after
from lingpai.core.records import RoleHolder
from lingpai.store.port import Store
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository
from lingpai.store.rows import read_role_holders

_SQL: Final = load_queries("roles")


class Roles(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def lead(self, role: str, holder: str, ttl: float) -> bool:
        now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
        return bool(await self._engine.write(_SQL["lead"], role, holder, *end_after(self._clock, ttl), *now))

    @override
    async def list_role_holders(self) -> tuple[RoleHolder, ...]:
        return read_role_holders(await self._engine.scan(_SQL["list_role_holders"]), self._clock)

    @override
    async def resign(self, role: str, holder: str) -> None:
        await self._engine.write(_SQL["resign"], role, holder)
