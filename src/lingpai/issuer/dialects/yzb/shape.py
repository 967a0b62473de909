"""The wire format of the dialect: the envelope, its status codes, and the JS bridge's own errors.

Errors of the platform are HTTP 200 (docs/spec/yzb.md, "Transport and envelope"). Errors of HTTP itself, before a call
is reached, have their own HTTP status and the same envelope.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Reply, Shape
from lingpai.issuer.http_status import HTTP_STATUS

_encode = msgspec.json.Encoder().encode

OK = "2000"
OTHER = "4000"
PARAMETER = "4101"
PASSED = "4102"
PERMISSION = "4103"
NOT_ADDED = "4104"

_CLIENT = "app_id or secret is invalid"
_CODE = "authorization_code is invalid"
_USER_TOKEN = "access_token is invalid"  # noqa: S105  texts, not secrets
_SERVER_TOKEN = "server_access_token is invalid"  # noqa: S105
_REFRESH_TOKEN = "refresh_token is invalid"  # noqa: S105
_TICKET = "js_ticket is invalid"

STATUS: Mapping[Kind, tuple[str, str | None]] = {
    Kind.MISSING_PARAMETER: (PARAMETER, None),
    Kind.INVALID_PARAMETER: (PARAMETER, None),
    Kind.REPEATED_PARAMETER: (PARAMETER, None),
    Kind.MALFORMED_BODY: (OTHER, None),
    Kind.NOT_FOUND: (OTHER, "no such interface"),
    Kind.METHOD_NOT_ALLOWED: (OTHER, "this method is not allowed here"),
    Kind.BODY_TOO_LARGE: (OTHER, None),
    Kind.UNSUPPORTED_MEDIA_TYPE: (OTHER, None),
    Kind.TOO_MANY_REQUESTS: (OTHER, "too many requests"),
    Kind.REQUEST_TIMEOUT: (OTHER, None),
    Kind.STORE_UNAVAILABLE: (OTHER, "temporarily unavailable, try again"),
    Kind.INTERNAL: (OTHER, "internal error"),
    Kind.INVALID_CLIENT: (OTHER, _CLIENT),
    Kind.UNKNOWN_APP: (OTHER, _CLIENT),
    Kind.ADDRESS_NOT_ALLOWED: (OTHER, "calls for this app are not allowed from this address"),
    Kind.APP_NOT_LISTED: (OTHER, "the app is not published"),
    Kind.WRONG_APP_MODE: (PERMISSION, "not available for apps of this kind"),
    Kind.UNSUPPORTED_RESPONSE_TYPE: (PARAMETER, "response_type is not allowed"),
    Kind.UNSUPPORTED_GRANT_TYPE: (PARAMETER, "grant_type is not allowed"),
    Kind.UNAUTHORIZED_CLIENT: (PERMISSION, "the app may not use this grant_type"),
    Kind.INVALID_REDIRECT_URI: (PARAMETER, "redirect_uri is not allowed"),
    Kind.WRONG_REDIRECT_URI: (PERMISSION, "the page is not on the app's domain list"),
    Kind.MISSING_SCOPE: (PARAMETER, "scope is missing"),
    Kind.INVALID_SCOPE: (PARAMETER, "scope is not allowed"),
    Kind.INSUFFICIENT_SCOPE: (PERMISSION, "the scope does not allow this"),
    Kind.ACCESS_DENIED: (PERMISSION, "the user refused"),
    Kind.INVALID_PKCE: (PARAMETER, "code_verifier is not allowed"),
    Kind.INVALID_TARGET: (PARAMETER, "resource is not allowed"),
    Kind.INVALID_CODE: (PASSED, _CODE),
    Kind.EXPIRED_CODE: (PASSED, _CODE),
    Kind.AUTHORIZATION_PENDING: (OTHER, "the user has yet to answer"),
    Kind.SLOW_DOWN: (OTHER, "too many requests, try again later"),
    Kind.EXPIRED_DEVICE_CODE: (PASSED, _CODE),
    Kind.INVALID_CLIENT_METADATA: (OTHER, _CLIENT),
    Kind.INVALID_ACCESS_TOKEN: (PASSED, _USER_TOKEN),
    Kind.EXPIRED_ACCESS_TOKEN: (PASSED, _USER_TOKEN),
    Kind.INVALID_APP_TOKEN: (PASSED, _SERVER_TOKEN),
    Kind.EXPIRED_APP_TOKEN: (PASSED, _SERVER_TOKEN),
    Kind.INVALID_REFRESH_TOKEN: (PASSED, _REFRESH_TOKEN),
    Kind.EXPIRED_REFRESH_TOKEN: (PASSED, _REFRESH_TOKEN),
    Kind.INVALID_TICKET: (PASSED, _TICKET),
    Kind.INVALID_OPEN_ID: (PASSED, _CODE),
    Kind.NO_PERMISSION: (PERMISSION, "the app has no permission for this"),
    Kind.NOT_ADDED: (NOT_ADDED, "the user did not add the app"),
    Kind.LIMIT_REACHED: (OTHER, "too many requests today"),
    Kind.BAD_REQUEST_ID: (PARAMETER, "id is not allowed"),
    Kind.BAD_TIMESTAMP: (PARAMETER, "timestamp is not allowed"),
    Kind.BAD_SIGNATURE: (OTHER, "the signature is wrong"),
    Kind.REPLAYED_REQUEST: (OTHER, "this request was sent before"),
    Kind.INVALID_TERMINAL: (PARAMETER, "machine_code is not allowed"),
    Kind.TERMINAL_TAKEN: (PERMISSION, "the terminal is bound to another app"),
    Kind.WRONG_TERMINAL_SECRET: (PARAMETER, "msign is not allowed"),
    Kind.WRONG_TERMINAL_KEY: (PARAMETER, "qr_key is not allowed"),
    Kind.LOGIN_FAILED: (OTHER, "the login name or the password is wrong"),
    Kind.BUSY: (OTHER, "temporarily unavailable, try again"),
    Kind.LOGIN_REQUIRED: (OTHER, "login is required"),
    Kind.FORGED_FORM: (OTHER, "the form belongs to another session"),
    Kind.INVALID_AUTHORIZATION: (OTHER, "the authorization has expired"),
}
"""Status and message of each error; no message where the error's own names what was wrong."""


