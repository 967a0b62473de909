"""The kinds of errors, as a closed set.

Every error has a kind (the closed set below), a public reason in our words, a private detail for the log, and
through its kind the party at fault (`Blame`). No route and no dialect has kinds of its own: each maps
these to its wire by a table, and a test demands that the table is complete for the groups that can reach it.
"""

import enum
import functools
from typing import Any


class Blame(enum.Enum):
    """The party at fault for an error, who has to correct it."""

    CALLER = "caller"
    UPSTREAM = "upstream"
    OPERATOR = "operator"
    SERVICE = "service"


class Kind(enum.Enum):
    """The closed set of errors; the value is the name in logs and metrics."""

    # The request itself (edge).
    MISSING_PARAMETER = "missing_parameter"
    INVALID_PARAMETER = "invalid_parameter"
    REPEATED_PARAMETER = "repeated_parameter"
    MALFORMED_BODY = "malformed_body"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    BODY_TOO_LARGE = "body_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOO_MANY_REQUESTS = "too_many_requests"
    REQUEST_TIMEOUT = "request_timeout"
    STORE_UNAVAILABLE = "store_unavailable"
    INTERNAL = "internal"

    # The keeper.
    NOT_ALLOWED = "not_allowed"
    MISSING_KEY = "missing_key"
    WRONG_KEY = "wrong_key"
    WRONG_SECRET = "wrong_secret"  # noqa: S105  a name, not a secret
    NO_SECRET = "no_secret"  # noqa: S105
    UNKNOWN_ACCOUNT = "unknown_account"
    AMBIGUOUS_ACCOUNT = "ambiguous_account"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    FOREIGN_URL = "foreign_url"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    BUDGET_SPENT = "budget_spent"

    # The issuer.
    INVALID_CLIENT = "invalid_client"
    UNKNOWN_APP = "unknown_app"
    ADDRESS_NOT_ALLOWED = "address_not_allowed"
    APP_NOT_LISTED = "app_not_listed"
    WRONG_APP_MODE = "wrong_app_mode"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    INVALID_REDIRECT_URI = "invalid_redirect_uri"
    WRONG_REDIRECT_URI = "wrong_redirect_uri"
    MISSING_SCOPE = "missing_scope"
    INVALID_SCOPE = "invalid_scope"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    ACCESS_DENIED = "access_denied"
    INVALID_PKCE = "invalid_pkce"
    INVALID_TARGET = "invalid_target"
    INVALID_CODE = "invalid_code"
    EXPIRED_CODE = "expired_code"
    INVALID_ACCESS_TOKEN = "invalid_access_token"  # noqa: S105
    EXPIRED_ACCESS_TOKEN = "expired_access_token"  # noqa: S105
    INVALID_APP_TOKEN = "invalid_app_token"  # noqa: S105
    EXPIRED_APP_TOKEN = "expired_app_token"  # noqa: S105
    INVALID_REFRESH_TOKEN = "invalid_refresh_token"  # noqa: S105
    EXPIRED_REFRESH_TOKEN = "expired_refresh_token"  # noqa: S105
    INVALID_TICKET = "invalid_ticket"
    INVALID_OPEN_ID = "invalid_open_id"
    NO_PERMISSION = "no_permission"
    NOT_ADDED = "not_added"
    LIMIT_REACHED = "limit_reached"
    BAD_REQUEST_ID = "bad_request_id"
    BAD_TIMESTAMP = "bad_timestamp"
    BAD_SIGNATURE = "bad_signature"
    REPLAYED_REQUEST = "replayed_request"
    BAD_MACHINE = "bad_machine"
    MACHINE_TAKEN = "machine_taken"
    WRONG_MSIGN = "wrong_msign"
    WRONG_QR_KEY = "wrong_qr_key"
    LOGIN_FAILED = "login_failed"
    BUSY = "busy"
    LOGIN_REQUIRED = "login_required"
    FORGED_FORM = "forged_form"
    INVALID_AUTHORIZATION = "invalid_authorization"


