"""An upstream platform as data.

A platform is described, not programmed: its calls, what a repeated call does to the token before, its limits,
and what each of its error numbers means for us. The same number means different things on different
platforms, so nothing here is global.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from lingpai.keeper.platforms.calls import (
    ACCESS_TOKEN,
    CALLER,
    DEAD_TOKEN,
    PERMANENT,
    TRANSIENT,
    UNTIL_MIDNIGHT,
    ExchangeCall,
    Fault,
    Headers,
    Limit,
    LoginStep,
    Period,
    ProbeCall,
    RefreshCall,
    Renewed,
    Repeat,
    Request,
    Severity,
    TicketCall,
    TokenCall,
)
from lingpai.keeper.platforms.forms import ERRCODE, JSAPI, Body, Envelope, Published, SignRecipe
from lingpai.keeper.platforms.forwarding import Forwarding
from lingpai.keeper.platforms.third_party import MERCHANT, MerchantCall, ThirdParty
from lingpai.keeper.platforms.way_out import ANY_WAY, WayOut

__all__ = [
    "ACCESS_TOKEN",
    "CALLER",
    "DEAD_TOKEN",
    "PERMANENT",
    "TERMINAL",
    "TRANSIENT",
    "UNTIL_MIDNIGHT",
    "ExchangeCall",
    "Fault",
    "Headers",
    "Limit",
    "LoginStep",
    "Period",
    "Platform",
    "ProbeCall",
    "RefreshCall",
    "Renewed",
    "Repeat",
    "Request",
    "Severity",
    "TicketCall",
    "TokenCall",
    "kind_label",
    "refresh_kind_of",
]
"""The names that a platform's file needs."""

TERMINAL = "terminal:"
"""Before a terminal's number: the kind of that terminal's token."""

_REFRESH = "/refresh"
_TERMINAL = re.compile(rf"{TERMINAL}[A-Za-z0-9_-]{{1,64}}")


def refresh_kind_of(kind: str) -> str:
    """Return the kind of the refresh token that renews a value of `kind`; callers cannot ask for it."""
    return kind + _REFRESH


def kind_label(kind: str) -> str:
    """Return a kind as metrics name it: without the number of a terminal, as there are many."""
    return kind.partition(":")[0]


class LoginPage(NamedTuple):
    """Where users log in in their browsers.

    Attributes:
        base_url: of the pages, which are elsewhere than the API.
        path: of the page.
        paths: of other pages, by scope.
        account: name of the parameter with the account's id.
        scope: the one that asks for least.
    """

    base_url: str
    path: str
    paths: Mapping[str, str]
    account: str = "appid"
    scope: str = "snsapi_base"


