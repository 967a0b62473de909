"""Verbs on callers (`store.port`)."""

from typing import Final

from lingpai.core.records import Caller, FormerKey
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.part import Part
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.rows import caller_now, read_caller, read_key_owner, write_names

_SQL: Final = load_queries("callers")
_owner = Memo(read_key_owner)


class Callers(Part):
    """See `store.port.Store`."""

    async def add_caller(self, caller: Caller, key_digest: bytes) -> bool:
        """See `store.port.Store.add_caller`."""
        columns = (caller.name, key_digest, *_terms(caller), caller.created_at, caller.revoked_at)
        return bool(await self._engine.write(_SQL["add_caller"], *columns))

    async def change_caller(self, caller: Caller) -> bool:
        """See `store.port.Store.change_caller`."""
        return bool(await self._engine.write(_SQL["change_caller"], caller.name, *_terms(caller)))

    async def rotate_caller(self, name: str, key_digest: bytes, overlap: float) -> bool:
        """See `store.port.Store.rotate_caller`."""
        now = self._clock.now()
        return bool(await self._engine.write(_SQL["rotate_caller"], name, key_digest, now + overlap, now))

    async def revoke_caller(self, name: str) -> bool:
        """See `store.port.Store.revoke_caller`."""
        return bool(await self._engine.write(_SQL["revoke_caller"], name, self._clock.now()))

    async def find_caller(self, key_digest: bytes) -> Caller | None:
        """See `store.port.Store.find_caller`."""
        return caller_now(_owner(await self._engine.read(_SQL["find_caller"], key_digest)), self._clock)

    async def list_former_keys(self) -> tuple[FormerKey, ...]:
        """See `store.port.Store.list_former_keys`."""
        rows = await self._engine.scan(_SQL["list_former_keys"], self._clock.now())
        return tuple(FormerKey(*row) for row in rows)

    async def list_callers(self) -> tuple[Caller, ...]:
        """See `store.port.Store.list_callers`."""
        return tuple(map(read_caller, await self._engine.scan(_SQL["list_callers"])))


def _terms(caller: Caller) -> tuple[str, ...]:
    lists = (caller.apps, caller.rights, caller.networks, caller.forward)
    return (caller.environment, *map(write_names, lists), caller.hand_out)
