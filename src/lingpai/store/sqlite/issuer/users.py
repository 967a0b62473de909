"""Verbs on users (`store.directory_port`)."""

from collections.abc import Sequence
from typing import Final

import apsw
from typing_extensions import override

from lingpai.core.names import fold
from lingpai.core.user_records import User, UserClaims
from lingpai.store.directory_port import Directory
from lingpai.store.sqlite.connect import Connection
from lingpai.store.sqlite.issuer.sessions import end_all_sessions
from lingpai.store.sqlite.queries import change, load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.user_rows import (
    LAST,
    open_password,
    read_claims,
    read_login,
    read_user,
    seal_password,
    user_columns,
    write_claims,
)

_SQL: Final = load_queries("issuer_directory")
_PASSWORDS: Final = load_queries("issuer_passwords")
_REMOVALS: Final = (
    "remove_user_members",
    "remove_user_unions",
    "disown_terminals",
    "remove_user_marks",
    "remove_user_identities",
)


class Users(Repository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def add_user(self, user: User, password_hash: str) -> User | None:

        def add(connection: apsw.Connection) -> User | None:
            added = run(connection, _SQL["add_user"], user_columns(user))
            if not added:
                return None
            sealed = seal_password(self._vault, user.realm, added[0][0], password_hash)
            run(connection, _PASSWORDS["keep_password"], (sealed, added[0][0]))
            return read_user(run(connection, _SQL["find_user"], added[0])[0])

        return await self._engine.write(add)

    @override
    async def find_user(self, user: int) -> User | None:
        rows = self._engine.rows(_SQL["find_user"], (user,))
        return read_user(rows[0]) if rows else None

    @override
    async def find_login(self, realm: str, login: str) -> tuple[User, str] | None:
        exact = self._engine.rows(_SQL["find_login"], (realm, login))
        alike = self._engine.rows(
            _SQL["find_login_key"], (realm, fold(login))
        )  # always, so that both take the same time
        return read_login(self._vault, exact or alike)

    @override
    async def list_users(self, realm: str, after: int, limit: int) -> tuple[User, ...]:

        def read(connection: apsw.Connection) -> tuple[User, ...]:
            return tuple(map(read_user, run(connection, _SQL["list_users"], (realm, after, limit))))

        return await self._engine.scan(read)

    @override
    async def find_users(self, realm: str, prefix: str, after: str, limit: int) -> tuple[User, ...]:
        first = fold(prefix)
        wanted = {"realm": realm, "first": first, "after": after, "end": first + LAST, "limit": limit}

        def read(connection: apsw.Connection) -> tuple[User, ...]:
            return tuple(map(read_user, run(connection, _SQL["find_users"], wanted)))

        return await self._engine.scan(read)

    @override
    async def find_claims(self, user: int) -> UserClaims | None:
        rows = self._engine.rows(_SQL["find_claims"], (user,))
        return read_claims(rows[0][0]) if rows else None

    @override
    async def change_claims(self, user: int, known: UserClaims, claims: UserClaims) -> bool:

        def change(connection: Connection) -> bool:
            if [read_claims(row[0]) for row in run(connection, _SQL["find_claims"], (user,))] != [known]:
                return False
            return bool(run(connection, _SQL["save_claims"], (write_claims(claims), user)))

        return await self._engine.write(change)

    @override
    async def change_user(self, known: User, user: User, now: int) -> bool:

        def change(connection: Connection) -> bool:
            if [read_user(row) for row in run(connection, _SQL["find_user"], (known.id,))] != [known]:
                return False
            if user.disabled and not known.disabled:
                end_all_sessions(connection, known.id, now)
            return bool(run(connection, _SQL["change_user"], user_columns(user) | {"id": known.id}))

        return await self._engine.write(change)

    @override
    async def set_password(self, user: int, password_hash: str, now: int) -> bool:

        def replace(connection: Connection) -> bool:
            end_all_sessions(connection, user, now)
            rows = run(connection, _SQL["find_user"], (user,))
            if not rows:
                return False
            sealed = seal_password(self._vault, rows[0][1], user, password_hash)
            return bool(run(connection, _PASSWORDS["keep_password"], (sealed, user)))

        return await self._engine.write(replace)

    @override
    async def key_logins(self, limit: int) -> int:

        def key(connection: apsw.Connection) -> int:
            unkeyed = run(connection, _PASSWORDS["unkeyed_logins"], (limit,))
            for user, login in unkeyed:
                if not change(connection, _PASSWORDS["key_login"], (fold(login), user)):
                    change(connection, _PASSWORDS["key_login"], (f" {login}", user))
            return len(unkeyed)

        return await self._engine.write(key)

    @override
    async def list_twins(self, limit: int) -> tuple[tuple[str, str], ...]:
        return tuple((realm, login) for realm, login in self._engine.rows(_PASSWORDS["list_twins"], (limit,)))

    @override
    async def replace_password(
        self, user: int, known_hash: str, password_hash: str, *, ended_at: int | None
    ) -> bool:

        def replace(connection: Connection) -> bool:
            for realm, clear, sealed in run(connection, _PASSWORDS["read_password"], (user,)):
                if open_password(self._vault, realm, user, clear, sealed) != known_hash:
                    return False
                anew = seal_password(self._vault, realm, user, password_hash)
                run(connection, _PASSWORDS["keep_password"], (anew, user))
                if ended_at is not None:
                    end_all_sessions(connection, user, ended_at)
                return True
            return False

        return await self._engine.write(replace)

    @override
    async def add_users(self, users: Sequence[tuple[User, str]]) -> tuple[int, ...]:
        columns = [user_columns(user) for user, _ in users]

        def add(connection: apsw.Connection) -> tuple[int, ...]:
            taken = [
                position for position, each in enumerate(columns) if run(connection, _SQL["find_taken"], each)
            ]
            if taken:
                return tuple(taken)
            for each, (user, password_hash) in zip(columns, users, strict=True):
                ((row,),) = run(connection, _SQL["add_user"], each)
                if password_hash:
                    sealed = seal_password(self._vault, user.realm, row, password_hash)
                    change(connection, _PASSWORDS["seal_password"], (sealed, row))
            return ()

        return await self._engine.add(add)

    @override
    async def remove_user(self, user: int, now: int, known: User | None = None) -> bool:

        def remove(connection: Connection) -> bool:
            found = [read_user(row) for row in run(connection, _SQL["find_user"], (user,))]
            if known is not None and found != [known]:
                return False
            end_all_sessions(connection, user, now)
            for query in _REMOVALS:
                run(connection, _SQL[query], (user,))
            return bool(run(connection, _SQL["remove_user"], (user,)))

        return await self._engine.write(remove)
