"""Apps that register themselves, and manage what they registered (RFC 7591, RFC 7592).

Both kinds of tokens are handles of the kind REGISTRATION: those of generation 0 name the row of an app, those of
generation 1 that of an initial access token, and each has its row's salt. An app's secret is a keyed digest of that
salt, so the app can read it again, and the store has no more of it than of any other.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import Handle, HandleKind
from lingpai.core.issuer_records import FOREVER, App, Registration
from lingpai.core.networks import network_of
from lingpai.core.registration_records import InitialToken
from lingpai.issuer.admin import make_secret
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY, HOUR, Throttling
from lingpai.issuer.sectors import check_subjects
from lingpai.issuer.throttle import too_many

LIMIT: Final = Throttling(seconds=HOUR, address=10)
"""Apps that one network may register without an initial access token."""
UNUSED: Final = 30 * DAY
"""Seconds after which such an app is removed unless a user has allowed it something."""
_APP, _INITIAL = 0, 1
_ID_BYTES: Final = 12
"""24 hexadecimal digits: no app of an operator, and no user's `sub`, has an id of that length by itself."""


class Registered(msgspec.Struct, frozen=True):
    """An app as it registered itself, with what it authenticates by: its secret, "" for none, and its own token."""

    app: App
    secret: str
    token: str

    def __repr__(self) -> str:
        """Return a text without secret and token."""
        return f"Registered({self.app.app_id})"


async def issue_initial_token(
    issuer: Issuer,
    *,
    name: str = "",
    uses: int | None = 1,
    lifetime: int | None = None,
    scopes: tuple[str, ...] = (),
) -> tuple[InitialToken, str]:
    """Make a token with which apps register themselves; returns it, and the handle that is not shown again.

    Args:
        issuer: the realm.
        name: for operators.
        uses: how many apps may register with it; None for any number.
        lifetime: in seconds; None for no end.
        scopes: the words that its apps may have in tokens of their own.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    now = issuer.now()
    fresh = InitialToken(
        realm=issuer.realm,
        name=name,
        scopes=scopes,
        uses=uses,
        salt=issuer.new_salt(),
        created_at=now,
        ends_at=FOREVER if lifetime is None else now + lifetime,
    )
    change = Change("registration.add", name, after={"uses": uses, "lifetime": lifetime, "scopes": scopes})
    token = await issuer.recording(change).add_initial_token(fresh)
    return token, issuer.seal(HandleKind.REGISTRATION, token.id, _INITIAL, now, token.salt)


async def revoke_initial_token(issuer: Issuer, number: int) -> bool:
    """Revoke an initial access token. False when the realm has none of this number."""
    store = issuer.recording(Change("registration.revoke", str(number)))
    return await store.remove_initial_token(issuer.realm, number)


async def open_initial_token(issuer: Issuer, text: str) -> InitialToken:
    """Return the initial access token of a handle.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN when it is none of this realm, has ended or was used up.
    """
    handle = _open(issuer, text, _INITIAL)
    token = None if handle is None else await issuer.store.read_initial_token(handle.id)
    if (
        handle is None
        or token is None
        or (token.salt, token.realm) != (handle.salt, issuer.realm)
        or token.ends_at <= issuer.now()
    ):
        raise _no_token()
    return token


async def take_registration(issuer: Issuer, address: str) -> None:
    """Count an app that registers without an initial access token.

    Raises:
        LingpaiError: TOO_MANY_REQUESTS, with `retry_after` in seconds.
    """
    now, subject = issuer.now(), issuer.digest_of("registration", network_of(address))
    until = await issuer.store.take_attempts([(subject, LIMIT.address)], now, now + LIMIT.seconds)
    if until is not None:
        raise too_many(until - now)


async def register_app(issuer: Issuer, app: App, initial: InitialToken | None) -> Registered:
    """Keep an app that is known to be right, and give it an id.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN when the initial token was used up meanwhile, BUSY.
    """
    now, salt = issuer.now(), issuer.new_salt()
    own = Registration(salt, open=initial is None, scopes=() if initial is None else initial.scopes)
    app = msgspec.structs.replace(
        app, app_id=issuer.random_bytes(_ID_BYTES).hex(), registration=own, created_at=now
    )
    added = await issuer.store.register_app(
        _with_secret(issuer, app),
        now,
        initial=initial,
        unused_until=now + UNUSED if initial is None else None,
    )
    if added is None:
        raise _no_token() if initial is not None else LingpaiError(Kind.BUSY, "No id is free; try again.")
    return _registered(issuer, added)


async def find_registered(issuer: Issuer, app_id: str, text: str) -> Registered:
    """Return the app of this id, whose registration access token this is.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN when it is another's, or the app was removed or disabled; the error does
            not say which.
    """
    handle = _open(issuer, text, _APP)
    app = None if handle is None else await issuer.store.read_app(handle.id)
    if (
        handle is None
        or app is None
        or app.registration is None
        or (app.registration.salt, app.realm, app.app_id) != (handle.salt, issuer.realm, app_id)
        or app.disabled
    ):
        raise _no_token()
    return _registered(issuer, app)


async def change_registered(issuer: Issuer, known: App, describe: Callable[[App], App]) -> Registered:
    """Change an app to what it says of itself now, however it was changed meanwhile.

    Args:
        issuer: the realm.
        known: as it was read.
        describe: returns the app as it shall be; of the given one, what operators set stays.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN when it was removed, INVALID_CLIENT_METADATA when its users would get
            another `sub`, and what `describe` raises.
    """
    while True:
        app = await issuer.store.read_app(known.id)
        if app is None or app.registration != known.registration:
            raise _no_token()
        wanted = _with_secret(issuer, describe(app), app)
        await check_subjects(issuer, app, wanted)
        if wanted == app or await issuer.store.change_app(app, wanted):
            return _registered(issuer, wanted)


async def remove_registered(issuer: Issuer, app: App) -> None:
    """Remove an app; all that it was granted ends.

    Raises:
        LingpaiError: INVALID_ACCESS_TOKEN when it was removed before.
    """
    if not await issuer.store.remove_registered_app(app):
        raise _no_token()


def secret_of(issuer: Issuer, app: App) -> str:
    """Return the secret that an app was given when it registered; "" for none, or when an operator replaced it."""
    if app.registration is None or not app.by_secret:
        return ""
    secret = _secret(issuer, app)
    made, now = make_secret(issuer, secret).digest, issuer.now()
    return secret if any(each.digest == made and each.ends_at > now for each in app.secrets) else ""


def _with_secret(issuer: Issuer, app: App, before: App | None = None) -> App:
    """Return an app with the secret that it needs: those that it has, else one of its own."""
    if not app.by_secret:
        return msgspec.structs.replace(app, secrets=())
    kept = () if before is None else before.secrets
    return msgspec.structs.replace(app, secrets=kept or (make_secret(issuer, _secret(issuer, app)),))


def _secret(issuer: Issuer, app: App) -> str:
    salt = "" if app.registration is None else str(app.registration.salt)
    return issuer.digest_of("secret of a registration", app.app_id, salt).hex()


def _registered(issuer: Issuer, app: App) -> Registered:
    salt = 0 if app.registration is None else app.registration.salt
    token = issuer.seal(HandleKind.REGISTRATION, app.id, _APP, app.created_at, salt)
    return Registered(app, secret_of(issuer, app), token)


def _open(issuer: Issuer, text: str, generation: int) -> Handle | None:
    handle = issuer.unseal(text, HandleKind.REGISTRATION)
    return handle if handle is not None and handle.generation == generation else None


def _no_token() -> LingpaiError:
    return LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The token registers or manages nothing here.")
