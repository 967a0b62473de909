"""What the keeper has to know of an upstream platform, as data.

A platform is described, not programmed: its calls, what a repeated call does to the token before, its limits,
and what each of its error numbers means for us. The same number means different things on different
platforms, so nothing here is global.
"""

import dataclasses
import enum
from collections.abc import Callable, Mapping
from typing import Any

ACCESS_TOKEN = "access_token"  # noqa: S105  the name of a kind


class Repeat(enum.Enum):
    """What asking again does while an earlier token lives."""

    KILLS_OLD = "kills_old"
    """A new one each time; the one before lives on for the overlap."""

    SAME_UNTIL_LEFT = "same_until_left"
    """The same one until only the overlap is left of it, then a new one; both live."""

    SAME_UNTIL_END = "same_until_end"
    """The same one, with what is left of it, until its end."""


class Severity(enum.Enum):
    """Who can mend an upstream error, and so what the keeper does (upstream-wechat.md §1.7)."""

    TRANSIENT = "transient"
    """Passes by itself: back off with jitter, keep serving."""

    PERMANENT = "permanent"
    """Stays until a human acts: open the breaker, alert, serve what is live to its true end, probe slowly."""

    CALLER = "caller"
    """The caller's own: pass it through, never try again."""

    DEAD_TOKEN = "dead_token"  # noqa: S105
    """The token that the call carried is not taken any more: compare and renew once."""


UNTIL_MIDNIGHT = -1.0
"""As `Fault.wait`: until the next midnight of UTC+8, when the platforms' daily quotas start anew."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """The meaning of one error number.

    How severe, and how long to stay away (seconds; 0 for the usual wait).
    """

    severity: Severity
    wait: float = 0.0


class Period(enum.Enum):
    """Windows in which platforms count calls; the value is the length in seconds."""

    MINUTE = 60
    HOUR = 3600
    DAY = 86400


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """So many calls a period, counted by `name` and account before each call."""

    name: str
    limit: int
    period: Period


Request = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class TokenCall:
    """How a token is fetched with an account's secret.

    `request` makes the query (of a GET) or the JSON body (of a POST) from account and secret. `forced` makes
    the request that demands a new token, where the platform has one, within `forced_limits`.
    """

    method: str
    path: str
    request: Callable[[str, str], Request]
    repeat: Repeat
    overlap: float
    limits: tuple[Limit, ...] = ()
    forced: Callable[[str, str], Request] | None = None
    forced_limits: tuple[Limit, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class TicketCall:
    """How a ticket is fetched with a live access token; `query` is what goes beside the token."""

    path: str
    query: Mapping[str, str]
    limits: tuple[Limit, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class ExchangeCall:
    """How a login code is exchanged for a user, once.

    `query` makes the query from account, secret (empty when `with_token`) and code; the live access token is
    added when `with_token`. Of a success, the fields of `required` must be there; those of `optional` are
    passed on when sent.
    """

    path: str
    query: Callable[[str, str, str], Request]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    with_token: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class ProbeCall:
    """The cheapest call that tells whether a token is still taken; `body` makes it a POST."""

    path: str
    body: Request | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Platform:
    """One upstream platform.

    Attributes:
        name: as in accounts' names and routes.
        base_url: where it is; overridable, since private deployments and the sandbox are elsewhere.
        modes: ways to fetch the token, by name; the first is the default.
        tickets: kinds of tickets.
        exchanges: kinds of code exchange.
        sign_kinds: for each way of signing a page, the ticket it needs.
        probe: see `ProbeCall`.
        faults: meaning of its error numbers; an unknown number is the caller's when a caller brought a code,
            else transient.
        one_secret: whether an account has only one secret, so that any other is wrong without asking.
        dead_token: what a token that is not ours is answered, (errcode, errmsg).
        wrong_secret: what a wrong secret is answered, (errcode, errmsg).
    """

    name: str
    base_url: str
    modes: Mapping[str, TokenCall]
    tickets: Mapping[str, TicketCall]
    exchanges: Mapping[str, ExchangeCall]
    sign_kinds: Mapping[str, str]
    probe: ProbeCall
    faults: Mapping[int, Fault]
    one_secret: bool

    def mode(self, name: str) -> TokenCall:
        """The mode of this name, or the default one for ""."""
        return self.modes[name] if name else next(iter(self.modes.values()))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Everything that can be held of this platform."""
        return (ACCESS_TOKEN, *self.tickets)

    def fault(self, code: int) -> Fault:
        """What an error number means here."""
        return self.faults.get(code, Fault(Severity.TRANSIENT))
