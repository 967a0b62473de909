"""Verbs on users as apps know them (`store.directory_port`)."""

from collections.abc import Sequence
from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import Member
from lingpai.core.user_records import User
from lingpai.store.directory_port import Directory
from lingpai.store.issuer_rows import member_columns, read_member
from lingpai.store.rows import write_names
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.user_rows import read_user

_SQL: Final = load_queries("issuer_members")
_MEMBER_COLUMNS: Final = 9


class Members(Repository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def open_member(self, member: Member, owner: str) -> Member:

        def add(connection: apsw.Connection) -> Member:
            columns = member_columns(member)
            run(connection, _SQL["add_member"], columns)
            if owner:
                run(connection, _SQL["add_union"], columns | {"owner": owner})
            rows = run(connection, _SQL["find_member"], (member.app, member.user))
            if not rows:
                raise LingpaiError(Kind.INVALID_OPEN_ID, "The app or the user was removed just now.")
            return read_member(rows[0])

        return await self._engine.add(add)

    @override
    async def find_member(self, app: int, user: int) -> Member | None:
        rows = self._engine.rows(_SQL["find_member"], (app, user))
        return read_member(rows[0]) if rows else None

    @override
    async def find_open_id(self, app: int, open_id: str) -> tuple[Member, User] | None:
        rows = self._engine.rows(_SQL["find_open_id"], (app, open_id))
        if not rows:
            return None
        return read_member(rows[0][:_MEMBER_COLUMNS]), read_user(rows[0][_MEMBER_COLUMNS:])

    @override
    async def save_consent(
        self, member: int, scope: str | None, permissions: Sequence[str], *, added: bool
    ) -> bool:

        def save(connection: apsw.Connection) -> bool:
            columns = (scope, write_names(tuple(permissions)), added, member)
            return bool(run(connection, _SQL["save_consent"], columns))

        return await self._engine.write(save)

    @override
    async def import_open_ids(self, members: Sequence[Member]) -> int:

        def add(connection: apsw.Connection) -> int:
            for member in members:
                _import_one(connection, member)
            return len(members)

        return await self._engine.write(add)

    @override
    async def count_members(self, app: int) -> int:
        rows = self._engine.rows(_SQL["count_members"], (app,))
        return int(rows[0][0]) if rows else 0

    @override
    async def list_members(self, app: int, after: int, limit: int) -> tuple[Member, ...]:
        return tuple(map(read_member, self._engine.rows(_SQL["list_members"], (app, after, limit))))

    @override
    async def list_added(self, user: int) -> tuple[Member, ...]:
        return tuple(map(read_member, self._engine.rows(_SQL["list_added"], (user,))))


def _import_one(connection: apsw.Connection, member: Member) -> None:
    refused = LingpaiError(
        Kind.INVALID_OPEN_ID,
        f"The open_id {member.open_id} is taken, or its user has another one in that app.",
    )
    try:
        if run(connection, _SQL["import_member"], member_columns(member)):
            return
    except apsw.ConstraintError as error:
        raise refused from error
    raise refused
