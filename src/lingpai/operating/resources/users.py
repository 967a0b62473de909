"""Users of a realm."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from typing_extensions import override

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.flaws import Flaw, demand, flaws_of
from lingpai.core.names import fold
from lingpai.core.seals import Digester
from lingpai.core.user_records import Profile, User
from lingpai.issuer import admin
from lingpai.issuer.checks import check_login, check_password, check_password_hash
from lingpai.issuer.context import Issuer
from lingpai.issuer.realms import pages_prefix
from lingpai.issuer.user_documents import PROFILE, user_document
from lingpai.issuer.verbs.end import end_user
from lingpai.issuer.verbs.passwords import LINK_SECONDS, make_reset_link
from lingpai.operating.port import Document, Key, Page
from lingpai.operating.resources.resource import Action, Nothing, Resource, Streamed, row_of
from lingpai.operating.resources.user_imports import (
    MOST_KNOWN_BYTES,
    KnownRow,
    UserRow,
    take_open_ids,
    take_users,
)
from lingpai.operating.site import Site

SEXES = ("1", "2", "3")
_MARK_BYTES = 6


class UserEntry(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields of a user that can be changed."""

    login: str
    nick: str = ""
    avatar: str = ""
    sex: str = "3"
    seller_name: str = ""
    disabled: bool = False


class NewUser(UserEntry, forbid_unknown_fields=True, kw_only=True):
    """A user who is added; without a password they cannot log in yet."""

    password: str = ""
    password_hash: str = ""


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """A password."""

    password: str


def uid_of(site: Site, user: User) -> str:
    """Return the public id of a user: their row and a keyed mark, so that nobody can count users by guessing."""
    mark = Digester(site.keeper.ring, "user ids")(f"{user.realm} {user.id}")[:_MARK_BYTES].hex()
    return f"{user.id}-{mark}"


async def add(site: Site, key: Key, body: NewUser) -> Document:
    """Add a user."""
    issuer = site.issuer(key[0])
    flaws = _flaws(body)
    if body.password:
        flaws += flaws_of("password", check_password, body.password, issuer.policy.least_password)
    if body.password_hash:
        flaws += flaws_of("password_hash", check_password_hash, body.password_hash)
    if body.password and body.password_hash:
        flaws.append(Flaw("password_hash", "password and password_hash exclude each other."))
    demand(flaws)
    added = await admin.add_user(
        issuer,
        body.login,
        body.password,
        _profile(body),
        password_hash=body.password_hash,
        disabled=body.disabled,
    )
    return await Users().document(site, added)


async def set_password(site: Site, key: Key, body: NewPassword) -> Document:
    """Set a user's password; all their logins end."""
    issuer, user = await find_one(site, key)
    demand(flaws_of("password", check_password, body.password, issuer.policy.least_password))
    await admin.set_password(issuer, user, body.password)
    return {"realm": issuer.realm, "login": user.login, "outcome": "changed"}


async def end_sessions(site: Site, key: Key, _body: Nothing) -> Document:
    """Log a user out everywhere."""
    issuer, user = await find_one(site, key)
    return {
        "realm": issuer.realm,
        "login": user.login,
        "sessions_ended": await admin.end_sessions(issuer, user),
    }


async def end_grants(site: Site, key: Key, _body: Nothing) -> Document:
    """End every grant of a user."""
    issuer, user = await find_one(site, key)
    await end_user(issuer, user)
    return {"realm": issuer.realm, "login": user.login, "outcome": "ended"}


async def reset_link(site: Site, key: Key, _body: Nothing) -> Document:
    """Return the address at which a user sets another password, once, within 15 minutes."""
    issuer, user = await find_one(site, key)
    realm = site.realms[issuer.realm]
    if realm.login:
        reason = f"Users of {realm.name} log in at {realm.login} and have no passwords here."
        raise LingpaiError(Kind.CONFLICT, reason)
    link = await make_reset_link(issuer, user)
    await issuer.note(Change("user.reset-link", user.login))
    address = f"{site.origin}{pages_prefix(realm)}/reset?link={link}"
    return {"realm": issuer.realm, "login": user.login, "address": address, "expires_in": LINK_SECONDS}


async def find_one(site: Site, key: Key) -> tuple[Issuer, User]:
    """Return the user of this key, and their realm.

    Raises:
        LingpaiError: NOT_FOUND.
    """
    found = await Users().find(site, key)
    if found is None:
        raise Users().missing(key)
    return site.issuer(key[0]), found


async def _row_of_login(issuer: Issuer, login: str) -> int:
    """Return the row of the user with a login name; 0 for "".

    Raises:
        LingpaiError: NOT_FOUND.
    """
    if not login:
        return 0
    found = await issuer.store.find_login(issuer.realm, login)
    if found is None:
        raise LingpaiError(Kind.NOT_FOUND, f"There is no user {login}.", parameter="after_login")
    return found[0].id


