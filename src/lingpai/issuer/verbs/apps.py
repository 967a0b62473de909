"""The calling app: finding and authenticating it."""

import hmac
from collections.abc import Iterable, Sequence

from lingpai.core.addresses import is_within_blocks
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import FOREVER, App, AppMode, Secret
from lingpai.core.networks import network_of
from lingpai.issuer.context import Issuer
from lingpai.issuer.redirects import choose_redirect


async def find_app(issuer: Issuer, app_id: str) -> App:
    """The app with this public id, usable or not.

    Raises:
        LingpaiError: UNKNOWN_APP.
    """
    return known_app(await issuer.store.find_app(issuer.realm, app_id))


def known_app(found: App | None) -> App:
    """The app that was found.

    Raises:
        LingpaiError: UNKNOWN_APP when none was.
    """
    if found is None:
        raise LingpaiError(Kind.UNKNOWN_APP, "There is no such app.")
    return found


async def authenticate_app(
    issuer: Issuer, app_id: str, secret: str, address: str, *, readings: Sequence[str] = ()
) -> App:
    """The app that knows this secret and may call from this address.

    An unknown app, a wrong secret and a disabled app look the same (threat D39).

    Args:
        issuer: the realm.
        app_id: public id of the app.
        secret: as given.
        address: the caller's.
        readings: what else `secret` may mean; all of them count as one attempt.

    Raises:
        LingpaiError: INVALID_CLIENT, ADDRESS_NOT_ALLOWED, or TOO_MANY_REQUESTS after too many failures.
    """
    app = await issuer.store.find_app(issuer.realm, app_id)
    source, guesses = network_of(address), issuer.throttle
    settled = app is not None and guesses.is_settled(app_id, source, app.id)
    failed = False if settled else await guesses.admit(app_id, source, app.id if app is not None else None)
    known = app.secrets if app is not None else ()
    right = _knows(issuer, known, (secret, *readings))
    if app is None or not right or app.disabled:
        await guesses.fail(app_id, source)
        raise LingpaiError(Kind.INVALID_CLIENT, "There is no such app, or its secret is wrong.")
    if not settled:
        await guesses.succeed(app_id, source, app.id, failed=failed)
    if app.networks:
        check_network(app, address)
    return app


async def authenticate_public(issuer: Issuer, app_id: str, address: str) -> App:
    """The public client of this name, which has no secret: its codes and refresh tokens have to be proof enough.

    Raises:
        LingpaiError: as `require_public`.
    """
    return require_public(await issuer.store.find_app(issuer.realm, app_id), address)


def require_public(app: App | None, address: str) -> App:
    """The app that was found, which is a public client.

    Raises:
        LingpaiError: INVALID_CLIENT when there is none, it is disabled or it has to send a secret; ADDRESS_NOT_ALLOWED.
    """
    if app is None or not app.public or app.disabled:
        raise LingpaiError(Kind.INVALID_CLIENT, "The client's secret is missing.")
    check_network(app, address)
    return app


def check_network(app: App, address: str) -> None:
    """Refuse a caller outside the app's networks; no networks mean any.

    Raises:
        LingpaiError: ADDRESS_NOT_ALLOWED.
    """
    if app.networks and not is_within_blocks(address, tuple(app.networks)):
        raise LingpaiError(
            Kind.ADDRESS_NOT_ALLOWED, "Calls for this app are not allowed from this address.", detail=address
        )


def redirect_of(issuer: Issuer, app: App, given: str | None) -> str:
    """The redirect URI that is given, or the only one of the app when none is.

    The ports of `localhost` are as good as each other for apps that documents describe: these list it for programs
    that listen on a free port, and have no way to list them all.

    Raises:
        LingpaiError: INVALID_REDIRECT_URI, WRONG_REDIRECT_URI.
    """
    return choose_redirect(
        app.redirect_uris,
        given,
        loopback_ports=issuer.policy.loopback_ports,
        localhost=app.documented,
    )


def require_listed(app: App) -> None:
    """Refuse an app that is not published, or disabled.

    Raises:
        LingpaiError: APP_NOT_LISTED.
    """
    if not app.usable:
        raise LingpaiError(Kind.APP_NOT_LISTED, "The app is not published.")


def require_client_kind(issuer: Issuer, app: App) -> None:
    """Refuse a public client where no code could ever be redeemed without a secret.

    Raises:
        LingpaiError: WRONG_APP_MODE.
    """
    if app.public and not issuer.policy.public_clients:
        raise LingpaiError(
            Kind.WRONG_APP_MODE, "Public clients cannot be authorised here; the app needs a secret."
        )


def require_mode(app: App, mode: AppMode) -> None:
    """Refuse an app of the other mode.

    Raises:
        LingpaiError: WRONG_APP_MODE.
    """
    if app.mode is not mode:
        raise LingpaiError(Kind.WRONG_APP_MODE, f"Not available for {app.mode.value} apps.")


def require_grant(app: App, grant_type: str) -> None:
    """Refuse a grant type that the app may not use.

    Raises:
        LingpaiError: UNAUTHORIZED_CLIENT.
    """
    if app.grants and grant_type not in app.grants:
        raise LingpaiError(Kind.UNAUTHORIZED_CLIENT, "The app may not use this grant type.")


def clear_secrets(issuer: Issuer, app: App) -> tuple[str, ...]:
    """The app's good secrets in clear, newest first, for dialects that sign with them (`Policy.clear_secrets`)."""
    now = issuer.now()
    return tuple(secret.clear for secret in app.secrets if secret.clear and secret.ends_at > now)


def _knows(issuer: Issuer, secrets: Iterable[Secret], readings: Iterable[str]) -> bool:
    """True when one of the readings is a valid secret; each is compared with each, whatever was found before."""
    digest_of, right = issuer.digest_secret, False
    for given in readings:
        if not given:
            continue
        digest = digest_of(given)
        for secret in secrets:
            alike = hmac.compare_digest(digest, secret.digest)
            right |= alike and (secret.ends_at >= FOREVER or secret.ends_at > issuer.now())
    return right
