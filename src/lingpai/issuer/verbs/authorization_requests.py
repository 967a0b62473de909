"""Authorization requests between `/authorize` and the user's answer: sealed, in the browser, and nowhere else.

Nothing of a request is stored until a user who is logged in answers it, so whoever sends requests without logging in
fills no disk. The seal binds what was validated to the realm and to the browser that asked, and it ends soon. What is
too old, or came from another session, is never answered; while it is not older than a day it may begin again, which
is what the browser would get by visiting `/authorize` again.
"""

import hmac

import msgspec

from lingpai.core.authorization_records import AuthorizationRequest, Wishes
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.issuer.context import Issuer
from lingpai.issuer.pkce import check_challenge
from lingpai.issuer.policy import DAY
from lingpai.issuer.scopes import narrow_scope
from lingpai.issuer.verbs.apps import require_client_kind
from lingpai.issuer.verbs.versions import version_of

MAX_STATE = 2048
"""Bytes of `state` in UTF-8."""
MAX_SEALED = 8000
"""Characters of a sealed request: servers and proxies take 8 KiB of a request's first line."""
RENEWABLE = DAY
"""Seconds after which a request cannot begin again."""
_DIGEST_BYTES = 16


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of an authorization request, as given; `audience` None for that of the app."""

    redirect_uri: str | None = None
    scope: str | None = None
    state: str | None = None
    challenge: str = ""
    challenge_method: str = ""
    nonce: str = ""
    terminal: str = ""
    wishes: Wishes = Wishes()
    audience: str | None = None
    pushed: bytes = b""
    """Digest of the pushed request that it comes from, or b""."""


def new_request(
    issuer: Issuer, app: App, browser: str, asked: Asked, *, answer_uri: str, scope: str | None
) -> AuthorizationRequest:
    """A request that is known to be right, bound to a browser.

    Args:
        issuer: the realm.
        app: who asks.
        browser: the cookie of the browser that may answer (`pages.visits.Visit.browser`).
        asked: as given.
        answer_uri: where the answer goes.
        scope: what is granted.
    """
    now = issuer.now()
    return AuthorizationRequest(
        digest=asked.pushed or issuer.random_bytes(_DIGEST_BYTES),
        browser=_digest_of(issuer, browser),
        app_id=app.app_id,
        redirect_uri=asked.redirect_uri or None,
        answer_uri=answer_uri,
        scope=scope,
        state=asked.state,
        challenge=asked.challenge,
        challenge_method=asked.challenge_method,
        nonce=asked.nonce,
        terminal=asked.terminal,
        created_at=now,
        ends_at=now + issuer.policy.authorization,
        wishes=msgspec.structs.replace(asked.wishes, version=version_of(issuer, app)),
        audience=asked.audience,
        pushed=bool(asked.pushed),
    )


def seal_request(issuer: Issuer, request: AuthorizationRequest) -> str:
    """The request as a text for addresses and forms.

    Raises:
        LingpaiError: INVALID_PARAMETER when its state, or all of it, is too long.
    """
    if request.state is not None and len(request.state.encode("utf-8", "surrogatepass")) > MAX_STATE:
        raise _too_long(f"The state is longer than {MAX_STATE} bytes.", "state")
    answer_uri = "" if request.answer_uri == request.redirect_uri else request.answer_uri
    text = issuer.requests.seal(
        msgspec.msgpack.encode(msgspec.structs.replace(request, answer_uri=answer_uri))
    )
    if len(text) > MAX_SEALED:
        raise _too_long("The request is too long.", "")
    return text


def open_request(issuer: Issuer, text: str) -> AuthorizationRequest:
    """The request that was sealed, whether or not it may still be answered; see `may_answer`.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION.
    """
    plain = issuer.requests.open(text)
    if plain is None:
        raise run_out()
    try:
        request = msgspec.msgpack.decode(plain, type=AuthorizationRequest)
    except msgspec.MsgspecError as error:  # of another release
        raise run_out() from error
    return msgspec.structs.replace(request, answer_uri=request.answer_uri or request.redirect_uri or "")


def is_of_now(issuer: Issuer, app: App, request: AuthorizationRequest) -> bool:
    """Whether the app says of itself what it said when the request was made, or begun again."""
    return request.wishes.version == version_of(issuer, app)


def may_answer(issuer: Issuer, request: AuthorizationRequest, browser: str) -> bool:
    """True when this browser may answer the request now."""
    mine = hmac.compare_digest(request.browser, _digest_of(issuer, browser))
    return mine and issuer.now() < request.ends_at


def renew_request(
    issuer: Issuer, app: App, request: AuthorizationRequest, browser: str
) -> AuthorizationRequest:
    """The same request begun again by this browser, with an answer of its own.

    Raises:
        LingpaiError: INVALID_AUTHORIZATION when it is too old; or as `check_asked`, when the app has changed since.
    """
    now = issuer.now()
    if now >= request.created_at + RENEWABLE:
        raise run_out()
    asked = None if request.scope == issuer.policy.default_scope else request.scope
    check_asked(
        issuer,
        app,
        Asked(scope=asked, challenge=request.challenge, challenge_method=request.challenge_method),
    )
    return msgspec.structs.replace(
        request,
        wishes=msgspec.structs.replace(request.wishes, version=version_of(issuer, app)),
        digest=request.digest if request.pushed else issuer.random_bytes(_DIGEST_BYTES),
        browser=_digest_of(issuer, browser),
        ends_at=now + issuer.policy.authorization,
    )


def check_asked(issuer: Issuer, app: App, asked: Asked) -> str | None:
    """Check what may be answered by redirect; returns the scope that is granted.

    Raises:
        LingpaiError: APP_NOT_LISTED, WRONG_APP_MODE, INVALID_SCOPE or INVALID_PKCE.
    """
    if not app.usable:
        raise LingpaiError(Kind.APP_NOT_LISTED, "The app is not published.")
    require_client_kind(issuer, app)
    if asked.challenge or asked.challenge_method or app.public:
        check_challenge(asked.challenge, asked.challenge_method)
    return narrow_scope(asked.scope, frozenset(app.scopes), issuer.policy.default_scope)


def run_out() -> LingpaiError:
    """The error for who answers what cannot be answered, or not any more."""
    return LingpaiError(Kind.INVALID_AUTHORIZATION, "This authorization has expired; start again.")


def _digest_of(issuer: Issuer, browser: str) -> bytes:
    digest: bytes = issuer.digest_other("browser " + browser)
    return digest


def _too_long(reason: str, parameter: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, reason, parameter=parameter)