def _flaws(entry: UserEntry) -> list[Flaw]:
    flaws = flaws_of("login", check_login, entry.login)
    if entry.sex not in SEXES:
        flaws.append(Flaw("sex", "The sex of a user is 1, 2 or 3."))
    return flaws


def _profile(entry: UserEntry) -> Profile:
    return Profile(**{name: getattr(entry, name) for name in PROFILE})


class Users(Resource[User]):
    """See `user_records.User`; the key is realm and uid."""

    kind = "users"
    path = "/realms/{realm}/users/{uid}"
    area = "users"
    noun = "user"
    methods = ("GET", "PUT", "PATCH", "DELETE")
    filters: ClassVar[Mapping[str, str]] = {
        "login": "Only the user with this login name.",
        "q": "Only those whose login names begin so, in any spelling, by name; the others are oldest first.",
        "after_login": "Only those added after the user with this login name.",
    }
    entry = UserEntry
    actions: ClassVar[Mapping[str, Action]] = {
        "add": Action("", add, NewUser, "Add a user.", whole=True),
        "password": Action(
            "/password", set_password, NewPassword, "Set a user's password; all their logins end."
        ),
        "logout": Action("/end-sessions", end_sessions, Nothing, "Log a user out everywhere."),
        "end-grants": Action("/end-grants", end_grants, Nothing, "End every grant of a user."),
        "reset-link": Action(
            "/reset-link",
            reset_link,
            Nothing,
            "Make a link with which a user sets another password, once.",
            underived="address",
        ),
    }
    streams: ClassVar[Mapping[str, Streamed]] = {
        "import": Streamed(
            ":import", take_users, "Import users with the hashes of their passwords.", UserRow
        ),
        "import-open-ids": Streamed(
            ":import-open-ids",
            take_open_ids,
            "Import open_ids that another service issued.",
            KnownRow,
            most_bytes=MOST_KNOWN_BYTES,
        ),
    }

    @override
    async def find(self, site: Site, key: Key) -> User | None:
        realm, uid = key
        issuer = site.issuer(realm)
        row = row_of(uid.partition("-")[0])
        if row is None:
            return None
        found = await issuer.store.find_user(row)
        return found if found is not None and found.realm == realm and uid_of(site, found) == uid else None

    @override
    def key_of(self, site: Site, record: User) -> Key:
        return (record.realm, uid_of(site, record))

    @override
    async def document(self, site: Site, record: User) -> Document:
        return {"uid": uid_of(site, record), **user_document(site.issuer(record.realm), record)}

    @override
    def settable(self, record: User) -> Document:
        profile = msgspec.structs.asdict(record.profile)
        return {
            "login": record.login,
            **{name: profile[name] for name in PROFILE},
            "disabled": record.disabled,
        }

    @override
    async def build(self, site: Site, key: Key, entry: Any, known: User | None) -> User:
        """Users are added by POST, so that their id is the service's."""
        del site
        if known is None:
            raise self.missing(key)
        demand(_flaws(entry))
        changes = {"login": check_login(entry.login), "profile": _profile(entry), "disabled": entry.disabled}
        return msgspec.structs.replace(known, **changes)

    @override
    def changed(self, known: User, wanted: User) -> tuple[str, ...]:
        before, after = self.settable(known), self.settable(wanted)
        return tuple(name for name in before if before[name] != after[name])

    @override
    async def save(self, site: Site, known: User | None, wanted: User) -> Mapping[str, str] | None:
        if known is None:
            return None
        issuer = site.issuer(wanted.realm)
        if await admin.replace_user(issuer, known, wanted):
            return {}
        if wanted.login != known.login and await issuer.store.find_user(known.id) == known:
            raise LingpaiError(Kind.CONFLICT, "The login is taken.", parameter="login")
        return None

    @override
    async def remove(self, site: Site, known: User) -> bool:
        return await admin.remove_user(site.issuer(known.realm), known)

    @override
    async def remove_known(self, site: Site, known: User) -> bool:
        return await admin.remove_user(site.issuer(known.realm), known, unchanged=True)

    @override
    async def page(self, site: Site, key: Key, wanted: Mapping[str, str], after: str, limit: int) -> Page:
        issuer = site.issuer(key[0])
        if wanted.get("login"):
            found = await issuer.store.find_login(issuer.realm, wanted["login"])
            return Page([await self.document(site, found[0])] if found else [])
        if wanted.get("q"):
            users = await issuer.store.find_users(issuer.realm, wanted["q"], after, limit + 1)
            more = fold(users[limit - 1].login) if len(users) > limit else ""
        else:
            row = int(after) if after else await _row_of_login(issuer, wanted.get("after_login", ""))
            users = await issuer.store.list_users(issuer.realm, row, limit + 1)
            more = str(users[limit - 1].id) if len(users) > limit else ""
        return Page([await self.document(site, each) for each in users[:limit]], more)
