"""Operators' actions on apps, each recorded in the audit trail when the realm acts for an operator."""

from collections.abc import Callable
from typing import Any

import msgspec

from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import FOREVER, App, Secret
from lingpai.issuer.app_fields import FIELDS
from lingpai.issuer.checks import check_app
from lingpai.issuer.context import Issuer
from lingpai.issuer.sectors import check_subjects, sector_of

SECRET_BYTES = 20
"""40 lower-case hex digits (docs/spec/yzb.md, "Rules")."""
FINGERPRINT_DIGITS = 8
_APP_ID_DIGITS = (6, 6, 6, 6, 8, 10, 12)
"""Digits of a fresh app_id, attempt by attempt: six, and more when those are taken."""
MOST_SECRETS = 8
"""Most secrets of one app that are valid at a time; the oldest are removed."""


async def add_app(issuer: Issuer, app: App, secret: str = "") -> tuple[App, str]:
    """Add an app and return its secret, which is not shown again; none ("") for one that authenticates without.

    An empty `app.app_id` is replaced by new digits, an empty `secret` by a new one.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_CLIENT_METADATA, or INVALID_PARAMETER when the app_id is taken or a
            text is not valid.
    """
    check_app(app)
    sector_of(app)
    secret = (secret or new_secret(issuer)) if app.by_secret else ""
    kept = (make_secret(issuer, secret),) if secret else ()
    ids = [app.app_id] if app.app_id else [_digits(issuer, count) for count in _APP_ID_DIGITS]
    for app_id in ids:
        own = {"realm": issuer.realm, "app_id": app_id, "secrets": kept, "created_at": issuer.now()}
        wanted = msgspec.structs.replace(app, **own)
        change = Change.between("app.add", app_id, None, state_of(wanted))
        added = await issuer.recording(change).add_app(wanted)
        if added is not None:
            return added, secret
    raise LingpaiError(Kind.INVALID_PARAMETER, "The app_id is taken.", parameter="app_id")


async def declare_app(issuer: Issuer, app: App, secret: str) -> App:
    """Add or change an app so that it is as declared, as `lingpai apply` does.

    Another secret than before is a rotation: those before stay good for the policy's `secret_overlap`.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_PARAMETER, INVALID_CLIENT_METADATA when its users would get another
            `sub`, or NOT_FOUND when it was removed meanwhile.
    """
    check_app(app)
    sector_of(app)
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
        change = Change.between("app.add", app.app_id, None, state_of(fresh))
        known = await issuer.recording(change).add_app(fresh) or await find_app(issuer, app.app_id)
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
        LingpaiError: INVALID_REDIRECT_URI, INVALID_PARAMETER, INVALID_CLIENT_METADATA when its users would get another
            `sub`, or NOT_FOUND when it was removed.
    """
    check_app(App(realm=issuer.realm, app_id="", **fields))  # other fields were checked when they were saved
    return await _alter_app(issuer, app, lambda known: msgspec.structs.replace(known, **fields))


async def replace_app(issuer: Issuer, known: App, wanted: App) -> bool:
    """Replace an app that still is as `known`; its row and names stay. False when it is not.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, INVALID_PARAMETER, INVALID_CLIENT_METADATA as for `change_app`.
    """
    check_app(wanted)
    await check_subjects(issuer, known, wanted)
    change = Change.between("app.change", known.app_id, state_of(known), state_of(wanted))
    return await issuer.recording(change).change_app(known, wanted)


async def remove_app(issuer: Issuer, app: App, *, unchanged: bool = False) -> bool:
    """Remove an app with its members; its grants are unusable from then on. False when there is none.

    With `unchanged`, False also when it is not as `app` any more.
    """
    change = Change.between("app.remove", app.app_id, state_of(app), None)
    return await issuer.recording(change).remove_app(app.id, app if unchanged else None)


def state_of(app: App) -> dict[str, Any]:
    """Return what the audit trail shows of an app: the settable fields, and fingerprints of its secrets."""
    shown: dict[str, Any] = msgspec.to_builtins(FIELDS.shown(app))
    return {**shown, "secrets": [secret.digest.hex()[:FINGERPRINT_DIGITS] for secret in app.secrets]}


async def rotate_secret(issuer: Issuer, app: App, overlap: int | None = None, secret: str = "") -> str:
    """Give an app a new secret, which is not shown again. Earlier ones stay valid for `overlap` seconds at most.

    Args:
        issuer: the realm.
        app: which.
        overlap: seconds; the policy's `secret_overlap` when not given.
        secret: the new one; made when it is "".

    Raises:
        LingpaiError: NOT_FOUND when the app was removed.
    """
    secret = secret or new_secret(issuer)
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
        if altered == known:
            return altered
        await check_subjects(issuer, known, altered)
        change = Change.between("app.change", known.app_id, state_of(known), state_of(altered))
        if await issuer.recording(change).change_app(known, altered):
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


def _digits(issuer: Issuer, count: int) -> str:
    least = 10 ** (count - 1)
    return str(least + int.from_bytes(issuer.random_bytes(8), "big") % (9 * least))
