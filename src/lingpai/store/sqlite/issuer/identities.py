"""Verbs on logins at a site of the operator's own (`store.identities_port`)."""

from collections.abc import Mapping
from typing import Final

import apsw
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
from lingpai.store.sqlite.queries import load_queries, run
from lingpai.store.sqlite.repository import Repository
from lingpai.store.user_rows import read_user, user_columns
from lingpai.store.vault import Vault

_SQL: Final = load_queries("issuer_identities")
_DIRECTORY: Final = load_queries("issuer_directory")
SEALED_ELSEWHERE: Final[Mapping[str, str]] = {name: _SQL[name] for name in COUNTS}


class Identities(Repository, IdentitiesPort):
    """See `store.identities_port.Identities`."""

    @override
    async def list_login_keys(self, realm: str) -> tuple[LoginKey, ...]:
        rows = self._engine.rows(_SQL["list_login_keys"], (realm,))
        return tuple(read_login_key(row, self._vault) for row in rows)

    @override
    async def add_login_key(self, key: LoginKey, keep: int | None) -> bool:
        columns = login_key_columns(key, self._vault)
        others = {"realm": key.realm, "number": key.number, "keep": keep}

        def add(connection: apsw.Connection) -> bool:
            if not run(connection, _SQL["add_login_key"], columns):
                return False
            run(connection, _SQL["forget_login_keys"], others)
            return True

        return await self._engine.write(add)

    @override
    async def use_login_key(self, realm: str, number: int, now: int) -> None:

        def use(connection: apsw.Connection) -> None:
            run(connection, _SQL["use_login_key"], (now, realm, number))

        await self._engine.write(use)

    @override
    async def answer_login(self, answer: AnsweredLogin) -> bool:

        def keep(connection: apsw.Connection) -> bool:
            run(connection, _SQL["answer_login"], (answer.digest, answer.subject, answer.ends_at))
            found = run(connection, _SQL["answered_login"], (answer.digest,))
            return bool(found[0][0] == answer.subject)

        return await self._engine.add(keep)

    @override
    async def find_identity(self, identity: Identity) -> User | None:
        rows = self._engine.rows(_SQL["find_identity"], key_of(identity))
        return read_user(rows[0]) if rows else None

    @override
    async def open_identity(self, identity: Identity, user: User, spare: str, now: int) -> User:

        def open_or_link(connection: apsw.Connection) -> User:
            found = run(connection, _SQL["find_identity"], key_of(identity))
            if found:
                run(connection, _SQL["use_identity"], (now, *key_of(identity)))
                return read_user(found[0])
            row = _find_or_add(connection, identity, user, spare)
            sealed = seal_subject(identity, self._vault)
            run(connection, _SQL["add_identity"], (*key_of(identity), sealed, row, identity.linked_at, now))
            return read_user(run(connection, _DIRECTORY["find_user"], (row,))[0])

        return await self._engine.add(open_or_link)


def _find_or_add(connection: apsw.Connection, identity: Identity, user: User, spare: str) -> int:
    """The row of the user whom a new identity is linked to."""
    if user.login:
        found = run(connection, _SQL["find_unlinked"], (user.realm, user.login, identity.provider))
        if found:
            return int(found[0][0])
    for login in filter(None, (user.login, spare)):
        renamed = msgspec.structs.replace(user, login=login)
        added = run(connection, _DIRECTORY["add_user"], user_columns(renamed))
        if added:
            return int(added[0][0])
    raise LingpaiError(Kind.INVALID_PARAMETER, "The login is taken.", parameter="login")


def reseal_elsewhere(connection: apsw.Connection, vault: Vault, limit: int) -> int:
    """Seal up to `limit` keys and subjects anew that are not sealed with the newest key; returns how many."""
    newest = vault.ring.newest.id.to_bytes(4, "big")
    done = 0
    for column, find, save in RESEALED:
        for sealed, *row in run(connection, _SQL[find], (newest, limit - done)):
            run(connection, _SQL[save], (vault.seal(vault.open(sealed, column, *row), column, *row), *row))
            done += 1
    return done
