"""How the keeper is doing.

Readiness with reasons, and gauges for Prometheus. Never a value, only its ages.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.records import BudgetUse, CredentialStatus
from lingpai.keeper.access import UNPROVEN
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

Samples = Iterable[tuple[Sequence[str], float]]


class Reason(msgspec.Struct, omit_defaults=True):
    """Why the service is not ready: one account, or the store."""

    what: str
    problem: str
    code: int | None = None


class Readiness(msgspec.Struct):
    """Whether every promise can be kept now; `accounts` counts the configured ones."""

    ready: bool
    accounts: int
    reasons: list[Reason]


async def readiness(keeper: Keeper) -> Readiness:
    """Ready means.

    The store answers, and every configured account has a live access token, where it has one at all.
    """
    try:
        await keeper.store.ping()
        statuses = await keeper.store.list_statuses()
        accounts = await keeper.store.list_accounts()
    except LingpaiError as error:
        return Readiness(ready=False, accounts=0, reasons=[Reason("store", error.reason)])
    tokenless = {
        each.name
        for each in accounts
        if each.platform in keeper.platforms and each.mode in keeper.platforms[each.platform].tokenless
    }
    tokens = [
        each
        for each in statuses
        if each.label is not None and each.kind == ACCESS_TOKEN and name_of(each) not in tokenless
    ]
    reasons = [reason for each in tokens if (reason := _problem(keeper, each)) is not None]
    return Readiness(ready=not reasons, accounts=len(tokens), reasons=reasons)


def _problem(keeper: Keeper, status: CredentialStatus) -> Reason | None:
    if status.end is not None and status.end.remaining(keeper.clock) > 0:
        return None
    what = name_of(status)
    if status.trouble is not None:
        return Reason(what, status.trouble.message, status.trouble.code)
    return Reason(what, "no token has been fetched yet" if status.end is None else "the token has expired")


def name_of(status: CredentialStatus) -> str:
    """How operators name what a status is about: `platform/account[/label]`."""
    return "/".join(filter(None, (status.platform, status.account, status.label)))


class GaugeOf(NamedTuple):
    """A gauge that is computed at each scrape."""

    name: str
    help: str
    labels: tuple[str, ...]
    read: Callable[[], Awaitable[Samples]]


async def _of_statuses(keeper: Keeper, value: Callable[[CredentialStatus], float | None]) -> Samples:
    return [
        ((each.platform, each.account, each.label or "", each.kind), number)
        for each in await keeper.store.list_statuses()
        if each.label is not None or each.version > 0  # not each wrong secret that somebody tried
        if (number := value(each)) is not None
    ]


async def _of_budgets(keeper: Keeper, value: Callable[[BudgetUse], int]) -> Samples:
    return [
        ((use.subject, use.name), float(value(use)))
        for use in await keeper.store.list_budgets()
        if use.name != UNPROVEN  # counted for whatever names callers invent
    ]


def gauges(keeper: Keeper) -> tuple[GaugeOf, ...]:
    """What to show of this keeper; label values are names, never values that are held."""

    async def remaining() -> Samples:
        return await _of_statuses(
            keeper, lambda each: None if each.end is None else max(0.0, each.end.remaining(keeper.clock))
        )

    async def age() -> Samples:
        return await _of_statuses(
            keeper,
            lambda each: None if each.fetched_at is None else max(0.0, keeper.clock.now() - each.fetched_at),
        )

    async def breaker() -> Samples:
        return await _of_statuses(
            keeper, lambda each: float(each.trouble is not None and each.trouble.permanent)
        )

    async def failures() -> Samples:
        return await _of_statuses(
            keeper, lambda each: 0.0 if each.trouble is None else float(each.trouble.count)
        )

    async def budget_used() -> Samples:
        return await _of_budgets(keeper, lambda use: use.used)

    async def budget_limit() -> Samples:
        return await _of_budgets(keeper, lambda use: use.limit)

    account = ("platform", "account", "label", "kind")
    budget = ("subject", "budget")
    return (
        GaugeOf("lingpai_held_remaining_seconds", "Seconds until a held value ends.", account, remaining),
        GaugeOf("lingpai_held_age_seconds", "Seconds since a held value was fetched.", account, age),
        GaugeOf("lingpai_breaker_open", "1 while only a human can mend a renewal.", account, breaker),
        GaugeOf("lingpai_renewal_failures", "Failures in a row of a renewal.", account, failures),
        GaugeOf("lingpai_budget_used", "Upstream calls of the current window.", budget, budget_used),
        GaugeOf("lingpai_budget_limit", "Upstream calls a window allows.", budget, budget_limit),
    )
