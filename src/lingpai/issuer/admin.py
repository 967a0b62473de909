"""Operators' actions on apps, users, terminals and grants, for the command line and the console."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import FOREVER, App, Member, Secret, Terminal
from lingpai.core.user_records import Profile, User, UserClaims
from lingpai.issuer.checks import (
    check_app,
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

SECRET_BYTES = 20
"""40 lower-case hex digits (docs/spec/yzb.md, "Rules")."""
_APP_ID_DIGITS = (6, 6, 6, 6, 8, 10, 12)
"""Digits of a fresh app_id, attempt by attempt: six, and more when those are taken."""
PAGE = 500
"""Rows of a directory or list that are read at a time."""
MOST_SECRETS = 8
"""Most secrets of one app that are valid at a time; the oldest are removed."""


async def add_app(issuer: Issuer, app: App) -> tuple[App, str]:
    """Add an app and return its secret, which is not shown again; none ("") for one that authenticates without.

    An empty `app.app_id` is replaced by new digits.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, or INVALID_PARAMETER when the app_id is taken or a text is not valid.
    """
    check_app(app)
    secret = new_secret(issuer) if app.by_secret else ""
    kept = (make_secret(issuer, secret),) if secret else ()
    ids = [app.app_id] if app.app_id else [_digits(issuer, count) for count in _APP_ID_DIGITS]
    for app_id in ids:
        added = await issuer.store.add_app(
            msgspec.structs.replace(
                app, realm=issuer.realm, app_id=app_id, secrets=kept, created_at=issuer.now()
            )
        )
        if added is not None:
            return added, secret
    raise LingpaiError(Kind.INVALID_PARAMETER, "The app_id is taken.", parameter="app_id")


async def declare_app(issuer: Issuer, app: App, secret: str) -> App:
    """Add or change an app so that it is as declared, as `lingpai apply` does.

    Another secret than before is a rotation: those before stay good for the policy's `secret_overlap`.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_PARAMETER, or NOT_FOUND when it was removed meanwhile.
    """
    check_app(app)
    wanted = (make_secret(issuer, secret),) if app.by_secret else ()

    def declare(known: App) -> App:
        secrets = known.secrets
        if secrets[:1] != wanted:
            secrets = _succeed(issuer, known, wanted[0]) if wanted else ()
        own = {"id": known.id, "realm": issuer.realm, "secrets": secrets, "created_at": known.created_at}
        return msgspec.structs.replace(app, **own)

    known = await issuer.store.find_app(issuer.realm, app.app_id)
    if known is None:
        fresh = declare(App(realm=issuer.realm, app_id=app.app_id, created_at=issuer.now()))
        known = await issuer.store.add_app(fresh) or await find_app(issuer, app.app_id)
    return await _alter_app(issuer, known, declare)


async def find_app(issuer: Issuer, app_id: str) -> App:
    """Return the app with this public id.

    Raises:
        LingpaiError: NOT_FOUND.
    """
    found = await issuer.store.find_app(issuer.realm, app_id)
    if found is None:
        raise _no_app()
    return found


async def change_app(issuer: Issuer, app: App, **fields: Any) -> App:
    """Change some fields of an app; other fields keep changes that are made at the same time.

    Args:
        issuer: the realm.
        app: the app.
        fields: the changed fields of `App`; not its names.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_PARAMETER, or NOT_FOUND when it was removed.
    """
    check_app(App(realm=issuer.realm, app_id="", **fields))  # other fields were checked when they were saved
    return await _alter_app(issuer, app, lambda known: msgspec.structs.replace(known, **fields))


async def rotate_secret(issuer: Issuer, app: App, overlap: int | None = None) -> str:
    """Give an app a new secret, which is not shown again. Earlier ones stay valid for `overlap` seconds at most.

    Args:
        issuer: the realm.
        app: which.
        overlap: seconds; the policy's `secret_overlap` when not given.

    Raises:
        LingpaiError: NOT_FOUND when the app was removed.
    """
    secret = new_secret(issuer)
    made = make_secret(issuer, secret)
    await _alter_app(
        issuer,
        app,
        lambda known: msgspec.structs.replace(known, secrets=_succeed(issuer, known, made, overlap)),
    )
    return secret


def _succeed(issuer: Issuer, known: App, secret: Secret, overlap: int | None = None) -> tuple[Secret, ...]:
    """Return a new secret, followed by the valid earlier ones, as apps may still use any of them."""
    now = issuer.now()
    keep_until = now + (issuer.policy.secret_overlap if overlap is None else overlap)
    before = [
        msgspec.structs.replace(old, ends_at=min(old.ends_at, keep_until))
        for old in known.secrets
        if old.digest != secret.digest and min(old.ends_at, keep_until) > now
    ]
    return (secret, *before[: MOST_SECRETS - 1])


async def _alter_app(issuer: Issuer, app: App, alter: Callable[[App], App]) -> App:
    """Change an app as it is in the moment of the change."""
    while True:
        known = await issuer.store.read_app(app.id)
        if known is None:
            raise _no_app()
        altered = alter(known)
        if altered == known or await issuer.store.change_app(known, altered):
            return altered


def _no_app() -> LingpaiError:
    return LingpaiError(Kind.NOT_FOUND, "There is no such app.")


def new_secret(issuer: Issuer) -> str:
    """Return a new random secret for an app."""
    return issuer.random_bytes(SECRET_BYTES).hex()


def make_secret(issuer: Issuer, secret: str) -> Secret:
    """Return a secret for the store: its digest, and the clear text (encrypted there) only for signatures."""
    clear = secret if issuer.policy.clear_secrets else ""
    return Secret(issuer.digest_secret(secret), clear, FOREVER)


async def add_user(
    issuer: Issuer, login: str, password: str, profile: Profile | None = None, *, password_hash: str = ""
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
    user = User(realm=issuer.realm, login=login, profile=profile, created_at=issuer.now())
    added = await issuer.store.add_user(user, password_hash)
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
    await issuer.store.set_password(user.id, await issuer.passwords.hash(password))


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
        if await issuer.store.change_user(known, changed):
            return changed
        tried = known


async def set_claims(issuer: Issuer, user: User, claims: UserClaims) -> UserClaims:
    """Replace the claims of a user besides the profile; returns it with the time of the change.

    Raises:
        LingpaiError: INVALID_PARAMETER, or NOT_FOUND when they were removed.
    """
    check_claims(claims)
    changed = msgspec.structs.replace(claims, updated_at=issuer.now())
    if not await issuer.store.save_claims(user.id, changed):
        raise _no_user()
    return changed


async def disable_user(issuer: Issuer, user: User, *, disabled: bool = True) -> User:
    """Disable or enable a user; tokens of a disabled user are refused from the next check on."""
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
    return await issuer.store.import_open_ids(members)


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
    return await issuer.store.save_terminal(
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


def _digits(issuer: Issuer, count: int) -> str:
    least = 10 ** (count - 1)
    return str(least + int.from_bytes(issuer.random_bytes(8), "big") % (9 * least))
