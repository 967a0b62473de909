"""Verbs on callers (`store.port`)."""

from typing import Final

from typing_extensions import override

from lingpai.core.records import Caller, FormerKey
from lingpai.store.port import Store
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.memo import Memo
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.postgresql.repository import Repository
from lingpai.store.rows import caller_now, read_caller, read_key_owner, write_names

_SQL: Final = load_queries("callers")
_owner = Memo(read_key_owner)


class Callers(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def add_caller(self, caller: Caller, key_digest: bytes) -> bool:
        columns = (caller.name, key_digest, *_terms(caller), caller.created_at, caller.revoked_at)
        return bool(await self._engine.write(_SQL["add_caller"], *columns))

    @override
    async def change_caller(self, caller: Caller) -> bool:
        return bool(await self._engine.write(_SQL["change_caller"], caller.name, *_terms(caller)))

    @override
    async def replace_caller(self, known: Caller, caller: Caller) -> bool:

        async def replace(connection: Connection) -> bool:
            rows = await connection.fetch(_SQL["lock_caller"], known.name)
            if [read_caller(tuple(row)) for row in rows] != [known]:
                return False
            return bool(await connection.fetch(_SQL["change_caller"], caller.name, *_terms(caller)))

        return await self._engine.transact(replace)

    @override
    async def find_caller_named(self, name: str) -> Caller | None:
        rows = await self._engine.rows(_SQL["find_caller_named"], name)
        return read_caller(rows[0]) if rows else None

    @override
    async def rotate_caller(self, name: str, key_digest: bytes, overlap: float) -> bool:
        now = self._clock.now()
        return bool(await self._engine.write(_SQL["rotate_caller"], name, key_digest, now + overlap, now))

    @override
    async def revoke_caller(self, name: str, known: Caller | None = None) -> bool:

        async def revoke(connection: Connection) -> bool:
            rows = await connection.fetch(_SQL["lock_caller"], name)
            if known is not None and [read_caller(tuple(row)) for row in rows] != [known]:
                return False
            return bool(await connection.fetch(_SQL["revoke_caller"], name, self._clock.now()))

        return await self._engine.transact(revoke)

    @override
    async def find_caller(self, key_digest: bytes) -> Caller | None:
        return caller_now(_owner(await self._engine.read(_SQL["find_caller"], key_digest)), self._clock)

    @override
    async def list_former_keys(self) -> tuple[FormerKey, ...]:
        rows = await self._engine.scan(_SQL["list_former_keys"], self._clock.now())
        return tuple(FormerKey(*row) for row in rows)

    @override
    async def list_callers(self) -> tuple[Caller, ...]:
        return tuple(map(read_caller, await self._engine.scan(_SQL["list_callers"])))


def _terms(caller: Caller) -> tuple[str, ...]:
    lists = (caller.apps, caller.rights, caller.networks, caller.forward)
    return (caller.environment, *map(write_names, lists), caller.hand_out)
