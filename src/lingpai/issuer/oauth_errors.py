"""Error answers of OAuth, as protocols in its form share them (RFC 6749 §5.2, RFC 6750 §3)."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError

INVALID_REQUEST: Final = "invalid_request"
INVALID_CLIENT: Final = "invalid_client"
INVALID_GRANT: Final = "invalid_grant"
INVALID_SCOPE: Final = "invalid_scope"
INVALID_TOKEN: Final = "invalid_token"  # noqa: S105  an error's name, not a token
UNAUTHORIZED: Final = "unauthorized_client"
DENIED: Final = "access_denied"
LATER: Final = "temporarily_unavailable"
BROKEN: Final = "server_error"

Table = Mapping[Kind, tuple[int, str, str | None]]
"""HTTP status, `error` and `error_description` of each error; None for the error's own reason."""
OAUTH_ERRORS: Final[Table] = {
    Kind.ADDRESS_NOT_ALLOWED: (400, UNAUTHORIZED, None),
    Kind.APP_NOT_LISTED: (400, UNAUTHORIZED, None),
    Kind.WRONG_APP_MODE: (400, UNAUTHORIZED, None),
    Kind.UNSUPPORTED_RESPONSE_TYPE: (400, "unsupported_response_type", None),
    Kind.UNSUPPORTED_GRANT_TYPE: (400, "unsupported_grant_type", None),
    Kind.UNAUTHORIZED_CLIENT: (400, UNAUTHORIZED, None),
    Kind.MISSING_SCOPE: (400, INVALID_SCOPE, None),
    Kind.INVALID_SCOPE: (400, INVALID_SCOPE, None),
    Kind.INSUFFICIENT_SCOPE: (403, "insufficient_scope", None),
    Kind.INVALID_PKCE: (400, INVALID_GRANT, None),
    Kind.INVALID_TICKET: (400, INVALID_GRANT, None),
    Kind.INVALID_OPEN_ID: (400, INVALID_GRANT, None),
    Kind.LIMIT_REACHED: (429, LATER, None),
    Kind.BAD_REQUEST_ID: (400, INVALID_REQUEST, None),
    Kind.REPLAYED_REQUEST: (400, INVALID_REQUEST, None),
    Kind.INVALID_TERMINAL: (400, INVALID_REQUEST, None),
    Kind.TERMINAL_TAKEN: (400, INVALID_REQUEST, None),
    Kind.WRONG_TERMINAL_SECRET: (400, INVALID_REQUEST, None),
    Kind.WRONG_TERMINAL_KEY: (400, INVALID_REQUEST, None),
    Kind.AUTHORIZATION_PENDING: (400, "authorization_pending", None),
    Kind.SLOW_DOWN: (400, "slow_down", None),
    Kind.EXPIRED_DEVICE_CODE: (400, "expired_token", None),
    Kind.INVALID_CLIENT_METADATA: (400, "invalid_client_metadata", None),
}
"""Errors of verbs that all protocols in OAuth's form answer alike.

RFC 6749 §5.2, RFC 6750 §3.1, RFC 8628 §3.5, RFC 7591 §3.2.2.
"""
Headers = tuple[tuple[str, str], ...]

_FORBIDDEN = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_NAME = re.compile(r"[a-z_]*\Z")


class ErrorBody(msgspec.Struct):
    """The body of an error (RFC 6749 §5.2)."""

    error: str
    error_description: str


class ErrorWithHeaders(LingpaiError):
    """An error whose answer has headers of its own.

    Attributes:
        headers: names and values.
    """

    __slots__ = ("headers",)

    def __init__(self, error: LingpaiError, headers: Headers) -> None:
        super().__init__(error.kind, error.reason, **error.details)
        self.headers = headers


def permitted(text: str) -> str:
    """Return a text with only the characters that RFC 6749 §5.2 permits (threat D44)."""
    return _FORBIDDEN.sub("'", text)


def describe_error(table: Table, error: LingpaiError, unnamed: str) -> tuple[int, str, str]:
    """Return status, `error` and description of an error.

    Args:
        table: of the protocol.
        error: what was refused.
        unnamed: the description where the reason would repeat a name that the caller chose.
    """
    status, name, text = table[error.kind]
    if not _NAME.match(error.parameter):
        text = unnamed
    return status, name, permitted(text or error.reason)


def challenge(realm: str, error: LingpaiError, described: tuple[int, str, str]) -> tuple[int, str]:
    """Return the status and the `WWW-Authenticate` of a refused bearer token (RFC 6750 §3).

    A request without a token gets the challenge alone, with 401 (RFC 6750 §3.1).
    """
    status, name, text = described
    if error.kind is Kind.MISSING_PARAMETER:
        return 401, f'Bearer realm="{realm}"'
    return status, f'Bearer realm="{realm}", error="{name}", error_description="{text}"'
