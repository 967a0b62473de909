"""Verbs on sessions (`store.issuer_port`)."""

from typing import Final

import apsw
import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import Session
from lingpai.core.user_records import User
from lingpai.store.authorization_rows import read_session
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.user_rows import open_password, read_user, seal_password

_SQL: Final = load_queries("issuer_upkeep")
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

        def add(connection: apsw.Connection) -> Session | None:
            if verified is not None and not self._is_password(connection, session.user, verified):
                return None
            rows = run(connection, _SQL["add_session"], columns)
            added = msgspec.structs.replace(session, id=rows[0][0])
            if replaces is not None:
                _remove(connection, replaces)
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
    async def remove_session(self, session: Session) -> bool:

        def remove(connection: apsw.Connection) -> bool:
            return _remove(connection, session)

        return await self._engine.write(remove)


def _remove(connection: apsw.Connection, session: Session) -> bool:
    return bool(run(connection, _SQL["remove_session"], (session.id, session.salt)))
