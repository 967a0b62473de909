"""`lingpai account`: our apps at the upstream platforms."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.declared_help import DeclaredCommand
from lingpai.cli.field_options import FieldOption, with_fields
from lingpai.cli.flaws import demand_none
from lingpai.cli.messages import speaks_chinese, tr
from lingpai.cli.problems import OVERTAKEN, Problem
from lingpai.cli.running import Data, Json, Name, find_account, with_keeper

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.cli.diagnosis.finding import Finding
    from lingpai.core.flaws import Flaw
    from lingpai.core.records import Account, CredentialStatus
    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="account",
    help="Accounts at the upstream platforms: their ids and secrets.",
    no_args_is_help=True,
)

OPTIONS = {
    "mode": FieldOption("How its token is fetched, where there are several ways: {modes}."),
    "domains": FieldOption(
        "Host whose pages may be signed; repeat for more; default: any.", flag="--domain", many=True
    ),
    "origins": FieldOption(
        "Origin whose pages may have themselves signed without a key (CORS), such as https://www.example.com; repeat "
        'for more; "" for none.',
        flag="--origin",
        many=True,
    ),
    "callback_token": FieldOption(
        "Of a third-party platform: the token that signs what the platform pushes.", flag="--callback-token"
    ),
    "encoding_key": FieldOption(
        "Of a third-party platform: the EncodingAESKey, 43 characters.", flag="--encoding-key"
    ),
    "former_encoding_key": FieldOption(
        'The EncodingAESKey before, while pushes still come with it; "" for none.',
        flag="--former-encoding-key",
    ),
    "corpid": FieldOption("Of a third-party platform of WeCom: the corpid of the provider."),
    "next_urls": FieldOption(
        'Address to which merchants may be led when they have authorised; repeat for more; "" for none.',
        flag="--next",
        many=True,
    ),
    "hand_out": FieldOption(
        "What caller keys get that do not say it themselves: token (default) or phantom, a token that is good only for "
        "calls forwarded by Lingpai."
    ),
}


@app.command("add", cls=DeclaredCommand)
@with_fields(OPTIONS)
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
    given: dict[str, Any],
    any_domain: Annotated[
        bool,
        typer.Option("--any-domain", help="Allow signing for pages of any host again.", show_default=False),
    ] = False,
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
    from lingpai.cli.output import done, emit
    from lingpai.cli.secret_input import read_secret
    from lingpai.core.records import Account
    from lingpai.keeper.accounts import (
        FIELDS,
        account_flaws,
        fingerprint,
        known_account,
        secret_flaws,
    )

    if given.get("domains") and any_domain:
        raise typer.BadParameter(tr("Use either --domain or --any-domain."))
    if any_domain:
        given["domains"] = ()
    for many in ("origins", "next_urls"):
        if many in given:
            given[many] = tuple(filter(None, given[many]))
    bare = Account(platform=platform, account=account, label=label, secret="")

    def complete(known: "Account | None", secret: str) -> "Account":
        import msgspec

        own = {"secret": secret, "source": bare.source, "via": None}  # also of what was a merchant's
        return msgspec.structs.replace(known or bare, **given, **own)

    async def check(keeper: "Keeper") -> "list[Flaw]":
        return account_flaws(keeper.platforms, complete(await known_account(keeper, bare), ""))

    demand_none(with_keeper(data, check, create=True))  # before anybody types a secret
    typed = read_secret(secret, from_stdin=secret_stdin)
    demand_none(secret_flaws(typed))

    async def save(keeper: "Keeper") -> dict[str, Any]:
        from lingpai.keeper.administration import save_account

        known = await known_account(keeper, bare)
        wanted = complete(known, typed)
        if not await save_account(keeper, known, wanted):
            raise Problem(tr(OVERTAKEN))
        return {
            "account": wanted.name,
            "outcome": "added" if known is None else "replaced",
            "changed": [] if known is None else FIELDS.changed(known, wanted),
            **FIELDS.shown(wanted),
            "secret_fingerprint": fingerprint(keeper, wanted),
        }

    result = with_keeper(data, save)
    emit(result, as_json, done(_summary(result)))


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the accounts, without their secrets."""
    from lingpai.cli.output import emit, table
    from lingpai.keeper.accounts import account_document

    async def read(keeper: "Keeper") -> list[dict[str, Any]]:
        return [account_document(keeper, each) for each in await keeper.store.list_accounts()]

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
    from lingpai.cli.statuses import status_table
    from lingpai.keeper.accounts import account_document
    from lingpai.operating.statuses import status_document

    async def read(keeper: "Keeper") -> tuple[dict[str, Any], list[dict[str, Any]]]:
        account = await find_account(keeper, name)
        statuses = [each for each in await keeper.store.list_statuses() if _belongs(each, account)]
        return account_document(keeper, account), [
            status_document(keeper, each, chinese=speaks_chinese()) for each in statuses
        ]

    account, held = with_keeper(data, read)
    pairs = (
        ("Name", account["account"]),
        ("Mode", account["mode"] or "–"),
        ("Domains", ", ".join(account["domains"]) or tr("any")),
        ("Origins", ", ".join(account["origins"]) or "–"),
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
        from lingpai.keeper.administration import remove_account

        return await remove_account(keeper, found)

    with_keeper(data, drop)
    emit({"account": found.name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=found.name)))


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


def _belongs(status: "CredentialStatus", account: "Account") -> bool:
    return (status.platform, status.account, status.label) == (
        account.platform,
        account.account,
        account.label,
    )
