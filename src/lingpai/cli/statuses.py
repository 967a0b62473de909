"""Show stored tokens, tickets and budgets, for `token list`, `account show` and `doctor`."""

from typing import Any

from rich.table import Table
from rich.text import Text

from lingpai.cli.output import STYLES, table
from lingpai.messages.spans import span
from lingpai.messages.translating import tr

NEARLY_SPENT = 0.8


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
