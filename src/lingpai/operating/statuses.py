"""Stored tokens and tickets, and budgets, as JSON documents; never a value."""

from typing import Any

from lingpai.core.clock import End
from lingpai.core.moments import moment
from lingpai.core.records import BudgetUse, CredentialStatus
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.remedies import remedy
from lingpai.keeper.status import name_of


def status_document(keeper: Keeper, status: CredentialStatus, *, chinese: bool = False) -> dict[str, Any]:
    """Return a status as a JSON document: ages and remaining times in seconds.

    Args:
        keeper: has the clock.
        status: of a token or ticket.
        chinese: whether the remedy is in Chinese.
    """
    remaining = _remaining(keeper, status.end)
    previous = _remaining(keeper, status.previous_end)
    trouble = status.trouble
    return {
        "account": name_of(status),
        "platform": status.platform,
        "configured": status.label is not None,
        "kind": status.kind,
        "version": status.version,
        "age": None if status.fetched_at is None else round(keeper.clock.now() - status.fetched_at, 1),
        "lifetime": status.lifetime,
        "remaining": remaining,
        "live": remaining is not None and remaining > 0,
        "previous_remaining": previous if previous is not None and previous > 0 else None,
        "renewed_in": _remaining(keeper, status.renew),
        "suspect": status.suspect,
        "trouble": trouble
        and {
            "breaker_open": trouble.permanent,
            "code": trouble.code,
            "message": trouble.message,
            "failures": trouble.count,
            "since": moment(trouble.since),
            "retry_in": max(0.0, round(trouble.retry.remaining(keeper.clock), 1)),
            "remedy": remedy(status.platform, trouble.code, trouble.message, chinese=chinese),
        },
    }


def _remaining(keeper: Keeper, end: End | None) -> float | None:
    return None if end is None else round(end.remaining(keeper.clock), 1)


def budget_document(use: BudgetUse, subjects: dict[str, str]) -> dict[str, Any]:
    """Return the use of a budget as a JSON document; `subjects` gives the account's name for a budget's subject."""
    return {
        "account": subjects.get(use.subject, use.subject),
        "budget": use.name,
        "used": use.used,
        "limit": use.limit,
        "period": int(float(use.window.partition(":")[0])),
    }


async def budget_documents(keeper: Keeper) -> list[dict[str, Any]]:
    """Return the use of every budget whose window is not over."""
    subjects = {keeper.app_of(each).subject: each.name for each in await keeper.store.list_accounts()}
    return [budget_document(each, subjects) for each in await keeper.store.list_budgets()]
