"""`lingpai status`: the keeper's tokens, their next renewal and the workers, without calls to platforms."""

from typing import TYPE_CHECKING, Any

from lingpai.cli.messages import speaks_chinese, tr
from lingpai.cli.running import Data, Json, with_keeper

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console
    from rich.table import Table

    from lingpai.core.records import Account
    from lingpai.keeper.keeper import Keeper

MOST_DUE = 1000
"""Most due renewals that are listed."""


def status(*, data: Data = None, as_json: Json = False) -> None:
    """Show all cached tokens: remaining lifetime, next renewal, circuit breaker.

    Below the table: what is due for renewal now, which workers run on which nodes, and which of them renews tokens.

    It only reads the store: it calls no platform and changes nothing. `lingpai doctor` calls the platforms and says how
    to fix problems; `lingpai token list` also shows the budgets.
    """
    from lingpai.cli.output import emit

    found = with_keeper(data, read_status)
    emit(found, as_json, lambda console: _render(console, found))


async def read_status(keeper: "Keeper") -> dict[str, Any]:
    """Return the document that `lingpai status` prints: ages and remaining times in seconds, never a value.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    import msgspec

    from lingpai.core.moments import moment
    from lingpai.keeper.presence import list_workers
    from lingpai.keeper.renewal import ROLE
    from lingpai.keeper.status import accounts_health
    from lingpai.operating.statuses import status_document

    accounts = await keeper.store.list_accounts()
    health = await accounts_health(keeper, lambda _name: True)
    workers = await list_workers(keeper, ROLE)
    return {
        "healthy": health.healthy,
        "at": moment(keeper.clock.now()),
        "accounts": len(accounts),
        "problems": [msgspec.to_builtins(each) for each in health.reasons],
        "tokens": [
            status_document(keeper, each, chinese=speaks_chinese())
            for each in await keeper.store.list_statuses()
        ],
        "due": await _due(keeper, accounts),
        "workers": [{"node": each.node, "process": each.process, "leads": each.leads} for each in workers],
    }


async def _due(keeper: "Keeper", accounts: "Sequence[Account]") -> list[dict[str, str]]:
    """Return the due renewals, longest due first."""
    from lingpai.keeper.platforms.platform import ACCESS_TOKEN

    known = [each for each in accounts if each.platform in keeper.platforms]
    names = {keeper.app_of(each).key(ACCESS_TOKEN)[:3]: each.name for each in known}
    return [
        {"account": names[key[:3]], "kind": key.kind}
        for key in await keeper.store.due_credentials(MOST_DUE)
        if key[:3] in names
    ]


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
    from lingpai.cli.output import span, table
    from lingpai.cli.statuses import describe_state

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
    from lingpai.cli.output import span

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
