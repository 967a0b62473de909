"""The state of the keeper.

Readiness of the node, health of the accounts, and gauges for Prometheus. Never a value, only its ages.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.hooks import ACTIVE
from lingpai.core.keyring import KeyRingError
from lingpai.core.records import BudgetUse, CredentialStatus
from lingpai.keeper.counters import publish_hits
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.proofs import UNPROVEN

Samples = Iterable[tuple[Sequence[str], float]]


class Reason(msgspec.Struct, omit_defaults=True):
    """One thing that is wrong.

    Attributes:
        what: "store", "key ring", or an account's name.
        problem: the platform's words or ours.
        code: the platform's error number, where it answered one.
        expires_in: remaining seconds of the stored value, where there is one.
    """

    what: str
    problem: str
    code: int | None = None
    expires_in: int | None = None


class Readiness(msgspec.Struct):
    """The readiness of this node; accounts in trouble do not count, as every other node has them too."""

    ready: bool
    reasons: list[Reason]


class AccountsHealth(msgspec.Struct):
    """The health of the configured accounts; `accounts` counts those that have a token of their own."""

    healthy: bool
    accounts: int
    reasons: list[Reason]


async def readiness(keeper: Keeper, *, detailed: bool = True, say: Callable[[str], str] = str) -> Readiness:
    """Return whether the store of this node answers, reads and writes, and its key ring decrypts what others write.

    Args:
        keeper: the keeper.
        detailed: whether the reason has the engine's own words, which may name hosts and files.
        say: puts a reason into the caller's language.
    """
    try:
        await keeper.store.ping()
        newest = await keeper.store.newest_seal()
    except LingpaiError as error:
        detail = f" ({error.detail})" if detailed and error.detail else ""
        return Readiness(ready=False, reasons=[Reason("store", say(error.reason) + detail)])
    if newest is None or newest <= keeper.ring.newest.id:
        return Readiness(ready=True, reasons=[])
    try:
        has_key, detail = keeper.ring.find(newest) is not None, ""
    except KeyRingError as error:
        has_key, detail = False, f" ({error})" if detailed else ""
    problem = say(
        "The key ring of this node is not that of the node where the key was rotated; copy that ring here."
    )
    return Readiness(ready=has_key, reasons=[] if has_key else [Reason("key ring", problem + detail)])


async def accounts_health(
    keeper: Keeper, concerns: Callable[[str], bool], say: Callable[[str], str] = str
) -> AccountsHealth:
    """Return which accounts lack a live access token, and which values only a human can have renewed again.

    Args:
        keeper: the keeper.
        concerns: whether the account of this name (`platform/account[/label]`) is looked at.
        say: puts a reason into the caller's language.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    accounts = {each.name: each for each in await keeper.store.list_accounts() if concerns(each.name)}
    tokenless = {
        name
        for name, each in accounts.items()
        if each.platform in keeper.platforms and each.mode in keeper.platforms[each.platform].tokenless
    }
    statuses = [
        each
        for each in await keeper.store.list_statuses()
        if each.label is not None and (name := name_of(each)) in accounts
        if name not in tokenless or each.kind != ACCESS_TOKEN
    ]
    reasons = [reason for each in statuses if (reason := _problem(keeper, each, say)) is not None]
    return AccountsHealth(not reasons, len(accounts.keys() - tokenless), reasons)


def _problem(keeper: Keeper, status: CredentialStatus, say: Callable[[str], str]) -> Reason | None:
    left = 0 if status.end is None else max(0, int(status.end.remaining(keeper.clock)))
    trouble, kind = status.trouble, status.kind
    if trouble is not None and (trouble.permanent or (not left and kind == ACCESS_TOKEN)):
        what = name_of(status) if kind == ACCESS_TOKEN else f"{name_of(status)} {kind}"
        return Reason(what, say(trouble.message), trouble.code, left or None)
    if left or kind != ACCESS_TOKEN:  # tickets and the like are fetched when somebody needs them
        return None
    problem = "no token has been fetched yet" if status.end is None else "the token has expired"
    return Reason(name_of(status), say(problem))


def name_of(status: CredentialStatus) -> str:
    """Return how operators name the account of a status: `platform/account[/label]`."""
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
    """Return the gauges of this keeper; label values are names, never tokens."""

    async def remaining() -> Samples:
        publish_hits()  # of this process, which is being scraped
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

    async def hooks_aside() -> Samples:
        return [((each.name,), float(each.state != ACTIVE)) for each in await keeper.store.list_hooks()]

    async def copies_waiting() -> Samples:
        waiting = await keeper.store.waiting_copies()
        return [
            ((each.name,), float(waiting[each.name].count if each.name in waiting else 0))
            for each in await keeper.store.list_environments()
        ]

    account = ("platform", "account", "label", "kind")
    budget = ("subject", "budget")
    return (
        GaugeOf(
            "lingpai_held_remaining_seconds", "Remaining lifetime of a token or ticket.", account, remaining
        ),
        GaugeOf("lingpai_held_age_seconds", "Age of a token or ticket.", account, age),
        GaugeOf(
            "lingpai_breaker_open",
            "1 while the circuit breaker is open: a human has to act.",
            account,
            breaker,
        ),
        GaugeOf("lingpai_renewal_failures", "Failures in a row of a renewal.", account, failures),
        GaugeOf("lingpai_budget_used", "Upstream calls of the current window.", budget, budget_used),
        GaugeOf("lingpai_budget_limit", "Upstream calls a window allows.", budget, budget_limit),
        GaugeOf(
            "lingpai_relay_waiting",
            "Copies of messages that an environment has not received yet.",
            ("environment",),
            copies_waiting,
        ),
        GaugeOf(
            "lingpai_hook_aside",
            "1 while a webhook gets nothing, until it is replayed.",
            ("hook",),
            hooks_aside,
        ),
    )
