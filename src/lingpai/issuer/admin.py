"""Operators' actions on users, terminals and grants, each recorded when the realm acts for an operator.

Those on apps are in `app_admin`, and can be had here too.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import msgspec

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Member, Terminal
from lingpai.core.user_records import Profile, User, UserClaims
from lingpai.issuer.app_admin import (
    add_app,
    change_app,
    declare_app,
    find_app,
    make_secret,
    new_secret,
    remove_app,
    replace_app,
    rotate_secret,
)
from lingpai.issuer.checks import (
    check_claims,
    check_login,
    check_open_id,
    check_password,
    check_password_hash,
    check_profile,
    check_terminal,
)
from lingpai.issuer.context import Issuer
from lingpai.store.issuer_port import Listed

__all__ = [
    "add_app",
    "change_app",
    "declare_app",
    "find_app",
    "make_secret",
    "new_secret",
    "remove_app",
    "replace_app",
    "rotate_secret",
]

FINGERPRINT_DIGITS = 8
PAGE = 500
"""Rows of a directory or list that are read at a time."""


async def add_user(
    issuer: Issuer,
    login: str,
    password: str,
    profile: Profile | None = None,
    *,
    password_hash: str = "",
    disabled: bool = False,
) -> User:
    """Add a user; with an empty password they cannot log in yet.

    With `password_hash`, the hash that another system made of their password.

    Raises:
        LingpaiError: INVALID_PARAMETER when the login is taken, in any spelling, or a value is not valid.
    """
    login, profile = check_login(login), profile or Profile()
    check_profile(profile)
    if password:
        check_password(password, issuer.policy.least_password)
    if password_hash:
        check_password_hash(password_hash)
    elif password:
        password_hash = await issuer.passwords.hash(password)
    user = User(realm=issuer.realm, login=login, profile=profile, disabled=disabled, created_at=issuer.now())
    after = {**user_state(user), "password": bool(password_hash)}
    change = Change.between("user.add", login, None, after)
    added = await issuer.recording(change).add_user(user, password_hash)
    if added is None:
        raise _login_taken()
    return added


async def find_user(issuer: Issuer, login: str) -> User:
    """Return the user with this login name.

    Raises:
        LingpaiError: NOT_FOUND.
    """
    found = await issuer.store.find_login(issuer.realm, login)
    if found is None:
        raise _no_user()
    return found[0]


def _no_user() -> LingpaiError:
    return LingpaiError(Kind.NOT_FOUND, "There is no such user.")


def _login_taken() -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, "The login is taken.", parameter="login")


async def set_password(issuer: Issuer, user: User, password: str) -> None:
    """Replace a user's password; all their sessions end.

    Raises:
        LingpaiError: INVALID_PARAMETER when it is too short or too long.
    """
    check_password(password, issuer.policy.least_password)
    hashed = await issuer.passwords.hash(password)
    await issuer.recording(Change("user.password", user.login)).set_password(user.id, hashed, issuer.now())


async def give_hash(issuer: Issuer, user: User, password_hash: str) -> bool:
    """Give a user without a password the hash of one. False when they have one."""
    check_password_hash(password_hash)
    store = issuer.recording(Change("user.password", user.login))
    return await store.replace_password(user.id, "", password_hash, ended_at=None)


async def end_sessions(issuer: Issuer, user: User) -> int:
    """End all sessions of a user; return how many there were. The service notifies their clients."""
    store = issuer.recording(Change("user.logout", user.login))
    return (await store.end_sessions(user.id, issuer.now())).sessions


async def remove_user(issuer: Issuer, user: User, *, unchanged: bool = False) -> bool:
    """Remove a user with their members and sessions. False when there is none.

    With `unchanged`, False also when they are not as `user` any more.
    """
    change = Change.between("user.remove", user.login, user_state(user), None)
    return await issuer.recording(change).remove_user(user.id, issuer.now(), user if unchanged else None)


def user_state(user: User) -> dict[str, Any]:
    """Return what the audit trail shows of a user."""
    return {"login": user.login, **msgspec.structs.asdict(user.profile), "disabled": user.disabled}


async def change_user(issuer: Issuer, user: User, **fields: Any) -> User:
    """Change some fields of a user; other fields keep changes that are made at the same time.

    Args:
        issuer: the realm.
        user: the user.
        fields: `login`, `profile` or `disabled`.

    Raises:
        LingpaiError: NOT_FOUND when they were removed, INVALID_PARAMETER when the login is taken or something does
            not do.
    """
    if "login" in fields:
        fields["login"] = check_login(fields["login"])
    if "profile" in fields:
        check_profile(fields["profile"])
    tried = None
    while True:
        known = await issuer.store.find_user(user.id)
        if known is None:
            raise _no_user()
        if known == tried:  # no other change in between
            raise _login_taken()
        changed = msgspec.structs.replace(known, **fields)
        if known == changed:
            return changed
        change = Change.between("user.change", known.login, user_state(known), user_state(changed))
        if await issuer.recording(change).change_user(known, changed, issuer.now()):
            return changed
        tried = known


async def replace_user(issuer: Issuer, known: User, wanted: User) -> bool:
    """Change a user who still is as `known`. False when they are not, or the login is taken.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    check_profile(wanted.profile)
    wanted = msgspec.structs.replace(wanted, login=check_login(wanted.login))
    change = Change.between("user.change", known.login, user_state(known), user_state(wanted))
    return await issuer.recording(change).change_user(known, wanted, issuer.now())


async def set_claims(issuer: Issuer, user: User, claims: UserClaims) -> UserClaims:
    """Replace the claims of a user besides the profile; returns it with the time of the change.

    Raises:
        LingpaiError: INVALID_PARAMETER, or NOT_FOUND when they were removed.
    """
    while True:
        known = await issuer.store.find_claims(user.id)
        if known is None:
            raise _no_user()
        changed = await change_claims(issuer, user, known, claims)
        if changed is not None:
            return changed


