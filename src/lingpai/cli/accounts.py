"""`lingpai account`: our apps at the upstream platforms."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.declared_help import DeclaredCommand
from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.running import Data, Json, Name, find_account, with_keeper

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.cli.diagnosis.finding import Finding
    from lingpai.core.records import Account, CredentialStatus
    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="account",
    help="Accounts at the upstream platforms: their ids and secrets.",
    no_args_is_help=True,
)

FINGERPRINT_DIGITS = 8
CHANGEABLE = ("secret", "mode", "domains", "hand_out")


@app.command("add", cls=DeclaredCommand)
def add(
    *,
    platform: Annotated[str, typer.Argument(help="Name of the platform: {platforms}.", show_default=False)],
    account: Annotated[
        str,
        typer.Argument(help="Id of the app there: {account_words}.", show_default=False),
    ],
    label: Annotated[
        str,
        typer.Option(
            help="Distinguishes several secrets of one id; WeCom has one per app.", show_default=False
        ),
    ] = "",
    mode: Annotated[
        str | None,
        typer.Option(
            help="How its token is fetched, where there are several ways: {modes}.",
            show_default=False,
        ),
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(
            help="Host whose pages may be signed; repeat for more; default: any.", show_default=False
        ),
    ] = None,
    any_domain: Annotated[
        bool,
        typer.Option("--any-domain", help="Allow signing for pages of any host again.", show_default=False),
    ] = False,
    hand_out: Annotated[
        str | None,
        typer.Option(
            help="What caller keys get that do not say it themselves: token (default) or phantom, a token that is "
            "good only for calls forwarded by Lingpai.",
            show_default=False,
        ),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(help="The secret itself; --secret-stdin or the prompt is safer.", show_default=False),
    ] = None,
    secret_stdin: Annotated[
        bool, typer.Option("--secret-stdin", help="Read the secret from standard input.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add an account, or set another secret for an existing one. A running service fetches its token at once.

    Options that are not given stay unchanged.
    """
    from lingpai.cli.checking import account_problems, secret_problems
    from lingpai.cli.output import done, emit
    from lingpai.cli.secret_input import read_secret
    from lingpai.core.records import Account

    if domain and any_domain:
        raise typer.BadParameter(tr("Use either --domain or --any-domain."))
    named: dict[str, Any] = {} if mode is None else {"mode": mode}
    if domain or any_domain:
        named["domains"] = tuple(domain or ())
    if hand_out is not None:
        named["hand_out"] = hand_out
    bare = Account(platform=platform, account=account, label=label, secret="")

    def complete(known: "Account | None", secret: str) -> "Account":
        import msgspec

        return msgspec.structs.replace(known or bare, **named, secret=secret, source=bare.source)

    async def check(keeper: "Keeper") -> list[str]:
        return account_problems(keeper.platforms, complete(await _known(keeper, bare), ""))

    _demand(with_keeper(data, check, create=True))  # before anybody types a secret
    given = read_secret(secret, from_stdin=secret_stdin)
    _demand(secret_problems(given))

    async def save(keeper: "Keeper") -> dict[str, Any]:
        known = await _known(keeper, bare)
        wanted = complete(known, given)
        await keeper.store.save_account(wanted)
        changed = (
            []
            if known is None
            else [each for each in CHANGEABLE if getattr(known, each) != getattr(wanted, each)]
        )
        return {
            "account": wanted.name,
            "outcome": "added" if known is None else "replaced",
            "changed": changed,
            "mode": wanted.mode,
            "domains": wanted.domains,
            "hand_out": wanted.hand_out or "token",
            "secret_fingerprint": fingerprint(keeper, wanted),
        }

    result = with_keeper(data, save)
    emit(result, as_json, done(_summary(result)))


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the accounts, without their secrets."""
    from lingpai.cli.output import emit, table

    async def read(keeper: "Keeper") -> list[dict[str, Any]]:
        return [_document(keeper, each) for each in await keeper.store.list_accounts()]

    found = with_keeper(data, read)
    rows = [
        (each["account"], each["mode"] or "–", ", ".join(each["domains"]) or tr("any"), each["source"])
        for each in found
    ]
    emit(
        found,
        as_json,
        lambda console: console.print(table("Accounts", ("Name", "Mode", "Domains", "Source"), rows)),
    )


@app.command("show")
def show(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Show one account: a fingerprint of its secret, and the state of its tokens and tickets."""
    from lingpai.cli.output import emit, fields
    from lingpai.cli.statuses import status_document, status_table

    async def read(keeper: "Keeper") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        account = await find_account(keeper, name)
        statuses = [each for each in await keeper.store.list_statuses() if _belongs(each, account)]
        return _document(keeper, account), [status_document(keeper, each) for each in statuses]

    account, held = with_keeper(data, read)
    pairs = (
        ("Name", account["account"]),
        ("Mode", account["mode"] or "–"),
        ("Domains", ", ".join(account["domains"]) or tr("any")),
        ("Caller keys get", account["hand_out"]),
        ("Source", account["source"]),
        ("Fingerprint of the secret", account["secret_fingerprint"]),
    )
    emit({**account, "held": held}, as_json, lambda console: console.print(fields(pairs), status_table(held)))