BLAME: dict[Kind, Blame] = {
    Kind.MISSING_PARAMETER: Blame.CALLER,
    Kind.INVALID_PARAMETER: Blame.CALLER,
    Kind.REPEATED_PARAMETER: Blame.CALLER,
    Kind.MALFORMED_BODY: Blame.CALLER,
    Kind.NOT_FOUND: Blame.CALLER,
    Kind.METHOD_NOT_ALLOWED: Blame.CALLER,
    Kind.BODY_TOO_LARGE: Blame.CALLER,
    Kind.UNSUPPORTED_MEDIA_TYPE: Blame.CALLER,
    Kind.TOO_MANY_REQUESTS: Blame.CALLER,
    Kind.REQUEST_TIMEOUT: Blame.CALLER,
    Kind.STORE_UNAVAILABLE: Blame.SERVICE,
    Kind.INTERNAL: Blame.SERVICE,
    Kind.NOT_ALLOWED: Blame.CALLER,
    Kind.MISSING_KEY: Blame.CALLER,
    Kind.WRONG_KEY: Blame.CALLER,
    Kind.WRONG_SECRET: Blame.CALLER,
    Kind.NO_SECRET: Blame.OPERATOR,
    Kind.UNKNOWN_ACCOUNT: Blame.OPERATOR,
    Kind.AMBIGUOUS_ACCOUNT: Blame.CALLER,
    Kind.UNKNOWN_TOKEN: Blame.CALLER,
    Kind.FOREIGN_URL: Blame.CALLER,
    Kind.UPSTREAM_REFUSED: Blame.UPSTREAM,
    Kind.UPSTREAM_UNAVAILABLE: Blame.UPSTREAM,
    Kind.BUDGET_SPENT: Blame.OPERATOR,
    Kind.INVALID_CLIENT: Blame.CALLER,
    Kind.UNKNOWN_APP: Blame.CALLER,
    Kind.ADDRESS_NOT_ALLOWED: Blame.CALLER,
    Kind.APP_NOT_LISTED: Blame.OPERATOR,
    Kind.WRONG_APP_MODE: Blame.CALLER,
    Kind.UNSUPPORTED_RESPONSE_TYPE: Blame.CALLER,
    Kind.UNSUPPORTED_GRANT_TYPE: Blame.CALLER,
    Kind.UNAUTHORIZED_CLIENT: Blame.CALLER,
    Kind.INVALID_REDIRECT_URI: Blame.CALLER,
    Kind.WRONG_REDIRECT_URI: Blame.CALLER,
    Kind.MISSING_SCOPE: Blame.CALLER,
    Kind.INVALID_SCOPE: Blame.CALLER,
    Kind.INSUFFICIENT_SCOPE: Blame.CALLER,
    Kind.ACCESS_DENIED: Blame.CALLER,
    Kind.INVALID_PKCE: Blame.CALLER,
    Kind.INVALID_TARGET: Blame.CALLER,
    Kind.INVALID_CODE: Blame.CALLER,
    Kind.EXPIRED_CODE: Blame.CALLER,
    Kind.INVALID_ACCESS_TOKEN: Blame.CALLER,
    Kind.EXPIRED_ACCESS_TOKEN: Blame.CALLER,
    Kind.INVALID_APP_TOKEN: Blame.CALLER,
    Kind.EXPIRED_APP_TOKEN: Blame.CALLER,
    Kind.INVALID_REFRESH_TOKEN: Blame.CALLER,
    Kind.EXPIRED_REFRESH_TOKEN: Blame.CALLER,
    Kind.INVALID_TICKET: Blame.CALLER,
    Kind.INVALID_OPEN_ID: Blame.CALLER,
    Kind.NO_PERMISSION: Blame.CALLER,
    Kind.NOT_ADDED: Blame.CALLER,
    Kind.LIMIT_REACHED: Blame.CALLER,
    Kind.BAD_REQUEST_ID: Blame.CALLER,
    Kind.BAD_TIMESTAMP: Blame.CALLER,
    Kind.BAD_SIGNATURE: Blame.CALLER,
    Kind.REPLAYED_REQUEST: Blame.CALLER,
    Kind.BAD_MACHINE: Blame.CALLER,
    Kind.MACHINE_TAKEN: Blame.CALLER,
    Kind.WRONG_MSIGN: Blame.CALLER,
    Kind.WRONG_QR_KEY: Blame.CALLER,
    Kind.LOGIN_FAILED: Blame.CALLER,
    Kind.BUSY: Blame.SERVICE,
    Kind.LOGIN_REQUIRED: Blame.CALLER,
    Kind.FORGED_FORM: Blame.CALLER,
    Kind.INVALID_AUTHORIZATION: Blame.CALLER,
}