async def change_claims(
    issuer: Issuer, user: User, known: UserClaims, claims: UserClaims
) -> UserClaims | None:
    """Replace claims that still are as `known`; returns them with the time of the change, None when they are not.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    check_claims(claims)
    changed = msgspec.structs.replace(claims, updated_at=issuer.now())
    states = (_claims_state(issuer, known), _claims_state(issuer, claims))
    change = Change.between("user.claims", user.login, *states)
    return changed if await issuer.recording(change).change_claims(user.id, known, changed) else None


def _claims_state(issuer: Issuer, claims: UserClaims) -> dict[str, Any]:
    """Return fingerprints of what is known of a person: the audit trail outlives them."""
    fields = msgspec.to_builtins(claims)
    fields.pop("updated_at", None)
    return {
        name: issuer.digest_of(name, str(value)).hex()[:FINGERPRINT_DIGITS] for name, value in fields.items()
    }


async def disable_user(issuer: Issuer, user: User, *, disabled: bool = True) -> User:
    """Disable or enable a user.

    Tokens of a disabled user are refused from the next check on, and their sessions end.
    """
    return await change_user(issuer, user, disabled=disabled)


async def import_open_ids(issuer: Issuer, app: App, pairs: Iterable[tuple[str, str]]) -> int:
    """Import open_ids that an app already uses, all or none; return their number.

    Args:
        issuer: the realm.
        app: which.
        pairs: login name and open_id.

    Raises:
        LingpaiError: NOT_FOUND for an unknown login, INVALID_OPEN_ID when one is taken or its user has
            another.
    """
    members = [
        Member(
            app=app.id,
            user=(await find_user(issuer, login)).id,
            open_id=check_open_id(open_id),
            added=True,
            created_at=issuer.now(),
        )
        for login, open_id in pairs
    ]
    change = Change("app.import", app.app_id, after={"open_ids": len(members)})
    return await issuer.recording(change).import_open_ids(members)


async def save_terminal(
    issuer: Issuer, machine_code: str, *, name: str = "", owner: User | None = None, msign: str = ""
) -> Terminal:
    """Add a terminal, or change its name, its owner and (when given) its secret.

    The grants that the previous owner gave for it end.

    Raises:
        LingpaiError: INVALID_PARAMETER.
    """
    check_terminal(machine_code, name, msign)
    digest, now = digest_terminal_secret(issuer, msign) if msign else b"", issuer.now()
    after = {"name": name, "owner": owner.login if owner else None}
    if msign:
        after["msign"] = digest.hex()[:FINGERPRINT_DIGITS]
    return await issuer.recording(Change("machine.save", machine_code, after=after)).save_terminal(
        Terminal(
            realm=issuer.realm,
            machine_code=machine_code,
            name=name,
            owner=owner.id if owner else None,
            secret_digest=digest,
            created_at=now,
        ),
        now,
    )


async def replace_terminal(
    issuer: Issuer, known: Terminal | None, wanted: Terminal, owners: tuple[str | None, str | None]
) -> Terminal | None:
    """Add a terminal, or change one that still is as `known`; None when it is not.

    The grants that the previous owner gave for it end.

    Args:
        issuer: the realm.
        known: as it was read; None for a new one.
        wanted: what it is to be.
        owners: the login names of the owners before and after, for the audit trail.
    """
    before = None if known is None else _terminal_state(known, owners[0])
    after = _terminal_state(wanted, owners[1])
    change = Change.between("machine.save", wanted.machine_code, before, after)
    return await issuer.recording(change).replace_terminal(known, wanted, issuer.now())


def _terminal_state(terminal: Terminal, owner: str | None) -> dict[str, Any]:
    secret = terminal.secret_digest.hex()[:FINGERPRINT_DIGITS]
    return {"name": terminal.name, "owner": owner} | ({"msign": secret} if secret else {})


async def remove_terminal(issuer: Issuer, terminal: Terminal) -> bool:
    """Remove a terminal; its grants are unusable from then on. False when there is none."""
    change = Change("machine.remove", terminal.machine_code, before={"name": terminal.name})
    return await issuer.recording(change).remove_terminal(terminal.id)


def digest_terminal_secret(issuer: Issuer, msign: str) -> bytes:
    """Return the digest of a terminal's secret."""
    return issuer.digest_terminal("msign " + msign)


async def list_terminals(issuer: Issuer, owner: User | None = None) -> Sequence[Terminal]:
    """Return the realm's terminals, or one user's, by code."""
    return [terminal async for terminal in each_terminal(issuer, owner)]


async def each_terminal(
    issuer: Issuer, owner: User | None = None, after: str = ""
) -> AsyncIterator[Terminal]:
    """Yield the realm's terminals, or one user's, by code, those above `after`; read page by page."""
    while terminals := await issuer.store.list_terminals(
        issuer.realm, owner.id if owner else None, after, PAGE
    ):
        for terminal in terminals:
            yield terminal
        if len(terminals) < PAGE:
            return
        after = terminals[-1].machine_code


async def list_grants(
    issuer: Issuer,
    *,
    app: App | None = None,
    user: User | None = None,
    terminal: Terminal | None = None,
    before: int | None = None,
    limit: int = 100,
) -> Listed:
    """Return a page of grants that have not ended, newest first, of an app, a user and a terminal when given."""
    return await issuer.store.list_grants(
        issuer.realm,
        issuer.now(),
        before,
        limit,
        app=app.id if app else None,
        user=user.id if user else None,
        terminal=terminal.id if terminal else None,
    )
