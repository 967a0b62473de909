"""Verbs on users as apps know them (`store.directory_port`)."""

from collections.abc import Sequence
from typing import Final

import apsw

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import Member
from lingpai.core.user_records import User
from lingpai.store.issuer_rows import member_columns, read_member
from lingpai.store.rows import write_names
from lingpai.store.sqlite.part import Part
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.user_rows import read_user

_SQL: Final = load_queries("issuer_members")
_MEMBER_COLUMNS: Final = 9


class Members(Part):
    """See `store.directory_port.Directory`."""

    async def open_member(self, member: Member, owner: str) -> Member:
        """See `store.directory_port.Directory.open_member`."""

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

    async def find_member(self, app: int, user: int) -> Member | None:
        """See `store.directory_port.Directory.find_member`."""
        rows = self._engine.rows(_SQL["find_member"], (app, user))
        return read_member(rows[0]) if rows else None

    async def find_open_id(self, app: int, open_id: str) -> tuple[Member, User] | None:
        """See `store.directory_port.Directory.find_open_id`."""
        rows = self._engine.rows(_SQL["find_open_id"], (app, open_id))
        if not rows:
            return None
        return read_member(rows[0][:_MEMBER_COLUMNS]), read_user(rows[0][_MEMBER_COLUMNS:])

    async def save_consent(
        self, member: int, scope: str | None, permissions: Sequence[str], *, added: bool
    ) -> bool:
        """See `store.directory_port.Directory.save_consent`."""

        def save(connection: apsw.Connection) -> bool:
            columns = (scope, write_names(tuple(permissions)), added, member)
            return bool(run(connection, _SQL["save_consent"], columns))

        return await self._engine.write(save)

    async def import_open_ids(self, members: Sequence[Member]) -> int:
        """See `store.directory_port.Directory.import_open_ids`."""

        def add(connection: apsw.Connection) -> int:
            for member in members:
                _import_one(connection, member)
            return len(members)

        return await self._engine.write(add)

    async def count_members(self, app: int) -> int:
        """See `store.directory_port.Directory.count_members`."""
        rows = self._engine.rows(_SQL["count_members"], (app,))
        return int(rows[0][0]) if rows else 0

    async def list_members(self, app: int, after: int, limit: int) -> tuple[Member, ...]:
        """See `store.directory_port.Directory.list_members`."""
        return tuple(map(read_member, self._engine.rows(_SQL["list_members"], (app, after, limit))))

    async def list_added(self, user: int) -> tuple[Member, ...]:
        """See `store.directory_port.Directory.list_added`."""
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
