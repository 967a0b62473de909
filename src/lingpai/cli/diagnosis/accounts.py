"""Check that every configured account has a valid token."""

import asyncio
from collections.abc import Callable, Sequence

from lingpai.cli.diagnosis.finding import Finding
from lingpai.cli.messages import tr, tr_reason
from lingpai.cli.output import span
from lingpai.cli.problems import explain
from lingpai.cli.remedies import remedy
from lingpai.core.errors import LingpaiError
from lingpai.core.records import Account, Trouble
from lingpai.keeper.app import App
from lingpai.keeper.generations import current_of
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import ACCESS_TOKEN

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
    places = asyncio.Semaphore(AT_ONCE)

    async def check(account: Account) -> Finding:
        async with places:
            finding = await _check(keeper, account)
            advance(1)
            return finding

    return await asyncio.gather(*(check(each) for each in accounts))


async def _check(keeper: Keeper, account: Account) -> Finding:
    if account.platform not in keeper.platforms:
        message = tr("This release does not support the platform {name}.", name=account.platform)
        return Finding("account", account.name, "fail", message, tr("Remove it: `lingpai account remove`."))
    app = keeper.app_of(account, "doctor")
    if app.tokenless:
        return Finding(
            "account", account.name, "ok", tr("It has no token of its own, only tokens of its terminals.")
        )
    try:
        rest = current_of(await keeper.credentials.get_or_fetch(app, ACCESS_TOKEN)).end.remaining(
            keeper.clock
        )
    except LingpaiError as error:
        message = explain(error) or error.reason
        return Finding(
            "account", account.name, "fail", message, remedy(account.platform, error.code, error.reason)
        )
    worst = await _worst_trouble(keeper, app)
    if worst is None:
        return Finding("account", account.name, "ok", tr("Token valid for another {span}.", span=span(rest)))
    kind, trouble = worst
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


async def _worst_trouble(keeper: Keeper, app: App) -> tuple[str, Trouble] | None:
    found = [
        (kind, credential.trouble)
        for kind in app.platform.kinds
        if (credential := await keeper.store.read_credential(app.key(kind))) is not None
        and credential.trouble is not None
    ]
    return max(found, key=lambda each: each[1].permanent, default=None)
