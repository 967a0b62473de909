"""Verbs on leadership (`store.port`)."""

from typing import Final

from lingpai.core.clock import end_after
from lingpai.core.records import RoleHolder
from lingpai.store.postgresql.part import Part
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.rows import read_role_holders

_SQL: Final = load_queries("roles")


class Roles(Part):
    """See `store.port.Store`."""

    async def lead(self, role: str, holder: str, ttl: float) -> bool:
        """See `store.port.Store.lead`."""
        now = (self._clock.now(), self._clock.steady(), self._clock.epoch)
        return bool(await self._engine.write(_SQL["lead"], role, holder, *end_after(self._clock, ttl), *now))

    async def list_role_holders(self) -> tuple[RoleHolder, ...]:
        """See `store.port.Store.list_role_holders`."""
        return read_role_holders(await self._engine.scan(_SQL["list_role_holders"]), self._clock)

    async def resign(self, role: str, holder: str) -> None:
        """See `store.port.Store.resign`."""
        await self._engine.write(_SQL["resign"], role, holder)
