"""Show stored tokens, tickets and budgets, for `token list`, `account show` and `doctor`."""

from typing import Any

from rich.table import Table
from rich.text import Text

from lingpai.cli.messages import tr
from lingpai.cli.output import STYLES, span, table
from lingpai.cli.remedies import remedy
from lingpai.core.clock import End
from lingpai.core.moments import moment
from lingpai.core.records import BudgetUse, CredentialStatus
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.status import name_of

NEARLY_SPENT = 0.8


def status_document(keeper: Keeper, status: CredentialStatus) -> dict[str, Any]:
    """Return a status as a JSON document: ages and remaining times in seconds, never a value."""
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
            "remedy": remedy(status.platform, trouble.code, trouble.message),
        },
    }


def _remaining(keeper: Keeper, end: End | None) -> float | None:
    return None if end is None else round(end.remaining(keeper.clock), 1)


def status_table(documents: list[dict[str, Any]]) -> Table:
    """Return a table of statuses."""
    columns = ("Account", "Kind", "Version", "Age", "Remaining", "State")
    return table(
        "Tokens and tickets",
        columns,
        [
            (
                each["account"] if each["configured"] else f"{each['account']} ({tr('not configured')})",
                each["kind"],
                str(each["version"]),
                span(each["age"]),
                span(each["remaining"]),
                describe_state(each),
            )
            for each in documents
        ],
    )


def describe_state(document: dict[str, Any]) -> Text:
    """Return the state of a stored token and its renewal as text."""
    trouble = document["trouble"]
    if trouble is not None:
        code = "" if trouble["code"] is None else f"{trouble['code']} "
        word = tr("circuit breaker open") if trouble["breaker_open"] else tr("failing")
        retry = tr("next attempt in {span}", span=span(trouble["retry_in"]))
        style = STYLES["fail" if trouble["breaker_open"] else "warn"]
        return Text(f"{word}: {code}{trouble['message']} ({retry})", style=style)
    if document["suspect"]:
        return Text(tr("cleared: the next request fetches a new one"), style=STYLES["warn"])
    if document["live"]:
        return Text(tr("live"), style=STYLES["ok"])
    return Text(tr("not fetched yet") if document["version"] == 0 else tr("expired"), style=STYLES["skip"])


def budget_document(use: BudgetUse, subjects: dict[str, str]) -> dict[str, Any]:
    """Use of a budget as a JSON document; `subjects` gives the account's name for a budget's subject."""
    return {
        "account": subjects.get(use.subject, use.subject),
        "budget": use.name,
        "used": use.used,
        "limit": use.limit,
        "period": int(float(use.window.partition(":")[0])),
    }


def budget_table(documents: list[dict[str, Any]]) -> Table:
    """Return a table of budgets."""
    return table(
        "Budgets",
        ("Account", "Budget", "Used", "Of", "Period"),
        [
            (
                each["account"],
                each["budget"],
                Text(
                    str(each["used"]),
                    style=STYLES["warn" if each["used"] >= each["limit"] * NEARLY_SPENT > 1 else "ok"],
                ),
                str(each["limit"]),
                span(each["period"]),
            )
            for each in documents
        ],
    )
