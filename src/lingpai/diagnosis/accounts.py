"""Check that every configured account has a valid token."""

import asyncio
from collections.abc import Callable, Sequence

from lingpai.core.errors import LingpaiError
from lingpai.core.records import Account, Trouble
from lingpai.keeper.app import App
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platform_client import call_probe
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.remedies import named_address
from lingpai.keeper.upstream import Refusal, Unreachable
from lingpai.messages.problems import explain
from lingpai.messages.spans import span
from lingpai.messages.translating import tr, tr_reason
from lingpai.operating.findings import Finding
from lingpai.operating.remedies import remedy

AT_ONCE = 16


async def check_accounts(
    keeper: Keeper, accounts: Sequence[Account], advance: Callable[[int], None]
) -> list[Finding]:
    """Get a token of every account, as a caller would, and report failures.

    Args:
        keeper: the keeper. A stored token costs no call to the platform; others are fetched within the budgets.
        accounts: the configured accounts.
        advance: called with 1 after each.
    """
    if not accounts:
        remedy = tr("Add one with `lingpai account add`.")
        return [Finding("account", "", "warn", tr("No account is configured."), remedy)]
    places, seen = asyncio.Semaphore(AT_ONCE), Seen()

    async def check(account: Account) -> Finding:
        async with places:
            finding = await _check(keeper, account, seen)
            advance(1)
            return finding

    found = await asyncio.gather(*(check(each) for each in accounts))
    return [*found, *seen.findings()]


class Seen:
    """The addresses that platforms saw this machine call from, as their refusals name them."""

    def __init__(self) -> None:
        self._addresses: set[tuple[str, str]] = set()

    def look(self, platform: str, code: int | None, message: str) -> None:
        """Note the address in a refusal about addresses."""
        address = named_address(platform, code, message)
        if address:
            self._addresses.add((platform, address))

    def findings(self) -> list[Finding]:
        """Return a finding for each."""
        text = "It sees calls of this machine come from {address}."
        return [
            Finding("address", platform, "warn", tr(text, address=address))
            for platform, address in sorted(self._addresses)
        ]


async def _check(keeper: Keeper, account: Account, seen: Seen) -> Finding:
    if account.platform not in keeper.platforms:
        message = tr("This release does not support the platform {name}.", name=account.platform)
        return Finding("account", account.name, "fail", message, tr("Remove it: `lingpai account remove`."))
    app = keeper.app_of(account, "doctor")
    if app.tokenless:
        return Finding(
            "account", account.name, "ok", tr("It has no token of its own, only tokens of its terminals.")
        )
    try:
        token = current_of(await keeper.credentials.get_or_fetch(app, ACCESS_TOKEN))
    except LingpaiError as error:
        seen.look(account.platform, error.code, error.reason)
        message = explain(error) or error.reason
        return Finding(
            "account", account.name, "fail", message, remedy(account.platform, error.code, error.reason)
        )
    rest = token.end.remaining(keeper.clock)
    worst = await _worst_trouble(keeper, app)
    refusal = await _refused_call(keeper, app, token.value) if worst is None else None
    if refusal is not None:
        seen.look(account.platform, refusal.code, refusal.message)
        message = tr(
            "Token valid for another {span}, but the platform refuses calls with it: {problem}",
            span=span(rest),
            problem=str(refusal),
        )
        advice = remedy(account.platform, refusal.code, refusal.message)
        return Finding("account", account.name, "fail", message, advice)
    if worst is None:
        return Finding("account", account.name, "ok", tr("Token valid for another {span}.", span=span(rest)))
    kind, trouble = worst
    seen.look(account.platform, trouble.code, trouble.message)
    code = "" if trouble.code is None else f"{trouble.code} "
    message = tr(
        "Token valid for another {span}, but renewing the {kind} keeps failing (attempts: "
        "{count}): {problem}",
        span=span(rest),
        kind=kind,
        count=trouble.count,
        problem=f"{code}{tr_reason(trouble.message)}",
    )
    advice = remedy(account.platform, trouble.code, trouble.message)
    return Finding("account", account.name, "fail" if trouble.permanent else "warn", message, advice)


async def _refused_call(keeper: Keeper, app: App, token: str) -> Refusal | None:
    """Return how a platform that checks the address of every call refuses one, or None when it does not."""
    probe = app.platform.probe
    if not app.platform.checks_address or probe is None:
        return None
    try:
        await call_probe(keeper, app, probe, token)
    except Refusal as refusal:
        return refusal
    except Unreachable:  # which is a finding of its own
        return None
    return None


async def _worst_trouble(keeper: Keeper, app: App) -> tuple[str, Trouble] | None:
    found = [
        (kind, credential.trouble)
        for kind in app.platform.kinds
        if (credential := await keeper.store.read_credential(app.key(kind))) is not None
        and credential.trouble is not None
    ]
    return max(found, key=lambda each: each[1].permanent, default=None)