class _Envelope(msgspec.Struct):
    status: int | str
    message: str
    data: Any


class YzbShape(Shape):
    """The envelope of the dialect.

    Args:
        ok: `status` of a success: the number 2000 only where the original shows the number.
    """

    codes = STATUS

    def __init__(self, ok: int | str = OK) -> None:
        self._ok = ok

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id  # the dialect's envelope has no field for it; the header has it
        return Reply(_encode(_Envelope(self._ok, "ok", value)))

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        status, message = STATUS[error.kind]
        body = _encode(_Envelope(status, message or _named(error), []))
        return Reply(body, status=HTTP_STATUS.get(error.kind, 200))


def _named(error: LingpaiError) -> str:
    """Return the error's reason, with the name of the parameter at fault where there is one."""
    if error.parameter in error.reason:
        return error.reason
    return f"parameter {error.parameter}: {error.reason}"


PARAMETERS = 100001
CONFIG_TROUBLE = 100002
NOT_VERIFIED = 100003
FOREIGN_PAGE = 100005

BRIDGE_CODES: Mapping[Kind, int] = {
    **dict.fromkeys(STATUS, CONFIG_TROUBLE),
    Kind.MISSING_PARAMETER: PARAMETERS,
    Kind.INVALID_PARAMETER: PARAMETERS,
    Kind.REPEATED_PARAMETER: PARAMETERS,
    Kind.MALFORMED_BODY: PARAMETERS,
    Kind.FORGED_FORM: NOT_VERIFIED,
    Kind.WRONG_REDIRECT_URI: FOREIGN_PAGE,
}
_SUGGESTIONS: Mapping[int, str] = {
    PARAMETERS: "Compare what the page passes with the interface's description.",
    CONFIG_TROUBLE: "Sign the page's own address again, with the app's newest ticket.",
    NOT_VERIFIED: "Call core.config first, and continue only in its next().",
    FOREIGN_PAGE: "Add the page's host to the app's domains.",
}


class _BridgeError(msgspec.Struct):
    code: int
    description: str
    suggestion: str


class BridgeShape(Shape):
    """The arguments of a page's `next` and `error` in the bridge script (docs/spec/yzb.md, "JS bridge").

    Pages of any origin may read them: these calls use no session.
    """

    codes = BRIDGE_CODES
    _headers = (NO_STORE, ("access-control-allow-origin", "*"))

    @override
    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(_encode(value), headers=self._headers)

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        del trace_id
        code = BRIDGE_CODES[error.kind]
        description = STATUS[error.kind][1] or _named(error)
        body = _encode(_BridgeError(code, description, _SUGGESTIONS[code]))
        return Reply(body, status=HTTP_STATUS.get(error.kind, 200), headers=self._headers)


SHAPE = YzbShape()
BRIDGE = BridgeShape()
