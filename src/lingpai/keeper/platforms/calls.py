"""The calls of an upstream platform as data: how often, what a repeated one does, and what its errors mean."""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

ACCESS_TOKEN = "access_token"  # noqa: S105  the name of a kind


class Repeat(enum.Enum):
    """The effect of asking again while an earlier token lives."""

    KILLS_OLD = "kills_old"
    """A new one each time; the one before lives on for the overlap."""

    SAME_UNTIL_LEFT = "same_until_left"
    """The same one until only the overlap is left of it, then a new one; both live."""

    SAME_UNTIL_END = "same_until_end"
    """The same one, with what is left of it, until its end."""

    PROLONGS = "prolongs"
    """The same one, which lives from then on for a whole life."""

    ALL_STAY = "all_stay"
    """A new one each time; those before live to their own ends."""


class Severity(enum.Enum):
    """The meaning of an upstream error: the keeper acts by who can mend it (docs/spec/platforms.md)."""

    TRANSIENT = "transient"
    """Passes by itself: back off with jitter, keep serving."""

    PERMANENT = "permanent"
    """Stays until a human acts: open the breaker, alert, serve what is live to its true end, probe slowly."""

    CALLER = "caller"
    """The caller's own: pass it through, never try again."""

    DEAD_TOKEN = "dead_token"  # noqa: S105
    """The platform no longer accepts the token of the call: compare and renew once."""


