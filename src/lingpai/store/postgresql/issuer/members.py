"""Verbs on users as apps know them (`store.directory_port`)."""

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import Member
from lingpai.core.user_records import User
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import read_member
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.rows import write_names
from lingpai.store.user_rows import read_user

_SQL: Final = load_queries("issuer_members")
_MEMBER_COLUMNS: Final = 9
_AT_ONCE: Final = 1000
"""Members in one statement of an import."""


class Members(IssuerRepository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def open_member(self, member: Member, owner: str) -> Member:

        async def add(connection: Connection) -> Member:
            await connection.execute(_SQL["add_member"], *_columns(member))
            if owner:
                union = (member.app, member.user, owner, member.union_id)
                await connection.execute(_SQL["add_union"], *union)
            row = await connection.fetchrow(_SQL["read_member"], member.app, member.user)
            if row is None:
                raise LingpaiError(Kind.INVALID_OPEN_ID, "The app or the user was removed just now.")
            return read_member(tuple(row))

        return await self._engine.transact(add)

    @override
    async def find_member(self, app: int, user: int) -> Member | None:
        rows = await self._engine.read(_SQL["find_member"], app, user)
        return read_member(rows[0]) if rows else None

    @override
    async def find_open_id(self, app: int, open_id: str) -> tuple[Member, User] | None:
        rows = await self._engine.read(_SQL["find_open_id"], app, open_id)
        if not rows:
            return None
        return read_member(rows[0][:_MEMBER_COLUMNS]), read_user(rows[0][_MEMBER_COLUMNS:])

    @override
    async def save_consent(
        self, member: int, scope: str | None, permissions: Sequence[str], *, added: bool
    ) -> bool:
        columns = (member, scope, write_names(tuple(permissions)), added)
        return bool(await self._change(_SQL["save_consent"], *columns))

    @override
    async def import_open_ids(self, members: Sequence[Member]) -> int:

        async def add(connection: Connection) -> int:
            for start in range(0, len(members), _AT_ONCE):
                await _import_some(connection, members[start : start + _AT_ONCE])
            return len(members)

        return await self._engine.transact(add)

    @override
    async def count_members(self, app: int) -> int:
        return int((await self._engine.rows(_SQL["count_members"], app))[0][0])

    @override
    async def list_members(self, app: int, after: int, limit: int) -> tuple[Member, ...]:
        return tuple(map(read_member, await self._engine.rows(_SQL["list_members"], app, after, limit)))

    @override
    async def list_added(self, user: int) -> tuple[Member, ...]:
        return tuple(map(read_member, await self._engine.rows(_SQL["list_added"], user)))


def _columns(member: Member) -> tuple[Any, ...]:
    permissions = write_names(member.permissions)
    return (
        *(member.app, member.user, member.open_id, permissions),
        *(member.scope, member.added, member.created_at),
    )


async def _import_some(connection: Connection, members: Sequence[Member]) -> None:
    """Import all of them in one statement; one by one, to find the one that fails, when some cannot be."""
    wanted = {(member.app, member.user): member for member in members}
    if len(wanted) == len(members):
        try:
            async with connection.transaction():
                rows = await connection.fetch(
                    _SQL["import_members"], *zip(*map(_columns, members), strict=True)
                )
        except asyncpg.UniqueViolationError:
            rows = []
        if len(rows) == len(members):
            return
    for member in members:
        await _import_one(connection, member)


async def _import_one(connection: Connection, member: Member) -> None:
    refused = LingpaiError(
        Kind.INVALID_OPEN_ID,
        f"The open_id {member.open_id} is taken, or its user has another one in that app.",
    )
    try:
        if await connection.fetch(_SQL["import_members"], *([column] for column in _columns(member))):
            return
    except asyncpg.UniqueViolationError as error:
        raise refused from error
    raise refused
