"""What can go wrong, as a closed set.

Every error has a kind (the closed set below), a public reason in our words, a private detail for the log, and
through its kind somebody whose fault it is. No surface and no dialect invents kinds of its own: each maps
these to its wire by a table, and a test demands that the table is complete for the groups that can reach it.
"""

import enum


class Blame(enum.Enum):
    """Whose fault an error is, and so who can mend it."""

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
    WRONG_SECRET = "wrong_secret"  # noqa: S105  a name, not a secret
    NO_SECRET = "no_secret"  # noqa: S105
    UNKNOWN_ACCOUNT = "unknown_account"
    AMBIGUOUS_ACCOUNT = "ambiguous_account"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    FOREIGN_URL = "foreign_url"
    UPSTREAM_REFUSED = "upstream_refused"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    BUDGET_SPENT = "budget_spent"


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
    Kind.WRONG_SECRET: Blame.CALLER,
    Kind.NO_SECRET: Blame.OPERATOR,
    Kind.UNKNOWN_ACCOUNT: Blame.OPERATOR,
    Kind.AMBIGUOUS_ACCOUNT: Blame.CALLER,
    Kind.UNKNOWN_TOKEN: Blame.CALLER,
    Kind.FOREIGN_URL: Blame.CALLER,
    Kind.UPSTREAM_REFUSED: Blame.UPSTREAM,
    Kind.UPSTREAM_UNAVAILABLE: Blame.UPSTREAM,
    Kind.BUDGET_SPENT: Blame.OPERATOR,
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


class LingpaiError(Exception):
    """The one exception that verbs raise on purpose.

    Attributes:
        kind: which of the closed set.
        reason: what a caller may read; never holds a secret, token or code.
        detail: what only the log may hold, after redaction.
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

    @property
    def blame(self) -> Blame:
        """Whose fault it is."""
        return BLAME[self.kind]
