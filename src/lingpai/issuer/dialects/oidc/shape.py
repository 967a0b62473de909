"""The dialect on the wire: bare JSON, errors by the names of RFC 6749, 6750 and OpenID Connect Core."""

from typing import Any, Final

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Reply, Shape
from lingpai.issuer.authorizations import AnswerStyle, Pairs
from lingpai.issuer.oauth_errors import (
    BROKEN,
    DENIED,
    INVALID_CLIENT,
    INVALID_GRANT,
    INVALID_REQUEST,
    INVALID_TOKEN,
    LATER,
    OAUTH_ERRORS,
    ErrorBody,
    ErrorWithHeaders,
    Table,
    challenge,
    describe_error,
    permitted,
)

_encode = msgspec.json.Encoder().encode

JSON: Final = "application/json"
"""As RFC 8414 §3.2 and RFC 7662 §2.2 have it: JSON has no charset (RFC 8259 §11)."""
UNSTORED: Final = (NO_STORE, ("pragma", "no-cache"))
CORS: Final = (
    ("access-control-allow-origin", "*"),
    ("access-control-expose-headers", "DPoP-Nonce, WWW-Authenticate, Retry-After"),
)
"""Any page may read what no cookie counts for (the Fetch standard)."""

PROOF_ALGORITHMS: Final = "ES256 EdDSA PS256"
"""Of proofs of a key, as a challenge names them (RFC 9449 §7.1)."""

_CODE: Final = "The code is not valid for this client."
_TOKEN: Final = "The access token is not valid."  # noqa: S105  a text, not a token
_REFRESH: Final = "The refresh token is not valid for this client."
_CLIENT: Final = "The client authentication failed."

ERRORS: Final[Table] = {
    Kind.MISSING_PARAMETER: (400, INVALID_REQUEST, None),
    Kind.INVALID_PARAMETER: (400, INVALID_REQUEST, None),
    Kind.REPEATED_PARAMETER: (400, INVALID_REQUEST, None),
    Kind.MALFORMED_BODY: (400, INVALID_REQUEST, None),
    Kind.NOT_FOUND: (404, INVALID_REQUEST, "There is nothing at this address."),
    Kind.METHOD_NOT_ALLOWED: (405, INVALID_REQUEST, "This method is not allowed here."),
    Kind.BODY_TOO_LARGE: (413, INVALID_REQUEST, None),
    Kind.UNSUPPORTED_MEDIA_TYPE: (415, INVALID_REQUEST, None),
    Kind.TOO_MANY_REQUESTS: (429, LATER, "Too many requests; try again later."),
    Kind.REQUEST_TIMEOUT: (408, INVALID_REQUEST, None),
    Kind.STORE_UNAVAILABLE: (503, LATER, "The server cannot answer now; try again."),
    Kind.INTERNAL: (500, BROKEN, "The server failed."),
    **OAUTH_ERRORS,
    Kind.INVALID_CLIENT: (401, INVALID_CLIENT, _CLIENT),
    Kind.UNKNOWN_APP: (401, INVALID_CLIENT, _CLIENT),
    Kind.INVALID_REDIRECT_URI: (400, INVALID_REQUEST, None),
    Kind.WRONG_REDIRECT_URI: (400, INVALID_GRANT, None),
    Kind.ACCESS_DENIED: (400, DENIED, None),
    Kind.INVALID_TARGET: (400, "invalid_target", None),
    Kind.INVALID_CODE: (400, INVALID_GRANT, _CODE),
    Kind.EXPIRED_CODE: (400, INVALID_GRANT, _CODE),
    Kind.INVALID_ACCESS_TOKEN: (401, INVALID_TOKEN, _TOKEN),
    Kind.EXPIRED_ACCESS_TOKEN: (401, INVALID_TOKEN, "The access token has expired."),
    Kind.INVALID_APP_TOKEN: (401, INVALID_TOKEN, _TOKEN),
    Kind.EXPIRED_APP_TOKEN: (401, INVALID_TOKEN, "The access token has expired."),
    Kind.INVALID_REFRESH_TOKEN: (400, INVALID_GRANT, _REFRESH),
    Kind.EXPIRED_REFRESH_TOKEN: (400, INVALID_GRANT, _REFRESH),
    Kind.NO_PERMISSION: (400, DENIED, None),
    Kind.NOT_ADDED: (400, "consent_required", None),
    Kind.BAD_TIMESTAMP: (400, "use_dpop_nonce", None),
    Kind.BAD_SIGNATURE: (400, "invalid_dpop_proof", None),
    Kind.LOGIN_FAILED: (400, DENIED, None),
    Kind.BUSY: (503, LATER, "The server cannot answer now; try again."),
    Kind.LOGIN_REQUIRED: (400, "login_required", None),
    Kind.FORGED_FORM: (400, DENIED, None),
    Kind.INVALID_AUTHORIZATION: (400, "invalid_request_uri", None),
}


