"""The kinds of errors, as a closed set.

Every error has a kind (the closed set below), a public reason in our words, and a private detail for the log. A kind is
one line: name, party at fault, group, HTTP status. No route and no dialect has kinds of its own: each maps these to
its wire by a table, and a test demands that the table is complete for the groups that can reach it. So a new kind is
its line here, and one in each table.
"""

import enum
import functools
from typing import Any, Self


class Blame(enum.Enum):
    """The party at fault for an error, who has to correct it."""

    CALLER = "caller"
    UPSTREAM = "upstream"
    OPERATOR = "operator"
    SERVICE = "service"


class Group(enum.Enum):
    """The part of the service that an error comes from."""

    EDGE = "edge"
    """The request itself: from any route."""
    KEEPER = "keeper"
    ISSUER = "issuer"
    ADMIN = "admin"
    """Conditions and repeats of operators' requests."""


class Kind(enum.Enum):
    """The closed set of errors, a line for each.

    Attributes:
        value: the name in logs and metrics.
        blame: the party at fault.
        group: the part of the service that it comes from.
        status: the HTTP status where a shape does not say another.
    """

    blame: Blame
    group: Group
    status: int

    def __new__(cls, name: str, blame: Blame, group: Group, status: int) -> Self:
        """Make a kind of its line."""
        kind = object.__new__(cls)
        kind._value_ = name
        kind.blame = blame
        kind.group = group
        kind.status = status
        return kind

    # The request itself (edge).
    MISSING_PARAMETER = "missing_parameter", Blame.CALLER, Group.EDGE, 400
    INVALID_PARAMETER = "invalid_parameter", Blame.CALLER, Group.EDGE, 400
    REPEATED_PARAMETER = "repeated_parameter", Blame.CALLER, Group.EDGE, 400
    MALFORMED_BODY = "malformed_body", Blame.CALLER, Group.EDGE, 400
    NOT_FOUND = "not_found", Blame.CALLER, Group.EDGE, 404
    METHOD_NOT_ALLOWED = "method_not_allowed", Blame.CALLER, Group.EDGE, 405
    BODY_TOO_LARGE = "body_too_large", Blame.CALLER, Group.EDGE, 413
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", Blame.CALLER, Group.EDGE, 415
    TOO_MANY_REQUESTS = "too_many_requests", Blame.CALLER, Group.EDGE, 429
    REQUEST_TIMEOUT = "request_timeout", Blame.CALLER, Group.EDGE, 408
    STORE_UNAVAILABLE = "store_unavailable", Blame.SERVICE, Group.EDGE, 503
    INTERNAL = "internal", Blame.SERVICE, Group.EDGE, 500

    # The keeper.
    NOT_ALLOWED = "not_allowed", Blame.CALLER, Group.KEEPER, 403
    MISSING_KEY = "missing_key", Blame.CALLER, Group.KEEPER, 401
    WRONG_KEY = "wrong_key", Blame.CALLER, Group.KEEPER, 401
    WRONG_SECRET = "wrong_secret", Blame.CALLER, Group.KEEPER, 403
    NO_SECRET = "no_secret", Blame.OPERATOR, Group.KEEPER, 404
    UNKNOWN_ACCOUNT = "unknown_account", Blame.OPERATOR, Group.KEEPER, 404
    AMBIGUOUS_ACCOUNT = "ambiguous_account", Blame.CALLER, Group.KEEPER, 409
    UNKNOWN_TOKEN = "unknown_token", Blame.CALLER, Group.KEEPER, 404
    FOREIGN_URL = "foreign_url", Blame.CALLER, Group.KEEPER, 403
    UPSTREAM_REFUSED = "upstream_refused", Blame.UPSTREAM, Group.KEEPER, 424
    UPSTREAM_UNAVAILABLE = "upstream_unavailable", Blame.UPSTREAM, Group.KEEPER, 502
    BUDGET_SPENT = "budget_spent", Blame.OPERATOR, Group.KEEPER, 503

    # The issuer.
    INVALID_CLIENT = "invalid_client", Blame.CALLER, Group.ISSUER, 400
    UNKNOWN_APP = "unknown_app", Blame.CALLER, Group.ISSUER, 400
    ADDRESS_NOT_ALLOWED = "address_not_allowed", Blame.CALLER, Group.ISSUER, 403
    APP_NOT_LISTED = "app_not_listed", Blame.OPERATOR, Group.ISSUER, 403
    WRONG_APP_MODE = "wrong_app_mode", Blame.CALLER, Group.ISSUER, 400
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type", Blame.CALLER, Group.ISSUER, 400
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type", Blame.CALLER, Group.ISSUER, 400
    UNAUTHORIZED_CLIENT = "unauthorized_client", Blame.CALLER, Group.ISSUER, 400
    INVALID_REDIRECT_URI = "invalid_redirect_uri", Blame.CALLER, Group.ISSUER, 400
    WRONG_REDIRECT_URI = "wrong_redirect_uri", Blame.CALLER, Group.ISSUER, 400
    MISSING_SCOPE = "missing_scope", Blame.CALLER, Group.ISSUER, 400
    INVALID_SCOPE = "invalid_scope", Blame.CALLER, Group.ISSUER, 400
    INSUFFICIENT_SCOPE = "insufficient_scope", Blame.CALLER, Group.ISSUER, 400
    ACCESS_DENIED = "access_denied", Blame.CALLER, Group.ISSUER, 400
    INVALID_PKCE = "invalid_pkce", Blame.CALLER, Group.ISSUER, 400
    INVALID_TARGET = "invalid_target", Blame.CALLER, Group.ISSUER, 400
    INVALID_CLIENT_METADATA = "invalid_client_metadata", Blame.CALLER, Group.ISSUER, 400
    INVALID_CODE = "invalid_code", Blame.CALLER, Group.ISSUER, 400
    EXPIRED_CODE = "expired_code", Blame.CALLER, Group.ISSUER, 400
    AUTHORIZATION_PENDING = "authorization_pending", Blame.CALLER, Group.ISSUER, 400
    SLOW_DOWN = "slow_down", Blame.CALLER, Group.ISSUER, 400
    EXPIRED_DEVICE_CODE = "expired_device_code", Blame.CALLER, Group.ISSUER, 400
    INVALID_ACCESS_TOKEN = "invalid_access_token", Blame.CALLER, Group.ISSUER, 400
    EXPIRED_ACCESS_TOKEN = "expired_access_token", Blame.CALLER, Group.ISSUER, 400
    INVALID_APP_TOKEN = "invalid_app_token", Blame.CALLER, Group.ISSUER, 400
    EXPIRED_APP_TOKEN = "expired_app_token", Blame.CALLER, Group.ISSUER, 400
    INVALID_REFRESH_TOKEN = "invalid_refresh_token", Blame.CALLER, Group.ISSUER, 400
    EXPIRED_REFRESH_TOKEN = "expired_refresh_token", Blame.CALLER, Group.ISSUER, 400
    INVALID_TICKET = "invalid_ticket", Blame.CALLER, Group.ISSUER, 400
    INVALID_OPEN_ID = "invalid_open_id", Blame.CALLER, Group.ISSUER, 400
    NO_PERMISSION = "no_permission", Blame.CALLER, Group.ISSUER, 403
    NOT_ADDED = "not_added", Blame.CALLER, Group.ISSUER, 400
    LIMIT_REACHED = "limit_reached", Blame.CALLER, Group.ISSUER, 400
    BAD_REQUEST_ID = "bad_request_id", Blame.CALLER, Group.ISSUER, 400
    BAD_TIMESTAMP = "bad_timestamp", Blame.CALLER, Group.ISSUER, 400
    BAD_SIGNATURE = "bad_signature", Blame.CALLER, Group.ISSUER, 400
    REPLAYED_REQUEST = "replayed_request", Blame.CALLER, Group.ISSUER, 400
    INVALID_TERMINAL = "invalid_terminal", Blame.CALLER, Group.ISSUER, 400
    TERMINAL_TAKEN = "terminal_taken", Blame.CALLER, Group.ISSUER, 400
    WRONG_TERMINAL_SECRET = "wrong_terminal_secret", Blame.CALLER, Group.ISSUER, 400
    WRONG_TERMINAL_KEY = "wrong_terminal_key", Blame.CALLER, Group.ISSUER, 400
    LOGIN_FAILED = "login_failed", Blame.CALLER, Group.ISSUER, 403
    BUSY = "busy", Blame.SERVICE, Group.ISSUER, 503
    LOGIN_REQUIRED = "login_required", Blame.CALLER, Group.ISSUER, 400
    FORGED_FORM = "forged_form", Blame.CALLER, Group.ISSUER, 403
    INVALID_AUTHORIZATION = "invalid_authorization", Blame.CALLER, Group.ISSUER, 400

    # The admin API.
    CONFLICT = "conflict", Blame.CALLER, Group.ADMIN, 409
    PRECONDITION_FAILED = "precondition_failed", Blame.CALLER, Group.ADMIN, 412
    KEY_REUSED = "key_reused", Blame.CALLER, Group.ADMIN, 422
    PRECONDITION_REQUIRED = "precondition_required", Blame.CALLER, Group.ADMIN, 428


def kinds_of(*groups: Group) -> frozenset[Kind]:
    """Return all kinds of these groups."""
    return frozenset(kind for kind in Kind if kind.group in groups)


EDGE_KINDS = kinds_of(Group.EDGE)
KEEPER_KINDS = kinds_of(Group.KEEPER)
ISSUER_KINDS = kinds_of(Group.ISSUER)
ADMIN_KINDS = kinds_of(Group.ADMIN)


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
        return self.kind.blame
