"""`lingpai token`: the stored tokens, with the same leases and budgets as the service's workers."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.messages import speaks_chinese, tr
from lingpai.cli.problems import Problem
from lingpai.cli.running import Data, Json, Name, find_account, with_keeper

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.core.errors import LingpaiError
    from lingpai.keeper.app import App
    from lingpai.keeper.keeper import Keeper

app = typer.Typer(name="token", help="Cached tokens and tickets: list, renew, report.", no_args_is_help=True)

ASKER = "operator"
TOKEN = "access_token"  # noqa: S105  the name of a kind
Kind = Annotated[str, typer.Option(help="access_token, one of the platform's tickets, or terminal:NUMBER.")]

CLEAR_WORDS = {
    "cleared": "Cleared: the next request fetches a new token.",
    "empty": "No token was cached.",
    "cooling": "It was cleared a moment ago; nothing was done.",
    "spent": "The daily limit of clears is reached; nothing was done.",
}
REPORT_WORDS = {
    "old": "A newer token is already available.",
    "alive": "The platform still accepts the token; nothing was done.",
    "renewed": "The platform no longer accepts the token; it was renewed.",
    "unverified": "The token could not be verified with the platform; `lingpai doctor` says why.",
    "checked": "It was verified a moment ago; nothing was done.",
    "unknown": "This token was not issued through this service.",
}


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List cached tokens and tickets with age, failures and used budgets; never their values."""
    from lingpai.cli.output import emit, say
    from lingpai.cli.statuses import budget_table, status_table
    from lingpai.operating.statuses import budget_document, status_document

    async def read(keeper: "Keeper") -> dict[str, Any]:
        accounts = await keeper.store.list_accounts()
        subjects = {keeper.app_of(each).subject: each.name for each in accounts}
        return {
            "tokens": [
                status_document(keeper, each, chinese=speaks_chinese())
                for each in await keeper.store.list_statuses()
            ],
            "budgets": [budget_document(each, subjects) for each in await keeper.store.list_budgets()],
        }

    found = with_keeper(data, read)

    def render(console: "Console") -> None:
        console.print(status_table(found["tokens"]))
        if found["budgets"]:
            console.print(budget_table(found["budgets"]))
        for each in found["tokens"]:
            if each["trouble"] and each["trouble"]["remedy"]:
                say(console, f"{each['account']}: {each['trouble']['remedy']}")

    emit(found, as_json, render)