@app.command("check")
def check(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Check one account as `doctor` does: get its token as a caller would, and say how to fix each problem.

    A cached token needs no call to the platform. Exit code 1 when there is no valid token.
    """
    from lingpai.cli.output import emit, say, state

    async def ask(keeper: "Keeper") -> "Finding":
        from lingpai.cli.diagnosis.accounts import check_accounts

        account = await find_account(keeper, name)
        return (await check_accounts(keeper, [account], lambda _done: None))[0]

    found = with_keeper(data, ask)

    def render(console: "Console") -> None:
        console.print(state(found.verdict))
        say(console, found.message)
        if found.remedy:
            say(console, f"→ {found.remedy}")

    emit(found, as_json, render)
    if found.verdict == "fail":
        raise typer.Exit(1)


@app.command("remove")
def remove(
    name: Name,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.", show_default=False)
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove an account with its secret, tokens and tickets."""
    import sys

    from lingpai.cli.output import done, emit

    async def find(keeper: "Keeper") -> "Account":
        return await find_account(keeper, name)

    found = with_keeper(data, find)
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter(tr("Not running in a terminal; pass --yes to confirm."))
        question = tr("Remove {name}, its secret and its tokens?", name=found.name)
        if not typer.confirm(question, err=True):
            raise Problem(tr("Nothing was changed."))

    async def drop(keeper: "Keeper") -> bool:
        return await keeper.store.remove_account(found.platform, found.account, found.label)

    with_keeper(data, drop)
    emit({"account": found.name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=found.name)))


async def _known(keeper: "Keeper", account: "Account") -> "Account | None":
    found = await keeper.store.find_accounts(account.platform, account.account)
    return next((each for each in found if each.label == account.label), None)


def _summary(result: dict[str, Any]) -> str:
    """Return a line about the change that `add` made and the app's state."""
    if result["outcome"] == "added":
        return tr("Added {name}.", name=result["account"])
    return tr(
        "Replaced {name}. Changed: {changed}. Mode: {mode}. Domains: {domains}.",
        name=result["account"],
        changed=", ".join(map(tr, result["changed"])) or "–",
        mode=result["mode"] or "–",
        domains=", ".join(result["domains"]) or tr("any"),
    )


def fingerprint(keeper: "Keeper", account: "Account") -> str:
    """Return a short keyed digest that distinguishes secrets; the secret cannot be guessed from it."""
    return keeper.digest_secret(account.secret).hex()[:FINGERPRINT_DIGITS]


def _document(keeper: "Keeper", account: "Account") -> dict[str, Any]:
    return {
        "account": account.name,
        "platform": account.platform,
        "id": account.account,
        "label": account.label,
        "mode": account.mode,
        "domains": account.domains,
        "hand_out": account.hand_out or "token",
        "source": account.source,
        "secret_fingerprint": fingerprint(keeper, account),
    }


def _belongs(status: "CredentialStatus", account: "Account") -> bool:
    return (status.platform, status.account, status.label) == (
        account.platform,
        account.account,
        account.label,
    )


def _demand(problems: list[str]) -> None:
    if problems:
        raise typer.BadParameter(" ".join(problems))
