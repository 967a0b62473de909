"""Verbs on sessions (`store.issuer_port`)."""

from typing import Final

import msgspec

from lingpai.core.issuer_records import Session, User
from lingpai.store.issuer_rows import read_session, read_user
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import Changes
from lingpai.store.postgresql.queries import load_queries

_SQL: Final = load_queries("issuer_upkeep")
_SESSION_COLUMNS: Final = 6


class Sessions(Changes):
    """See `store.issuer_port.IssuerStore`."""

    async def add_session(
        self, session: Session, replaces: int | None = None, verified: str | None = None
    ) -> Session | None:
        """See `store.issuer_port.IssuerStore.add_session`."""
        columns = (session.realm, session.user, session.salt, session.created_at, session.ends_at, verified)
        if replaces is None:
            added = await self._engine.call(_SQL["add_session"], *columns)
            return msgspec.structs.replace(session, id=added[0][0]) if added else None

        async def replace(connection: Connection) -> Session | None:
            row = await connection.fetchrow(_SQL["add_session"], *([column] for column in columns))
            if row is None:
                return None
            await connection.execute(_SQL["remove_session"], replaces)
            return msgspec.structs.replace(session, id=row["id"])

        return await self._engine.transact(replace)

    async def read_session(self, session: int) -> tuple[Session, User | None] | None:
        """See `store.issuer_port.IssuerStore.read_session`."""
        rows = await self._engine.read(_SQL["read_session"], session)
        if not rows:
            return None
        user = rows[0][_SESSION_COLUMNS:]
        return read_session(rows[0][:_SESSION_COLUMNS]), None if user[0] is None else read_user(user)

    async def remove_session(self, session: int) -> bool:
        """See `store.issuer_port.IssuerStore.remove_session`."""
        return bool(await self._change(_SQL["remove_session"], session))
