"""Verbs on sessions (`store.issuer_port`)."""

from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Logout, Session
from lingpai.core.user_records import User
from lingpai.store.authorization_rows import read_logout, read_session
from lingpai.store.endings import end_session, end_sessions, replace_session
from lingpai.store.issuer_port import EndedSessions, IssuerStore
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.issuer.transaction import WriterTransaction
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.transaction import finish
from lingpai.store.user_rows import open_password, read_user, seal_password

_SQL: Final = load_queries("issuer_upkeep")
_LOGOUTS: Final = load_queries("issuer_logouts")
_PASSWORDS: Final = load_queries("issuer_passwords")
_SESSION_COLUMNS: Final = 7


class Sessions(Repository, IssuerStore):
    """See `store.issuer_port.IssuerStore`."""

    @override
    async def add_session(
        self, session: Session, replaces: Session | None = None, verified: str | None = None
    ) -> Session | None:
        columns = msgspec.structs.asdict(session)
        del columns["id"]

        def add(connection: Connection) -> Session | None:
            if verified is not None and not self._is_password(connection, session.user, verified):
                return None
            rows = run(connection, _SQL["add_session"], columns)
            added = msgspec.structs.replace(session, id=rows[0][0])
            if replaces is not None:
                finish(replace_session(WriterTransaction(connection), replaces, added))
            return added

        return await self._engine.add(add)

    def _is_password(self, connection: apsw.Connection, user: int | None, password_hash: str) -> bool:
        """True when a user who is not disabled has a password with this hash, which is sealed if it was not."""
        for realm, clear, sealed in run(connection, _PASSWORDS["read_password"], (user,)):
            if user is None or open_password(self._vault, realm, user, clear, sealed) != password_hash:
                return False
            if clear:
                anew = seal_password(self._vault, realm, user, clear)
                run(connection, _PASSWORDS["keep_password"], (anew, user))
            return True
        return False

    @override
    async def read_session(self, session: int) -> tuple[Session, User | None] | None:
        rows = self._engine.rows(_SQL["read_session"], (session,))
        if not rows:
            return None
        user = rows[0][_SESSION_COLUMNS:]
        return read_session(rows[0][:_SESSION_COLUMNS]), None if user[0] is None else read_user(user)

    @override
    async def end_session(self, session: Session, now: int, held: int = 0) -> EndedSessions:
        return await self._engine.write(
            lambda connection: finish(end_session(WriterTransaction(connection), session, now, held))
        )

    @override
    async def end_sessions(self, user: int, now: int, held: int = 0) -> EndedSessions:
        return await self._engine.write(lambda connection: end_all_sessions(connection, user, now, held))

    @override
    async def has_logouts(self, realm: str, now: int) -> bool:
        return bool(self._engine.rows(_LOGOUTS["find_due_logout"], (realm, now)))

    @override
    async def take_logouts(self, realm: str, now: int, until: int, limit: int) -> tuple[Logout, ...]:

        def take(connection: apsw.Connection) -> tuple[Logout, ...]:
            return tuple(
                map(read_logout, run(connection, _LOGOUTS["take_logouts"], (realm, now, until, limit)))
            )

        return await self._engine.write(take)

    @override
    async def postpone_logout(self, logout: Logout, next_at: int) -> None:
        later = (logout.id, logout.salt, logout.left, next_at)
        await self._engine.write(lambda connection: run(connection, _LOGOUTS["postpone_logout"], later))

    @override
    async def remove_logout(self, logout: Logout) -> None:
        named = (logout.id, logout.salt)
        await self._engine.write(lambda connection: run(connection, _LOGOUTS["remove_logout"], named))


def end_all_sessions(connection: Connection, user: int, now: int, held: int = 0) -> EndedSessions:
    """End all sessions of a user in the transaction of this connection."""
    return finish(end_sessions(WriterTransaction(connection), user, now, held))
