"""Verbs on logins at a site of the operator's own (`store.identities_port`)."""

from collections.abc import Mapping
from typing import Final

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.identity_records import AnsweredLogin, Identity, LoginKey
from lingpai.core.user_records import User
from lingpai.store.identities_port import Identities as IdentitiesPort
from lingpai.store.identity_rows import (
    COUNTS,
    RESEALED,
    key_of,
    login_key_columns,
    read_login_key,
    seal_subject,
)
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.issuer.verbs import IssuerRepository
from lingpai.store.postgresql.queries import load_queries
from lingpai.store.user_rows import read_user, user_columns
from lingpai.store.vault import Vault

_SQL: Final = load_queries("issuer_identities")
_DIRECTORY: Final = load_queries("issuer_directory")
SEALED_ELSEWHERE: Final[Mapping[str, str]] = {name: _SQL[name] for name in COUNTS}


class Identities(IssuerRepository, IdentitiesPort):
    """See `store.identities_port.Identities`."""

    @override
    async def list_login_keys(self, realm: str) -> tuple[LoginKey, ...]:
        rows = await self._engine.rows(_SQL["list_login_keys"], realm)
        return tuple(read_login_key(row, self._vault) for row in rows)

    @override
    async def add_login_key(self, key: LoginKey, keep: int | None) -> bool:
        columns = login_key_columns(key, self._vault)

        async def add(connection: Connection) -> bool:
            if await connection.fetchval(_SQL["add_login_key"], *columns.values()) is None:
                return False
            await connection.execute(_SQL["forget_login_keys"], key.realm, key.number, keep)
            return True

        return await self._engine.transact(add)

    @override
    async def use_login_key(self, realm: str, number: int, now: int) -> None:
        await self._change(_SQL["use_login_key"], now, realm, number)

    @override
    async def answer_login(self, answer: AnsweredLogin) -> bool:

        async def keep(connection: Connection) -> bool:
            await connection.execute(_SQL["answer_login"], answer.digest, answer.subject, answer.ends_at)
            found: bytes = await connection.fetchval(_SQL["answered_login"], answer.digest)
            return found == answer.subject

        return await self._engine.transact(keep)

    @override
    async def find_identity(self, identity: Identity) -> User | None:
        rows = await self._engine.rows(_SQL["find_identity"], *key_of(identity))
        return read_user(tuple(rows[0])) if rows else None

    @override
    async def open_identity(self, identity: Identity, user: User, spare: str, now: int) -> User:
        key = key_of(identity)
        sealed = seal_subject(identity, self._vault)

        async def open_or_link(connection: Connection) -> User:
            # One of the two locks the row, unless it is removed in between.
            while not (
                await connection.fetch(_SQL["begin_identity"], *key, sealed, identity.linked_at, now)
                or await connection.fetch(_SQL["use_identity"], now, *key)
            ):
                pass
            found = await connection.fetch(_SQL["find_identity"], *key)
            if not found:  # begun just now, or its user was removed by who did not know of it
                row = await _find_or_add(connection, identity, user, spare)
                await connection.execute(_SQL["link_identity"], *key, row)
                found = await connection.fetch(_SQL["find_identity"], *key)
            return read_user(tuple(found[0]))

        return await self._engine.transact(open_or_link)


async def _find_or_add(connection: Connection, identity: Identity, user: User, spare: str) -> int:
    """The row of the user whom a new identity is linked to."""
    if user.login:
        found: int | None = await connection.fetchval(
            _SQL["find_unlinked"], user.realm, user.login, identity.provider
        )
        if found is not None:
            return found
    for login in filter(None, (user.login, spare)):
        _, *columns = user_columns(msgspec.structs.replace(user, login=login)).values()
        added: int | None = await connection.fetchval(_DIRECTORY["add_user"], *columns)
        if added is not None:
            return added
    raise LingpaiError(Kind.INVALID_PARAMETER, "The login is taken.", parameter="login")


async def reseal_elsewhere(connection: Connection, vault: Vault, limit: int) -> int:
    """Seal up to `limit` keys and subjects anew that are not sealed with the newest key; returns how many."""
    newest = vault.ring.newest.id.to_bytes(4, "big")
    done = 0
    for column, find, save in RESEALED:
        for sealed, *row in await connection.fetch(_SQL[find], newest, limit - done):
            again = vault.seal(vault.open(sealed, column, *row), column, *row)
            await connection.execute(_SQL[save], again, *row)
            done += 1
    return done
