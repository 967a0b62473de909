"""`lingpai status`: the keeper's tokens, their next renewal and the workers, without calls to platforms."""

from typing import TYPE_CHECKING, Any

from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from lingpai.operating.port import Operating


def status(*, data: Data = None, as_json: Json = False) -> None:
    """Show all cached tokens: remaining lifetime, next renewal, circuit breaker.

    Below the table: what is due for renewal now, which workers run on which nodes, and which of them renews tokens.

    It only reads the store: it calls no platform and changes nothing. `lingpai doctor` calls the platforms and says how
    to fix problems; `lingpai token list` also shows the budgets.
    """
    from lingpai.cli.output import emit

    async def read(port: "Operating") -> dict[str, Any]:
        return (await port.read("status", ())).document

    found = with_operating(data, read)
    emit(found, as_json, lambda console: _render(console, found))


def _render(console: "Console", found: dict[str, Any]) -> None:
    from lingpai.cli.output import say

    if not found["accounts"] and not found["tokens"]:
        say(console, tr("No account is configured yet, so there are no tokens."), "yellow")
        say(console, tr("Add one with `lingpai account add wechat APPID`; it asks for the secret."))
    else:
        console.print(_table(found["tokens"]))
        text = tr(
            "Accounts: {accounts}. Without a valid token or with a problem: {ill}. Renewals due now: {due}.",
            accounts=found["accounts"],
            ill=len(found["problems"]),
            due=len(found["due"]),
        )
        say(console, text, "green" if found["healthy"] else "bold red")
        for each in found["tokens"]:
            if each["trouble"] and each["trouble"]["remedy"]:
                say(console, f"{each['account']}: {each['trouble']['remedy']}")
        for each in found["due"]:
            say(console, tr("Due now: {account} {kind}.", account=each["account"], kind=each["kind"]), "dim")
    for text, style in _about_workers(found["workers"]):
        say(console, text, style)


def _table(documents: list[dict[str, Any]]) -> "Table":
    from lingpai.cli.output import table
    from lingpai.cli.statuses import describe_state
    from lingpai.messages.spans import span

    columns = ("Platform", "Account", "Kind", "Current", "Previous", "Next renewal", "State")
    rows = [
        (
            each["platform"],
            each["account"].partition("/")[2] + ("" if each["configured"] else f" ({tr('not configured')})"),
            each["kind"],
            span(each["remaining"]),
            span(each["previous_remaining"]),
            _next_renewal(each["renewed_in"]),
            describe_state(each),
        )
        for each in documents
    ]
    return table("Cached tokens and tickets, with their remaining lifetimes", columns, rows)


def _next_renewal(seconds: float | None) -> str:
    from lingpai.messages.spans import span

    if seconds is None:
        return tr("when asked for")
    return tr("in {span}", span=span(seconds)) if seconds > 0 else tr("now")


def _about_workers(workers: list[dict[str, Any]]) -> "Iterator[tuple[str, str]]":
    if workers:
        nodes = sorted({each["node"] for each in workers})
        text = tr("Workers: {count}; nodes: {nodes}.", count=len(workers), nodes=", ".join(nodes))
        yield text, "dim"
    for each in workers:
        if each["leads"]:
            name = f"{each['node']}:{each['process']}"
            yield tr("Renewals are led by worker {worker}.", worker=name), "dim"
            return
    text = tr("No worker renews tokens at the moment; start the service with `lingpai serve`.")
    yield text, "yellow"