@dataclasses.dataclass(frozen=True, slots=True)
class Platform:
    """One upstream platform.

    Attributes:
        name: as in accounts' names and routes.
        base_url: where it is; overridable, since private deployments and the sandbox are elsewhere. "" when
            the operator has not said so yet.
        modes: ways to fetch the token, by name; the first is the default.
        tickets: kinds of tickets.
        exchanges: kinds of code exchange.
        sign_kinds: for each way of signing a page, the ticket it needs.
        probe: see `ProbeCall`; None where there is no such call, and nothing can be verified.
        faults: meaning of its error numbers; an unknown number is the caller's when the call had a code,
            else transient.
        one_secret: whether an account has only one secret, so that any other is wrong without asking.
        envelope: see `Envelope`.
        body: see `Body`.
        stamp: makes what every call carries besides, from account, secret and unix time.
        recipe: see `SignRecipe`.
        terminals: how tokens of terminals are renewed, where accounts have such.
        tokenless: modes in which an account has no token of its own, only its terminals'.
        backoff_cap: longest wait between attempts in seconds, where the operator's would use up a narrow budget.
        published: kinds that are published to Redis, where an operator wants that.
        forwarding: how calls of its API are forwarded, or None when they are not.
        account_form: regular expression of accounts' ids. What else comes in the place of an id may be a misplaced
            secret, and is not logged; "" when nothing is to be logged of apps that are not configured.
        addresses: further addresses by name, where calls or paths of it are elsewhere; "" is `base_url`.
        tokens: further kinds of tokens that are fetched with the secret.
        way_out: how it is reached; an operator's settings.
        third_party: how merchants authorise an account of it, and how that acts for theirs; None for most.
        merchant: how the token of an account is got that a third-party platform acts for, where there are such.
        checks_address: whether it checks the caller's address on every call, so that only a call with a token shows
            whether this machine may call it; else on token calls at most.
        login: where its users log in in browsers, where that can be relayed (`keeper.relay`); else None.
    """

    name: str
    base_url: str
    modes: Mapping[str, TokenCall]
    tickets: Mapping[str, TicketCall]
    exchanges: Mapping[str, ExchangeCall]
    sign_kinds: Mapping[str, str]
    probe: ProbeCall | None
    faults: Mapping[int, Fault]
    one_secret: bool
    envelope: Envelope = ERRCODE
    body: Body = Body.JSON
    stamp: Callable[[str, str, int], Request] | None = None
    recipe: SignRecipe = JSAPI
    terminals: RefreshCall | None = None
    tokenless: frozenset[str] = frozenset()
    backoff_cap: float | None = None
    published: Mapping[str, Published] = dataclasses.field(default_factory=dict)
    forwarding: Forwarding | None = None
    account_form: str = ""
    addresses: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tokens: Mapping[str, TokenCall] = dataclasses.field(default_factory=dict)
    way_out: WayOut = ANY_WAY
    checks_address: bool = False
    third_party: ThirdParty | None = None
    merchant: MerchantCall | None = None
    login: LoginPage | None = None

    def mode(self, name: str) -> TokenCall:
        """Return the mode of this name, or the default one for ""."""
        return self.modes[name] if name else next(iter(self.modes.values()))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds that every account of this platform has."""
        return (ACCESS_TOKEN, *self.tokens, *self.tickets)

    @property
    def known_kinds(self) -> tuple[str, ...]:
        """Return every kind of this platform, for people."""
        return (*self.kinds, f"{TERMINAL}<number>") if self.terminals is not None else self.kinds

    @property
    def paths(self) -> frozenset[str]:
        """Return the path of every call."""
        calls = (
            *self.modes.values(),
            *self.tokens.values(),
            *self.tickets.values(),
            *self.exchanges.values(),
            self.probe,
            self.terminals,
            self.merchant,
            *(step for call in (*self.modes.values(), *self.tokens.values()) for step in call.steps),
        )
        return frozenset(each.path for each in calls if each is not None)

    @property
    def pushed(self) -> str:
        """Return the kind of the ticket that it pushes, or ""."""
        return "" if self.third_party is None else self.third_party.ticket.kind

    def is_account(self, text: str) -> bool:
        """Return whether a text is an account's id by its form."""
        return bool(self.account_form) and re.fullmatch(self.account_form, text) is not None

    def takes(self, kind: str) -> bool:
        """Return whether callers may ask for this kind."""
        return kind in self.kinds or (self.terminals is not None and _TERMINAL.fullmatch(kind) is not None)

    def renewed(self, kind: str, mode: str) -> Renewed:
        """Return when values of this kind are renewed."""
        if kind == ACCESS_TOKEN and mode == MERCHANT and self.merchant is not None:
            return self.merchant
        if kind == ACCESS_TOKEN:
            return self.mode(mode)
        return self.tokens.get(kind) or self.tickets.get(kind) or self.refresh(kind, mode) or Renewed()

    def address(self, at: str) -> str:
        """Return the address of this name; `base_url` for ""."""
        return self.addresses.get(at) or self.base_url

    def call_of(self, kind: str, mode: str) -> TokenCall:
        """Return the call that fetches a token of this kind with the secret."""
        return self.tokens.get(kind) or self.mode(mode)

    def refresh(self, kind: str, mode: str) -> RefreshCall | None:
        """Return how values of this kind are renewed with a refresh token, or None when they have none."""
        if kind == ACCESS_TOKEN:
            return None if mode == MERCHANT else self.mode(mode).refresh
        return self.terminals if kind.startswith(TERMINAL) else None

    def fault(self, code: int) -> Fault:
        """Return what an error number means here."""
        return self.faults.get(code, TRANSIENT)
