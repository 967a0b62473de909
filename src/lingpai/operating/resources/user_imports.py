"""Users and open_ids that another system has, imported as rows."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import FlawsError
from lingpai.core.user_records import Profile
from lingpai.issuer.administration import Known, import_known
from lingpai.issuer.checks import MAX_LOGIN
from lingpai.issuer.user_imports import Fault, NewUser, import_users
from lingpai.messages.translating import speaking, tr_reason
from lingpai.operating.port import Document, Key
from lingpai.operating.resources.resource import convert
from lingpai.operating.site import Site

MOST_KNOWN: Final = 500_000
"""Open_ids of one import: they are imported all or none, so all are read first."""
MOST_KNOWN_BYTES: Final = 64 * 1024 * 1024
"""Bytes of them, for the same reason; this is 134 for each."""
_Text = Annotated[str, msgspec.Meta(max_length=512)]  # more than the checks of each field let through
_Long = Annotated[str, msgspec.Meta(max_length=4096)]


class UserRow(msgspec.Struct, forbid_unknown_fields=True):
    """A user; `password_hash` may be "" for one who cannot log in yet."""

    login: _Text
    password_hash: _Long = ""
    nick: _Text = ""
    avatar: _Long = ""
    sex: _Text = "3"
    seller_name: _Text = ""


class KnownRow(msgspec.Struct, forbid_unknown_fields=True):
    """The open_id that a user has in an app; `add_user` adds one who is missing, without a password."""

    app: _Text
    login: _Text
    open_id: _Text
    add_user: bool = False


async def take_users(site: Site, key: Key, rows: AsyncIterator[Document]) -> AsyncGenerator[Document, None]:
    """Import users in batches of 1,000, each all or none; yield the result of each batch."""
    issuer = site.issuer(key[0])

    async def users() -> AsyncIterator[NewUser | Fault]:
        number = 0
        async for row in rows:
            number += 1
            try:
                given = convert(row, UserRow)
            except FlawsError as error:
                yield Fault(number, str(row.get("login", ""))[:MAX_LOGIN], error.reason)
                continue
            profile = Profile(
                nick=given.nick, avatar=given.avatar, sex=given.sex or "3", seller_name=given.seller_name
            )
            yield NewUser(number, given.login.strip(), given.password_hash, profile)

    async for batch in import_users(issuer, users()):
        site.advance(batch.added + batch.kept)
        with speaking(site.chinese):
            faults = [
                {"row": row, "login": login, "problem": tr_reason(reason)}
                for row, login, reason in batch.faults
            ]
        yield {"added": batch.added, "kept": batch.kept, "faults": faults}


async def take_open_ids(
    site: Site, key: Key, rows: AsyncIterator[Document]
) -> AsyncGenerator[Document, None]:
    """Import open_ids, all or none; yield one result."""
    issuer = site.issuer(key[0])
    found: list[Known] = []
    adds = False
    async for row in rows:
        given = convert(row, KnownRow)
        adds = adds or given.add_user
        found.append(Known(given.app, given.login, given.open_id))
        if len(found) > MOST_KNOWN:
            raise LingpaiError(Kind.INVALID_PARAMETER, f"An import has {MOST_KNOWN} open_ids at most.")
    try:
        count, added = await import_known(issuer, found, add_users=adds)
    except LingpaiError as error:
        with speaking(site.chinese):
            where = f"{issuer.realm}/{error.detail}: " if error.detail else ""
            raise LingpaiError(error.kind, where + tr_reason(error.reason)) from error
    yield {"open_ids": count, "users_added": added}