class ProofError(ErrorWithHeaders):
    """A refusal of a request whose token comes, or has to come, with a proof of a key (RFC 9449 §7.1)."""


def style(issuer_url: str) -> AnswerStyle:
    """Return the style of answers by redirect: `iss` in every answer (RFC 9207 §2)."""
    return AnswerStyle(status=303, every=(("iss", issuer_url),), refused="The user refused.")


def describe(error: LingpaiError) -> tuple[int, str, str]:
    """Return status, `error` and description."""
    return describe_error(ERRORS, error, "A name in the request is not allowed.")


class OidcShape(Shape):
    """Answers in JSON, and errors by RFC 6749 §5.2.

    Args:
        headers: of every answer, besides those that keep it from being stored.
    """

    codes = ERRORS
    challenges: Pairs = (("www-authenticate", 'Basic realm="clients", charset="UTF-8"'),)
    """Of every 401, whether or not an Authorization header came (RFC 9110 §15.5.2)."""

    def __init__(self, headers: Pairs = ()) -> None:
        self._headers = UNSTORED + headers

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id  # there is no place for it; the header carries it
        return Reply(_encode(value), 200, JSON, self._headers)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        status, name, text = describe(error)
        about = error.headers if isinstance(error, ErrorWithHeaders) else ()
        if status == 401:  # noqa: PLR2004
            about += self.challenges
        return Reply(_encode(ErrorBody(name, text)), status, JSON, self._headers + about)


class FrontShape(OidcShape):
    """Errors that browsers are not redirected with: 400 where the token endpoint says 401."""

    challenges = ()

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        reply = super().error(error, trace_id)
        status, name, text = front(error)
        return msgspec.structs.replace(reply, status=status, body=_encode(ErrorBody(name, text)))


def front(error: LingpaiError) -> tuple[int, str, str]:
    """Status, `error` and description for a browser: nothing there asks for other credentials."""
    status, name, text = describe(error)
    if error.kind is Kind.WRONG_REDIRECT_URI:
        name = INVALID_REQUEST
    if name == INVALID_CLIENT:
        text = "There is no such client."
    return (400 if status in {401, 403} else status), name, text


class BearerShape(OidcShape):
    """Answers about users: refusals come with a challenge (RFC 6750 §3).

    Args:
        realm: named in the challenge.
        headers: see `OidcShape`.
        metadata: where the metadata of the protected resource is (RFC 9728 §5.1).
    """

    challenges = ()
    _challenged = frozenset({400, 401, 403})

    def __init__(self, realm: str, headers: Pairs = (), metadata: str = "") -> None:
        super().__init__(headers)
        self._realm = permitted(realm)
        self._about = f', resource_metadata="{metadata}"' if metadata else ""

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        reply = super().error(error, trace_id)
        status, header = challenge(self._realm, error, describe(error))
        if isinstance(error, ProofError):
            status, header = 401, header.replace("Bearer", f'DPoP algs="{PROOF_ALGORITHMS}",', 1)
        if error.kind is Kind.INSUFFICIENT_SCOPE:
            header += ', scope="openid"'
        header += self._about
        about = (("www-authenticate", header),) if status in self._challenged else ()
        return msgspec.structs.replace(reply, status=status, headers=reply.headers + about)


SHAPE: Final = OidcShape()
OPEN: Final = OidcShape(CORS)
"""Of the endpoints that pages of any origin may call."""
FRONT: Final = FrontShape()
