"""Which client calls, and how it proves that (RFC 6749 §2.3, OpenID Connect Core §9)."""

from typing import Protocol

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call
from lingpai.issuer.basic import basic_credentials
from lingpai.issuer.context import Issuer
from lingpai.issuer.oauth_errors import ErrorWithHeaders
from lingpai.issuer.verbs.apps import authenticate_app, authenticate_public

_CHALLENGE = (("www-authenticate", 'Basic realm="clients", charset="UTF-8"'),)


class Presented(Protocol):
    """The parameters by which a client names itself in a body."""

    client_id: str | None
    client_secret: str | None


async def authenticate(issuer: Issuer, params: Presented, call: Call, *, public: bool = True) -> App:
    """The client, by Basic or by the body; a public one by its name alone.

    Args:
        issuer: the realm.
        params: as given.
        call: its headers.
        public: whether a client without a secret is let in.

    Raises:
        LingpaiError: INVALID_CLIENT, with a challenge when an Authorization header came (RFC 6749 §5.2);
            INVALID_PARAMETER when there are two authentications; ADDRESS_NOT_ALLOWED, TOO_MANY_REQUESTS.
    """
    try:
        app = await _authenticate(issuer, params, call, public=public)
    except LingpaiError as error:
        if error.kind is Kind.INVALID_CLIENT and call.header("authorization") is not None:
            raise ErrorWithHeaders(error, _CHALLENGE) from error
        raise
    call.caller = app.app_id
    return app


async def _authenticate(issuer: Issuer, params: Presented, call: Call, *, public: bool) -> App:
    basic = basic_credentials(call)
    secrets: tuple[str, ...]
    if basic is None:
        app_id, secrets = params.client_id or "", (params.client_secret or "",)
    elif params.client_secret is None and params.client_id in {None, *basic.app_ids}:
        app_id, secrets = await _named(issuer, basic.app_ids), basic.secrets
    else:
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            "Client credentials may come in one place only.",
            parameter="client_id",
        )
    if not app_id:
        raise LingpaiError(Kind.INVALID_CLIENT, "There are no client credentials in header or body.")
    secret, *readings = secrets
    if not secret and not public:
        raise LingpaiError(Kind.INVALID_CLIENT, "A client without a secret may not ask this.")
    if not secret:
        return await authenticate_public(issuer, app_id, call.peer)
    return await authenticate_app(issuer, app_id, secret, call.peer, readings=readings)


async def _named(issuer: Issuer, readings: tuple[str, ...]) -> str:
    """The reading of a client's id that is one; the first when none is."""
    for app_id in readings[1:]:
        if await issuer.store.find_app(issuer.realm, app_id) is not None:
            return app_id
    return readings[0]