UNTIL_MIDNIGHT = -1.0
"""As `Fault.wait`: until the next midnight of UTC+8, when the platforms' daily quotas start anew, with a look now and
then whether somebody had them start anew before."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """The meaning of one error number.

    How severe, and how long to stay away (seconds; 0 for the usual wait).
    """

    severity: Severity
    wait: float = 0.0


TRANSIENT: Final = Fault(Severity.TRANSIENT)
PERMANENT: Final = Fault(Severity.PERMANENT)
CALLER: Final = Fault(Severity.CALLER)
DEAD_TOKEN: Final = Fault(Severity.DEAD_TOKEN)
"""Each severity with its usual wait."""


class Period(enum.Enum):
    """Windows in which platforms count calls; the value is the length in seconds."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400
    MONTH = 2592000
    """A calendar month, whatever its length."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """So many calls a period, counted by `name` and account before each call."""

    name: str
    limit: int
    period: Period


Request = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """When a value of this sort is renewed.

    Attributes:
        repeat: what asking again does.
        overlap: seconds that an old value lives on beside a new one.
        overlap_share: of a whole life that is trusted as overlap at most: the platforms' 300 s of 7200 s, since
            a platform that hands out shorter lives is not trusted with as long an overlap.
        renew_left: renewed when so many seconds are left; None when that follows from `repeat`.
        value: path in the platform's answer of the value.
        lifetime: path of its lifetime.
        unit: seconds of which that is a number: 1, or 0.001 for milliseconds.
        absolute: whether it is the unix time of the end, else what is left.
        apart: seconds between two fetches at least; 0 for any.
    """

    repeat: Repeat = Repeat.SAME_UNTIL_END
    overlap: float = 0
    overlap_share: float = 1 / 24
    renew_left: float | None = None
    value: str = ACCESS_TOKEN
    lifetime: str = "expires_in"
    unit: float = 1.0
    absolute: bool = False
    apart: float = 0

    def overlap_of(self, lifetime: float) -> float:
        """Return the seconds that a value lives on beside its successor, if its whole life has `lifetime` seconds."""
        return min(self.overlap, lifetime * self.overlap_share)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RefreshCall(Renewed):
    """The call that renews a token with its refresh token, which changes each time.

    Attributes:
        path: where.
        request: makes what is sent from the refresh token.
        field: of the answer, that has the next refresh token.
        life: seconds that a refresh token lives.
        over: the error number that says that a refresh token has ended.
        spent: all error numbers that say that it is none any more.
        limits: counted for each kind of value apart.
    """

    path: str
    request: Callable[[str], Request]
    field: str
    life: float
    over: int
    spent: frozenset[int]
    limits: tuple["Limit", ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LoginStep:
    """A call before the token's, whose answer that needs.

    Attributes:
        method: "GET" or "POST".
        path: where.
        request: makes what is sent from account, secret, and what earlier steps gave.
        take: names of what it gives, with their paths in its answer.
        at: see `Platform.addresses`.
    """

    method: str
    path: str
    request: Callable[[str, str, Mapping[str, str]], Request]
    take: Mapping[str, str]
    at: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TokenCall(Renewed):
    """The call that fetches a token with an account's secret.

    `request` makes the query (of a GET) or the body (of a POST) from account and secret. `forced` makes
    the request that demands a new token, where the platform has one, within `forced_limits`. With `refresh`,
    a token is renewed by that, and fetched anew only when that is refused. With `steps`, those calls come before, and
    `after` makes the request from what they gave as well, and from the live value of the kind `pushed`, which the
    platform pushes. `at` see `Platform.addresses`.
    """

    method: str
    path: str
    request: Callable[[str, str], Request]
    limits: tuple[Limit, ...] = ()
    forced: Callable[[str, str], Request] | None = None
    forced_limits: tuple[Limit, ...] = ()
    refresh: RefreshCall | None = None
    steps: tuple[LoginStep, ...] = ()
    after: Callable[[str, str, Mapping[str, str]], Request] | None = None
    pushed: str = ""
    at: str = ""


Headers = Mapping[str, str]


def _token_only(_account: str, token: str) -> Request:
    return {"access_token": token}


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeCall:
    """The cheapest call that shows whether the platform still accepts a value.

    `request` makes the query from account and value; a `body` makes it a POST of that, and `posts` a POST of
    what `request` makes. `headers` makes headers from the value, `carried` the query of a POST; `at` see
    `Platform.addresses`.
    """

    path: str
    body: Request | None = None
    request: Callable[[str, str], Request] = _token_only
    posts: bool = False
    headers: Callable[[str], Headers] | None = None
    carried: Callable[[str], Request] | None = None
    at: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class TicketCall(Renewed):
    """The call that fetches a ticket with a live access token.

    `query` is what goes beside the token, which `request` makes from account and token; a GET unless `method`
    says otherwise. Without a `probe`, a ticket that is reported dead is renewed unverified. `headers` makes headers
    from the token, `carried` the query of a POST; `at` see `Platform.addresses`.
    """

    path: str
    query: Mapping[str, str]
    limits: tuple[Limit, ...] = ()
    method: str = "GET"
    request: Callable[[str, str], Request] = _token_only
    probe: ProbeCall | None = None
    headers: Callable[[str], Headers] | None = None
    carried: Callable[[str], Request] | None = None
    at: str = ""
    value: str = dataclasses.field(default="ticket", kw_only=True)


@dataclasses.dataclass(frozen=True, slots=True)
class ExchangeCall:
    """The call that exchanges a login code for a user, once.

    `query` makes the query from account, secret (empty when `with_token`) and code; the live access token is
    added when `with_token`. Of a success, the fields of `required` must be there; those of `optional` are
    passed on when sent. A code that is exchanged for a terminal's tokens names in `terminal` the field of that
    terminal's number: then the tokens are stored here and not passed on. `headers` makes headers from the token of
    this `kind`, which is then not the parameter `parameter`; a POST has that in its query when `in_query`. `inside` is
    the path of what has the fields; `at` see `Platform.addresses`. For an account that a third-party platform acts for,
    `by_provider` is path and query (of that one's id, the account's and the code) of a GET with that one's token, and
    `owner` the field of its answer that names the account, where a code of another one would be taken as well.
    """

    path: str
    query: Callable[[str, str, str], Request]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    with_token: bool = False
    method: str = "GET"
    terminal: str = ""
    kind: str = ACCESS_TOKEN
    headers: Callable[[str], Headers] | None = None
    parameter: str = ACCESS_TOKEN
    in_query: bool = False
    inside: str = ""
    at: str = ""
    by_provider: tuple[str, Callable[[str, str, str], Request]] | None = None
    owner: str = ""
