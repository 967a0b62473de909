"""Verbs on users (`store.directory_port`)."""

from collections.abc import Sequence
from typing import Final

import asyncpg
from typing_extensions import override

from lingpai.core.names import fold
from lingpai.core.user_records import User, UserClaims
from lingpai.store.directory_port import Directory
from lingpai.store.endings import end_sessions
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.transaction import ConnectionTransaction
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries
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
_SAVED: Final = ("id", "login", "nick", "avatar", "sex", "seller_name", "disabled", "login_key")


class Users(IssuerRepository, Directory):
    """See `store.directory_port.Directory`."""

    @override
    async def add_user(self, user: User, password_hash: str) -> User | None:
        _, *columns = user_columns(user).values()

        async def add(connection: Connection) -> int | None:
            added: int | None = await connection.fetchval(_SQL["add_user"], *columns)
            if added is not None and password_hash:
                sealed = seal_password(self._vault, user.realm, added, password_hash)
                await connection.execute(_PASSWORDS["keep_password"], sealed, added)
            return added

        added = await self._engine.transact(add)
        return None if added is None else await self.find_user(added)

    @override
    async def find_user(self, user: int) -> User | None:
        rows = await self._engine.read(_SQL["find_user"], user)
        return read_user(rows[0]) if rows else None

    @override
    async def find_login(self, realm: str, login: str) -> tuple[User, str] | None:
        return read_login(self._vault, await self._engine.read(_SQL["find_login"], realm, login, fold(login)))

    @override
    async def list_users(self, realm: str, after: int, limit: int) -> tuple[User, ...]:
        return tuple(map(read_user, await self._engine.scan(_SQL["list_users"], realm, after, limit)))

    @override
    async def find_users(self, realm: str, prefix: str, after: str, limit: int) -> tuple[User, ...]:
        first = fold(prefix)
        rows = await self._engine.scan(_SQL["find_users"], realm, first, after, first + LAST, limit)
        return tuple(map(read_user, rows))

    @override
    async def find_claims(self, user: int) -> UserClaims | None:
        rows = await self._engine.read(_SQL["find_claims"], user)
        return read_claims(rows[0][0]) if rows else None

    @override
    async def change_claims(self, user: int, known: UserClaims, claims: UserClaims) -> bool:

        async def change(connection: Connection) -> bool:
            await connection.fetch(_SQL["lock_user"], user)
            rows = await connection.fetch(_SQL["find_claims"], [user])
            if [read_claims(each[1]) for each in rows] != [known]:
                return False
            return bool(await connection.fetch(_SQL["save_claims"], write_claims(claims), user))

        return await self._engine.transact(change)

    @override
    async def change_user(self, known: User, user: User, now: int) -> bool:
        columns = user_columns(user) | {"id": known.id}

        async def change(connection: Connection) -> bool:
            await connection.fetch(_SQL["lock_user"], known.id)
            rows = await connection.fetch(_SQL["find_user"], [known.id])
            if [read_user(tuple(each)[1:]) for each in rows] != [known]:
                return False
            if user.disabled and not known.disabled:
                await end_sessions(ConnectionTransaction(connection), known.id, now)
            return bool(await connection.fetch(_SQL["change_user"], *(columns[name] for name in _SAVED)))

        try:
            return await self._engine.transact(change)
        except asyncpg.UniqueViolationError:
            return False

    @override
    async def set_password(self, user: int, password_hash: str, now: int) -> bool:

        async def replace(connection: Connection) -> bool:
            realm = await connection.fetchval(_SQL["lock_user"], user)
            if realm is not None:
                sealed = seal_password(self._vault, realm, user, password_hash)
                await connection.execute(_PASSWORDS["keep_password"], sealed, user)
            await end_sessions(ConnectionTransaction(connection), user, now)
            return realm is not None

        return await self._engine.transact(replace)

    @override
    async def key_logins(self, limit: int) -> int:

        async def key(connection: Connection) -> int:
            unkeyed = await connection.fetch(_PASSWORDS["unkeyed_logins"], limit)
            for user, login in unkeyed:
                try:
                    async with connection.transaction():
                        await connection.execute(_PASSWORDS["key_login"], fold(login), user)
                except asyncpg.UniqueViolationError:
                    await connection.execute(_PASSWORDS["key_login"], f" {login}", user)
            return len(unkeyed)

        return await self._engine.transact(key)

    @override
    async def list_twins(self, limit: int) -> tuple[tuple[str, str], ...]:
        rows = await self._engine.rows(_PASSWORDS["list_twins"], limit)
        return tuple((realm, login) for realm, login in rows)

    @override
    async def replace_password(
        self, user: int, known_hash: str, password_hash: str, *, ended_at: int | None
    ) -> bool:

        async def replace(connection: Connection) -> bool:
            row = await connection.fetchrow(_PASSWORDS["read_password"], user)  # which locks the user
            if row is None:
                return False
            realm, clear, sealed = row
            if open_password(self._vault, realm, user, clear, sealed) != known_hash:
                return False
            anew = seal_password(self._vault, realm, user, password_hash)
            await connection.execute(_PASSWORDS["keep_password"], anew, user)
            if ended_at is not None:
                await end_sessions(ConnectionTransaction(connection), user, ended_at)
            return True

        return await self._engine.transact(replace)

    @override
    async def add_users(self, users: Sequence[tuple[User, str]]) -> tuple[int, ...]:
        columns = [list(user_columns(user).values())[1:] for user, _ in users]
        arrays = [list(each) for each in zip(*columns, strict=True)]
        names = {(user.realm, user.login): (user.realm, password_hash) for user, password_hash in users}

        async def add(connection: Connection) -> tuple[int, ...]:
            taken = await connection.fetch(_SQL["find_taken"], *arrays[:3])
            if taken:
                return tuple(position - 1 for (position,) in taken)
            added = await connection.fetch(_SQL["add_users"], *arrays)
            seals = [
                (row, seal_password(self._vault, names[realm, login][0], row, names[realm, login][1]))
                for row, realm, login in added
            ]
            kept = [(row, sealed) for row, sealed in seals if sealed is not None]
            await connection.execute(
                _PASSWORDS["seal_passwords"], [row for row, _ in kept], [seal for _, seal in kept]
            )
            return ()

        while users:
            try:
                return await self._engine.transact(add)
            except asyncpg.UniqueViolationError:  # somebody was faster: look who it is
                continue
        return ()

    @override
    async def remove_user(self, user: int, now: int, known: User | None = None) -> bool:

        async def remove(connection: Connection) -> bool:
            await connection.fetchval(_SQL["lock_user"], user)
            if known is not None:
                rows = await connection.fetch(_SQL["find_user"], [user])
                if [read_user(tuple(each)[1:]) for each in rows] != [known]:
                    return False
            await end_sessions(ConnectionTransaction(connection), user, now)
            for query in _REMOVALS:
                await connection.execute(_SQL[query], user)
            return await connection.fetchval(_SQL["remove_user"], user) is not None

        return await self._engine.transact(remove)
