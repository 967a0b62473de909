"""The wire format of the dialect: OAuth errors with their HTTP status (docs/spec/mall.md, the error tables)."""

from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Reply, Shape
from lingpai.issuer.authorizations import AnswerStyle
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

HEADERS = (NO_STORE, ("pragma", "no-cache"))
STYLE = AnswerStyle(status=302, refused="The user denied access to your application")

_CODE = "Authorization code doesn't exist or is invalid for the client"
_TOKEN = "The access token provided is invalid"  # noqa: S105  a text, not a token

ERRORS: Table = {
    Kind.MISSING_PARAMETER: (400, INVALID_REQUEST, None),
    Kind.INVALID_PARAMETER: (400, INVALID_REQUEST, None),
    Kind.REPEATED_PARAMETER: (400, INVALID_REQUEST, None),
    Kind.MALFORMED_BODY: (400, INVALID_REQUEST, None),
    Kind.NOT_FOUND: (404, INVALID_REQUEST, "There is nothing at this address"),
    Kind.METHOD_NOT_ALLOWED: (405, INVALID_REQUEST, "This method is not allowed here"),
    Kind.BODY_TOO_LARGE: (413, INVALID_REQUEST, None),
    Kind.UNSUPPORTED_MEDIA_TYPE: (415, INVALID_REQUEST, None),
    Kind.TOO_MANY_REQUESTS: (429, LATER, "Too many requests, try again later"),
    Kind.REQUEST_TIMEOUT: (408, INVALID_REQUEST, None),
    Kind.STORE_UNAVAILABLE: (503, LATER, "The server cannot answer now, try again"),
    Kind.INTERNAL: (500, BROKEN, "The server failed"),
    **OAUTH_ERRORS,
    Kind.INVALID_CLIENT: (400, INVALID_CLIENT, None),
    Kind.UNKNOWN_APP: (400, INVALID_CLIENT, None),
    Kind.INVALID_REDIRECT_URI: (400, "invalid_uri", None),
    Kind.WRONG_REDIRECT_URI: (400, "redirect_uri_mismatch", None),
    Kind.ACCESS_DENIED: (403, DENIED, None),
    Kind.INVALID_TARGET: (400, INVALID_REQUEST, None),
    Kind.INVALID_CODE: (400, INVALID_GRANT, _CODE),
    Kind.EXPIRED_CODE: (400, INVALID_GRANT, "The authorization code has expired"),
    Kind.INVALID_ACCESS_TOKEN: (401, INVALID_TOKEN, _TOKEN),
    Kind.EXPIRED_ACCESS_TOKEN: (401, INVALID_TOKEN, "The access token provided has expired"),
    Kind.INVALID_APP_TOKEN: (401, INVALID_TOKEN, _TOKEN),
    Kind.EXPIRED_APP_TOKEN: (401, INVALID_TOKEN, "The access token provided has expired"),
    Kind.INVALID_REFRESH_TOKEN: (400, INVALID_GRANT, "The refresh token is invalid for the client"),
    Kind.EXPIRED_REFRESH_TOKEN: (400, INVALID_GRANT, "The refresh token has expired"),
    Kind.NO_PERMISSION: (403, DENIED, None),
    Kind.NOT_ADDED: (403, DENIED, None),
    Kind.BAD_TIMESTAMP: (400, INVALID_REQUEST, None),
    Kind.BAD_SIGNATURE: (400, INVALID_REQUEST, None),
    Kind.LOGIN_FAILED: (403, DENIED, None),
    Kind.BUSY: (503, LATER, "The server cannot answer now, try again"),
    Kind.LOGIN_REQUIRED: (403, DENIED, None),
    Kind.FORGED_FORM: (403, DENIED, None),
    Kind.INVALID_AUTHORIZATION: (400, INVALID_REQUEST, None),
}
"""HTTP status, `error` and `error_description` of each error; None for the error's own reason."""


class _Result(msgspec.Struct):
    status: int
    msg: str
    result: Any


def describe(error: LingpaiError) -> tuple[int, str, str]:
    """Return status, `error` and description."""
    return describe_error(ERRORS, error, "A name in the request is not allowed")


class MallShape(Shape):
    """Token answers: success and error without an envelope."""

    codes = ERRORS

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id  # the body has no field for it; the header has it
        return Reply(_encode(value), headers=HEADERS)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        status, name, text = describe(error)
        about = error.headers if isinstance(error, ErrorWithHeaders) else ()
        return Reply(_encode(ErrorBody(name, text)), status, headers=HEADERS + about)


class ResourceShape(Shape):
    """Answers about users: success in the mall's envelope, refusals with a challenge (RFC 6750 §3).

    Args:
        realm: named in the challenge.
    """

    codes = ERRORS

    def __init__(self, realm: str) -> None:
        self._realm = permitted(realm)

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(_encode(_Result(1, "操作成功!", value)), headers=HEADERS)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        described = describe(error)
        _, name, text = described
        status, header = challenge(self._realm, error, described)
        return Reply(_encode(ErrorBody(name, text)), status, headers=(*HEADERS, ("www-authenticate", header)))


SHAPE = MallShape()