@app.command("get")
def get(
    name: Name,
    *,
    kind: Kind = TOKEN,
    show: Annotated[
        bool, typer.Option("--show", help="Print the value in a terminal too.", show_default=False)
    ] = False,
    value: Annotated[
        bool, typer.Option("--value", help="Print only the value, for scripts.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Get a valid token or ticket: the cached one, or a newly fetched one."""
    from lingpai.cli.output import emit, fields, say, span

    async def read(keeper: "Keeper") -> dict[str, Any]:
        from lingpai.core.errors import LingpaiError
        from lingpai.keeper.generations import current_of

        app = await _app(keeper, name, kind)
        try:
            credential = await keeper.credentials.get_or_fetch(app, kind)
        except LingpaiError as error:
            raise Problem(_why(app, error)) from error
        current = current_of(credential)
        keeper.audit.count(app.asker, app.name, "token")
        return {
            "account": name,
            "kind": kind,
            "value": current.value,
            "expires_in": int(current.end.remaining(keeper.clock)),
            "version": current.version,
        }

    hidden = sys.stdout.isatty() and not show
    if value and hidden:
        raise typer.BadParameter(tr("In a terminal the value is not printed; add --show."))
    held = with_keeper(data, read)
    if value:
        typer.echo(held["value"])
        return
    if hidden:
        del held["value"]
    pairs = (
        ("Account", held["account"]),
        ("Kind", held["kind"]),
        ("Version", str(held["version"])),
        ("Remaining", span(held["expires_in"])),
    )

    def render(console: "Console") -> None:
        console.print(fields(pairs))
        say(console, held.get("value", tr("The value is not shown; add --show, or read it through a pipe.")))

    emit(held, as_json, render)


@app.command("report")
def report(
    *,
    token: Annotated[
        str | None,
        typer.Argument(help="The token; default: read from standard input.", show_default=False),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Report a dead token: it is verified once with the platform, and renewed if it is dead."""
    from lingpai.cli.output import done, emit
    from lingpai.cli.secret_input import read_input

    if token is None:
        if sys.stdin.isatty():
            typer.echo(tr("Token, then Enter and Ctrl-D:"), err=True)
        token = read_input()
    value = token.strip()
    if not value:
        raise typer.BadParameter(tr("No token was given."))

    async def verify(keeper: "Keeper") -> str:
        from lingpai.keeper import reporting
        from lingpai.keeper.routes.token_holders import app_of_credential

        credential = await keeper.store.find_credential(value)
        if credential is None:
            return "unknown"
        app = await app_of_credential(keeper, credential, ASKER)
        return await reporting.report(keeper, app, credential, value)

    async def verify_and_note(keeper: "Keeper") -> str:
        from lingpai.core.audit import Change

        outcome = await verify(keeper)
        await keeper.note(Change("token.report", "", after={"outcome": outcome}))
        return outcome

    outcome = with_keeper(data, verify_and_note)
    emit({"outcome": outcome}, as_json, done(tr(REPORT_WORDS[outcome])))
    if outcome in ("unknown", "unverified"):
        raise typer.Exit(1)


@app.command("clear")
def clear(name: Name, *, kind: Kind = TOKEN, data: Data = None, as_json: Json = False) -> None:
    """Drop the cached token: the next request fetches a new one. The old one is kept until that succeeds."""
    from lingpai.cli.output import done, emit

    async def drop(keeper: "Keeper") -> str:
        from lingpai.core.audit import Change
        from lingpai.keeper import reporting

        app = await _app(keeper, name, kind)
        outcome = await reporting.clear(keeper, app, kind)
        await keeper.note(Change("token.clear", app.name, after={"kind": kind, "outcome": outcome}))
        return outcome

    outcome = with_keeper(data, drop)
    emit({"account": name, "kind": kind, "outcome": outcome}, as_json, done(tr(CLEAR_WORDS[outcome])))
    if outcome == "spent":
        raise typer.Exit(1)


@app.command("unblock")
def unblock(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Close the circuit breaker of an account after the fault was fixed: the next request fetches at once.

    Accounts that are not configured can be named too, as platform/account.
    """
    from lingpai.cli.output import done, emit

    async def close(keeper: "Keeper") -> list[str]:
        platform, _, account = name.partition("/")
        if account and (closed := await keeper.store.forget_troubles(platform, account)):
            return list(closed)
        app = await _app(keeper, name, TOKEN)
        statuses = await keeper.store.list_statuses()
        mine = [
            each.kind
            for each in statuses
            if (each.platform, each.account) == (app.platform.name, app.account)
        ]
        return [kind for kind in dict.fromkeys(mine) if await keeper.store.forget_trouble(app.key(kind))]

    async def close_and_note(keeper: "Keeper") -> list[str]:
        from lingpai.core.audit import Change

        kinds = await close(keeper)
        if kinds:
            await keeper.note(Change("token.unblock", name, after={"kinds": kinds}))
        return kinds

    kinds = with_keeper(data, close_and_note)
    text = (
        tr("Circuit breaker closed: {kinds}.", kinds=", ".join(kinds))
        if kinds
        else tr("No circuit breaker was open.")
    )
    emit({"account": name, "unblocked": kinds}, as_json, done(text))


async def _app(keeper: "Keeper", name: str, kind: str) -> "App":
    app = keeper.app_of(await find_account(keeper, name), ASKER)
    if not app.platform.takes(kind):
        known = ", ".join(app.platform.known_kinds)
        raise typer.BadParameter(
            tr("{name} has no {kind}; known kinds: {known}.", name=name, kind=kind, known=known)
        )
    return app


def _why(app: "App", error: "LingpaiError") -> str:
    from lingpai.cli.problems import explain
    from lingpai.cli.remedies import remedy
    from lingpai.core.errors import Kind as ErrorKind

    text = explain(error) or error.reason
    upstream = error.kind in (
        ErrorKind.UPSTREAM_REFUSED,
        ErrorKind.UPSTREAM_UNAVAILABLE,
        ErrorKind.BUDGET_SPENT,
    )
    advice = remedy(app.platform.name, error.code, error.reason) if upstream else None
    return f"{text} {advice}" if advice else text