EDGE_KINDS = frozenset(
    {
        Kind.MISSING_PARAMETER,
        Kind.INVALID_PARAMETER,
        Kind.REPEATED_PARAMETER,
        Kind.MALFORMED_BODY,
        Kind.NOT_FOUND,
        Kind.METHOD_NOT_ALLOWED,
        Kind.BODY_TOO_LARGE,
        Kind.UNSUPPORTED_MEDIA_TYPE,
        Kind.TOO_MANY_REQUESTS,
        Kind.REQUEST_TIMEOUT,
        Kind.STORE_UNAVAILABLE,
        Kind.INTERNAL,
    }
)
KEEPER_KINDS = frozenset(
    {
        Kind.NOT_ALLOWED,
        Kind.MISSING_KEY,
        Kind.WRONG_KEY,
        Kind.WRONG_SECRET,
        Kind.NO_SECRET,
        Kind.UNKNOWN_ACCOUNT,
        Kind.AMBIGUOUS_ACCOUNT,
        Kind.UNKNOWN_TOKEN,
        Kind.FOREIGN_URL,
        Kind.UPSTREAM_REFUSED,
        Kind.UPSTREAM_UNAVAILABLE,
        Kind.BUDGET_SPENT,
    }
)
ISSUER_KINDS = frozenset(
    {
        Kind.INVALID_CLIENT,
        Kind.UNKNOWN_APP,
        Kind.ADDRESS_NOT_ALLOWED,
        Kind.APP_NOT_LISTED,
        Kind.WRONG_APP_MODE,
        Kind.UNSUPPORTED_RESPONSE_TYPE,
        Kind.UNSUPPORTED_GRANT_TYPE,
        Kind.UNAUTHORIZED_CLIENT,
        Kind.INVALID_REDIRECT_URI,
        Kind.WRONG_REDIRECT_URI,
        Kind.MISSING_SCOPE,
        Kind.INVALID_SCOPE,
        Kind.INSUFFICIENT_SCOPE,
        Kind.ACCESS_DENIED,
        Kind.INVALID_PKCE,
        Kind.INVALID_TARGET,
        Kind.INVALID_CODE,
        Kind.EXPIRED_CODE,
        Kind.INVALID_ACCESS_TOKEN,
        Kind.EXPIRED_ACCESS_TOKEN,
        Kind.INVALID_APP_TOKEN,
        Kind.EXPIRED_APP_TOKEN,
        Kind.INVALID_REFRESH_TOKEN,
        Kind.EXPIRED_REFRESH_TOKEN,
        Kind.INVALID_TICKET,
        Kind.INVALID_OPEN_ID,
        Kind.NO_PERMISSION,
        Kind.NOT_ADDED,
        Kind.LIMIT_REACHED,
        Kind.BAD_REQUEST_ID,
        Kind.BAD_TIMESTAMP,
        Kind.BAD_SIGNATURE,
        Kind.REPLAYED_REQUEST,
        Kind.BAD_MACHINE,
        Kind.MACHINE_TAKEN,
        Kind.WRONG_MSIGN,
        Kind.WRONG_QR_KEY,
        Kind.LOGIN_FAILED,
        Kind.BUSY,
        Kind.LOGIN_REQUIRED,
        Kind.FORGED_FORM,
        Kind.INVALID_AUTHORIZATION,
    }
)


class LingpaiError(Exception):
    """The one exception that verbs raise on purpose.

    Attributes:
        kind: one of the closed set.
        reason: the text for the caller; never contains a secret, token or code.
        detail: text for the log only, after redaction.
        parameter: the wire name of the parameter at fault, or "".
        code: the upstream's own error number, where it answered one.
        retry_after: seconds after which trying again makes sense, or None.
        allow: for METHOD_NOT_ALLOWED, the methods that are.
    """

    __slots__ = ("allow", "code", "detail", "kind", "parameter", "reason", "retry_after")

    def __init__(
        self,
        kind: Kind,
        reason: str,
        *,
        detail: str = "",
        parameter: str = "",
        code: int | None = None,
        retry_after: float | None = None,
        allow: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.detail = detail
        self.parameter = parameter
        self.code = code
        self.retry_after = retry_after
        self.allow = allow

    def __reduce__(self) -> tuple[Any, ...]:
        """Support pickling, as between processes; the default does not with keyword arguments."""
        return functools.partial(LingpaiError, **self.details), (self.kind, self.reason)

    @property
    def details(self) -> dict[str, Any]:
        """All but kind and reason, as keyword arguments of another error that says the same."""
        return {
            name: getattr(self, name) for name in LingpaiError.__slots__ if name not in {"kind", "reason"}
        }

    def reworded(self, reason: str) -> "LingpaiError":
        """Return the same error with another reason."""
        rest = {name: getattr(self, name) for name in self.__slots__ if name not in {"kind", "reason"}}
        return type(self)(self.kind, reason, **rest)

    @property
    def blame(self) -> Blame:
        """The party at fault."""
        return BLAME[self.kind]
