"""Verbs on sessions (`store.issuer_port`)."""

from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Logout, Session
from lingpai.core.user_records import User
from lingpai.store.authorization_rows import read_logout, read_session
from lingpai.store.endings import end_session, end_sessions, replace_session
from lingpai.store.issuer_port import EndedSessions, IssuerStore
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.transaction import ConnectionTransaction
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.user_rows import open_password, read_user, seal_password

_SQL: Final = load_queries("issuer_upkeep")
_DIRECTORY: Final = load_queries("issuer_directory")
_LOGOUTS: Final = load_queries("issuer_logouts")
_PASSWORDS: Final = load_queries("issuer_passwords")
_SESSION_COLUMNS: Final = 7


class Sessions(IssuerRepository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_session(
        self, session: Session, replaces: Session | None = None, verified: str | None = None
    ) -> Session | None:
        columns = (
            session.realm,
            session.user,
            session.salt,
            session.created_at,
            session.ends_at,
            session.sid,
        )
        if replaces is None and verified is None:
            added = await self._engine.call(_SQL["add_session"], *columns)
            return msgspec.structs.replace(session, id=added[0][0])

        async def replace(connection: Connection) -> Session | None:
            # A change of password locks the user before it ends the sessions: it finds this one, or this one sees
            # the new hash.
            if verified is not None and not await self._is_password(connection, session.user, verified):
                return None
            row: int = await connection.fetchval(
                _SQL["add_session"], *([column] for column in columns), column=1
            )
            added = msgspec.structs.replace(session, id=row)
            if replaces is not None:
                await replace_session(ConnectionTransaction(connection), replaces, added)
            return added

        return await self._engine.transact(replace)

    async def _is_password(self, connection: Connection, user: int | None, password_hash: str) -> bool:
        """True when a user who is not disabled has a password with this hash, which is sealed if it was not."""
        row = await connection.fetchrow(_PASSWORDS["read_password"], user)
        if row is None or user is None:
            return False
        realm, clear, sealed = row
        if open_password(self._vault, realm, user, clear, sealed) != password_hash:
            return False
        if clear:
            anew = seal_password(self._vault, realm, user, clear)
            await connection.execute(_PASSWORDS["keep_password"], anew, user)
        return True

    @override
    async def read_session(self, session: int) -> tuple[Session, User | None] | None:
        rows = await self._engine.read(_SQL["read_session"], session)
        if not rows:
            return None
        user = rows[0][_SESSION_COLUMNS:]
        return read_session(rows[0][:_SESSION_COLUMNS]), None if user[0] is None else read_user(user)

    @override
    async def end_session(self, session: Session, now: int, held: int = 0) -> EndedSessions:
        return await self._engine.transact(
            lambda connection: end_session(ConnectionTransaction(connection), session, now, held)
        )

    @override
    async def end_sessions(self, user: int, now: int, held: int = 0) -> EndedSessions:

        async def end(connection: Connection) -> EndedSessions:
            # Who logs in by password meanwhile locks the user as well, so their session is seen, or begins after this.
            await connection.fetchval(_DIRECTORY["lock_user"], user)
            return await end_sessions(ConnectionTransaction(connection), user, now, held)

        return await self._engine.transact(end)

    @override
    async def has_logouts(self, realm: str, now: int) -> bool:
        return bool(await self._engine.rows(_LOGOUTS["find_due_logout"], realm, now))

    @override
    async def take_logouts(self, realm: str, now: int, until: int, limit: int) -> tuple[Logout, ...]:
        taken = await self._change(_LOGOUTS["take_logouts"], realm, now, until, limit)
        return tuple(map(read_logout, taken))

    @override
    async def postpone_logout(self, logout: Logout, next_at: int) -> None:
        await self._change(_LOGOUTS["postpone_logout"], logout.id, logout.salt, logout.left, next_at)

    @override
    async def remove_logout(self, logout: Logout) -> None:
        await self._change(_LOGOUTS["remove_logout"], logout.id, logout.salt)
