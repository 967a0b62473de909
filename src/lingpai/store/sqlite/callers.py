"""Verbs on callers (`store.port`)."""

from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.records import Caller, FormerKey
from lingpai.store.port import Store
from lingpai.store.rows import caller_now, read_caller, read_key_owner, write_names
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository

_SQL: Final = load_queries("callers")


class Callers(Repository, Store):
    """See `store.port.Store`."""

    @override
    async def add_caller(self, caller: Caller, key_digest: bytes) -> bool:
        columns = {
            "name": caller.name,
            "key_digest": key_digest,
            "environment": caller.environment,
            "apps": write_names(caller.apps),
            "rights": write_names(caller.rights),
            "networks": write_names(caller.networks),
            "forward": write_names(caller.forward),
            "hand_out": caller.hand_out,
            "created_at": caller.created_at,
            "revoked_at": caller.revoked_at,
        }
        return await self._engine.write(lambda connection: bool(run(connection, _SQL["add_caller"], columns)))

    @override
    async def change_caller(self, caller: Caller) -> bool:
        return await self._engine.write(lambda connection: _change(connection, caller))

    @override
    async def replace_caller(self, known: Caller, caller: Caller) -> bool:

        def replace(connection: apsw.Connection) -> bool:
            rows = run(connection, _SQL["find_caller_named"], (known.name,))
            return [*map(read_caller, rows)] == [known] and _change(connection, caller)

        return await self._engine.write(replace)

    @override
    async def find_caller_named(self, name: str) -> Caller | None:
        rows = self._engine.rows(_SQL["find_caller_named"], (name,))
        return read_caller(rows[0]) if rows else None

    @override
    async def rotate_caller(self, name: str, key_digest: bytes, overlap: float) -> bool:

        def rotate(connection: apsw.Connection) -> bool:
            now = self._clock.now()
            run(connection, _SQL["drop_ended_keys"], {"now": now})
            run(connection, _SQL["shorten_former_keys"], {"name": name, "ends_at": now + overlap})
            if not run(connection, _SQL["keep_former_key"], {"name": name, "ends_at": now + overlap}):
                return False
            run(connection, _SQL["rotate_caller"], {"name": name, "key_digest": key_digest})
            return True

        return await self._engine.write(rotate)

    @override
    async def revoke_caller(self, name: str, known: Caller | None = None) -> bool:

        def revoke(connection: apsw.Connection) -> bool:
            rows = run(connection, _SQL["find_caller_named"], (name,))
            if known is not None and [*map(read_caller, rows)] != [known]:
                return False
            return bool(run(connection, _SQL["revoke_caller"], (self._clock.now(), name)))

        return await self._engine.write(revoke)

    @override
    async def find_caller(self, key_digest: bytes) -> Caller | None:
        owner = self._engine.cached(("caller", key_digest), lambda: self._read_owner(key_digest))
        return caller_now(owner, self._clock)

    @override
    async def list_former_keys(self) -> tuple[FormerKey, ...]:

        def read(connection: apsw.Connection) -> tuple[FormerKey, ...]:
            return tuple(
                FormerKey(*row) for row in run(connection, _SQL["list_former_keys"], (self._clock.now(),))
            )

        return await self._engine.scan(read)

    @override
    async def list_callers(self) -> tuple[Caller, ...]:

        def read(connection: apsw.Connection) -> tuple[Caller, ...]:
            return tuple(map(read_caller, run(connection, _SQL["list_callers"])))

        return await self._engine.scan(read)

    def _read_owner(self, key_digest: bytes) -> Caller | None:
        return read_key_owner(self._engine.rows(_SQL["find_caller"], (key_digest,)))


def _change(connection: apsw.Connection, caller: Caller) -> bool:
    columns = {
        "name": caller.name,
        "environment": caller.environment,
        "apps": write_names(caller.apps),
        "rights": write_names(caller.rights),
        "networks": write_names(caller.networks),
        "forward": write_names(caller.forward),
        "hand_out": caller.hand_out,
    }
    return bool(run(connection, _SQL["change_caller"], columns))
