"""`lingpai token`: the stored tokens, with the same leases and budgets as the service's workers."""

import contextlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.account_names import NO_LABEL, Name, account_key, find_account
from lingpai.cli.listing import read_all
from lingpai.cli.running import Data, Json, server, with_operating
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr, tr_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from lingpai.core.errors import LingpaiError
    from lingpai.operating.port import Operating

app = typer.Typer(name="token", help="Cached tokens and tickets: list, renew, report.", no_args_is_help=True)

KIND = "tokens"
ON_HOST = "lingpai token get"
"""The reason that the audit trail keeps when an operator on the host gives none."""
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

    async def read(port: "Operating") -> dict[str, Any]:
        return {"tokens": await read_all(port, KIND), "budgets": await read_all(port, "budgets")}

    found = with_operating(data, read)

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
    reason: Annotated[
        str,
        typer.Option(
            help="Why the value is wanted; the audit trail keeps it. With --server it must be given.",
            show_default=False,
        ),
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Get a valid token or ticket: the cached one, or a newly fetched one."""
    from lingpai.cli.output import emit, fields, say
    from lingpai.messages.spans import span

    async def read(port: "Operating") -> dict[str, Any]:
        from lingpai.core.errors import LingpaiError

        account = await find_account(port, name)
        try:
            with _unknown_kind_as_usage():
                return await port.act(
                    KIND, (*account_key(account), kind), "reveal", {"reason": reason or ON_HOST}
                )
        except LingpaiError as error:
            raise Problem(_why(account["platform"], error)) from error

    if server() and not reason.strip():
        raise typer.BadParameter(tr("Say with --reason why the value is wanted; the audit trail keeps it."))
    hidden = sys.stdout.isatty() and not show
    if value and hidden:
        raise typer.BadParameter(tr("In a terminal the value is not printed; add --show."))
    held = with_operating(data, read)
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

    async def verify(port: "Operating") -> str:
        return str((await port.act(KIND, (), "report", {"token": value}))["outcome"])

    outcome = with_operating(data, verify)
    emit({"outcome": outcome}, as_json, done(tr(REPORT_WORDS[outcome])))
    if outcome in ("unknown", "unverified"):
        raise typer.Exit(1)


@app.command("clear")
def clear(name: Name, *, kind: Kind = TOKEN, data: Data = None, as_json: Json = False) -> None:
    """Drop the cached token: the next request fetches a new one. The old one is kept until that succeeds."""
    from lingpai.cli.output import done, emit

    async def drop(port: "Operating") -> dict[str, Any]:
        account = await find_account(port, name)
        with _unknown_kind_as_usage():
            return await port.act(KIND, (*account_key(account), kind), "clear", {})

    cleared = with_operating(data, drop)
    emit(cleared, as_json, done(tr(CLEAR_WORDS[cleared["outcome"]])))
    if cleared["outcome"] == "spent":
        raise typer.Exit(1)


@app.command("unblock")
def unblock(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Close the circuit breaker of an account after the fault was fixed: the next request fetches at once.

    Accounts that are not configured can be named too, as platform/account.
    """
    from lingpai.cli.output import done, emit

    async def close(port: "Operating") -> list[str]:
        platform, _, rest = name.partition("/")
        found: list[str] = []
        if rest:  # also one that is not configured
            found = (await port.act("accounts", (platform, rest, NO_LABEL), "unblock", {}))["unblocked"]
        if not found:
            account = await find_account(port, name)
            found = (await port.act("accounts", account_key(account), "unblock", {}))["unblocked"]
        return found

    kinds = with_operating(data, close)
    text = (
        tr("Circuit breaker closed: {kinds}.", kinds=", ".join(kinds))
        if kinds
        else tr("No circuit breaker was open.")
    )
    emit({"account": name, "unblocked": kinds}, as_json, done(text))


@contextlib.contextmanager
def _unknown_kind_as_usage() -> "Iterator[None]":
    """Say that an account has no such token as a usage error.

    Raises:
        typer.BadParameter: instead of that error.
    """
    from lingpai.core.errors import Kind as ErrorKind
    from lingpai.core.errors import LingpaiError

    try:
        yield
    except LingpaiError as error:
        if (error.kind, error.parameter) != (ErrorKind.NOT_FOUND, "kind"):
            raise
        raise typer.BadParameter(tr_reason(error.reason)) from error


def _why(platform: str, error: "LingpaiError") -> str:
    from lingpai.core.errors import Kind as ErrorKind
    from lingpai.messages.problems import explain
    from lingpai.operating.remedies import remedy

    text = explain(error) or error.reason
    upstream = error.kind in (
        ErrorKind.UPSTREAM_REFUSED,
        ErrorKind.UPSTREAM_UNAVAILABLE,
        ErrorKind.BUDGET_SPENT,
    )
    advice = remedy(platform, error.code, error.reason) if upstream else None
    return f"{text} {advice}" if advice else text
