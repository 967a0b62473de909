"""Signed calls: who signed, and that the call was signed just now (docs/spec/yilianyun.md, "Protocol")."""

import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.networks import network_of
from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yilianyun.params import SignedParams, text_of
from lingpai.issuer.verbs.apps import check_network, clear_secrets, known_app, require_listed
from lingpai.issuer.verbs.requests import check_request_id, check_timestamp, once
from lingpai.store.issuer_port import SignedRequest

SIGNED = ("client_id", "sign", "timestamp", "id")
"""The parameters of every call."""


def sign_of(client_id: str, timestamp: str, secret: str) -> str:
    """Return the signature of a call as lower-case hex of an MD5; nothing else of the call is signed."""
    return hashlib.md5((client_id + timestamp + secret).encode(), usedforsecurity=False).hexdigest()


@contextlib.asynccontextmanager
async def signed(
    issuer: Issuer, params: SignedParams, call: Call, *, first: bool = False
) -> AsyncIterator[tuple[App, SignedRequest | None]]:
    """Verify a signed call that has all parameters, and answer it.

    Args:
        issuer: the realm.
        params: of the call.
        call: what else is known of it.
        first: see `verbs.requests.once`.

    Yields:
        The app that signed and may call, and the request for the verb that answers.

    Raises:
        LingpaiError: in this order BAD_REQUEST_ID, TOO_MANY_REQUESTS after too many failures, UNKNOWN_APP,
            BAD_TIMESTAMP, BAD_SIGNATURE, REPLAYED_REQUEST, ADDRESS_NOT_ALLOWED, APP_NOT_LISTED, and what the
            block raises.
    """
    request_id = text_of(params.id)
    check_request_id(request_id)
    app, moment = await _authenticate(issuer, params, call)
    call.caller = app.app_id
    async with once(issuer, app, request_id, moment, first=first) as request:
        check_network(app, call.peer)
        require_listed(app)
        yield app, request


async def _authenticate(issuer: Issuer, params: SignedParams, call: Call) -> tuple[App, int]:
    client_id, timestamp = text_of(params.client_id), text_of(params.timestamp)
    source = network_of(call.peer)
    found = await issuer.store.find_app(issuer.realm, client_id)
    failed = await issuer.throttle.admit(client_id, source, found.id if found is not None else None)
    try:
        app = known_app(found)
        moment = check_timestamp(issuer, timestamp)
        _check_sign(issuer, app, timestamp, text_of(params.sign))
    except LingpaiError as error:
        if error.kind in {Kind.UNKNOWN_APP, Kind.BAD_SIGNATURE}:
            await issuer.throttle.fail(client_id, source)
        raise
    await issuer.throttle.succeed(client_id, source, app.id, failed=failed)
    return app, moment


def _check_sign(issuer: Issuer, app: App, timestamp: str, given: str) -> None:
    """Compare with every valid secret of the app, in constant time; either letter case is accepted (threat I81)."""
    sign = given.lower().encode()
    secrets = clear_secrets(issuer, app)
    matches = [
        hmac.compare_digest(sign, sign_of(app.app_id, timestamp, secret).encode()) for secret in secrets
    ]
    if not any(matches):
        raise LingpaiError(Kind.BAD_SIGNATURE, "The signature is wrong.", parameter="sign")
