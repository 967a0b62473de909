"""`lingpai account`: our apps at the upstream platforms."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.account_names import KIND, NO_LABEL, Name, account_key, find_account
from lingpai.cli.declared_help import DeclaredCommand
from lingpai.cli.field_options import FieldOption, with_fields
from lingpai.cli.flaws import demand_none, telling
from lingpai.cli.listing import read_all
from lingpai.cli.realms import Yes, confirm, find
from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.problems import OVERTAKEN
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.operating.port import Operating, Saved

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
    from lingpai.core.flaws import FlawsError
    from lingpai.keeper.accounts import secret_flaws
    from lingpai.operating.port import ABSENT

    if given.get("domains") and any_domain:
        raise typer.BadParameter(tr("Use either --domain or --any-domain."))
    if any_domain:
        given["domains"] = ()
    for many in ("origins", "next_urls"):
        if many in given:
            given[many] = tuple(filter(None, given[many]))
    key = (platform, account, label or NO_LABEL)

    async def put(port: "Operating", document: dict[str, Any], *, dry_run: bool) -> "Saved":
        if await find(port, KIND, key) is None:
            return await port.put(KIND, key, document, ABSENT, dry_run=dry_run)
        return await port.patch(KIND, key, document, dry_run=dry_run)

    async def check(port: "Operating") -> None:
        try:
            await put(port, given, dry_run=True)
        except FlawsError as error:  # the secret is still to come
            demand_none(flaw for flaw in error.flaws if flaw.field != "secret")

    with_operating(data, check, create=True)  # before anybody types a secret
    typed = read_secret(secret, from_stdin=secret_stdin)
    demand_none(secret_flaws(typed))

    async def save(port: "Operating") -> dict[str, Any]:
        with telling(PRECONDITION_FAILED=tr(OVERTAKEN)):
            saved = await put(port, {**given, "secret": typed}, dry_run=False)
        shown = {name: value for name, value in saved.item.document.items() if name != "held"}
        return {**shown, "outcome": "added" if saved.created else "replaced", "changed": saved.changed}

    result = with_operating(data, save)
    emit(result, as_json, done(_summary(result)))


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the accounts, without their secrets."""
    from lingpai.cli.output import emit, table

    found = with_operating(data, lambda port: read_all(port, KIND))
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

    async def read(port: "Operating") -> dict[str, Any]:
        return (await port.read(KIND, account_key(await find_account(port, name)))).document

    account = with_operating(data, read)
    pairs = (
        ("Name", account["account"]),
        ("Mode", account["mode"] or "–"),
        ("Domains", ", ".join(account["domains"]) or tr("any")),
        ("Origins", ", ".join(account["origins"]) or "–"),
        ("Caller keys get", account["hand_out"]),
        ("Source", account["source"]),
        ("Fingerprint of the secret", account["secret_fingerprint"]),
    )
    emit(account, as_json, lambda console: console.print(fields(pairs), status_table(account["held"])))


@app.command("check")
def check(name: Name, *, data: Data = None, as_json: Json = False) -> None:
    """Check one account as `doctor` does: get its token as a caller would, and say how to fix each problem.

    A cached token needs no call to the platform. Exit code 1 when there is no valid token.
    """
    from lingpai.cli.output import emit, say, state

    async def ask(port: "Operating") -> dict[str, Any]:
        return await port.act(KIND, account_key(await find_account(port, name)), "check", {})

    found = with_operating(data, ask)

    def render(console: "Console") -> None:
        console.print(state(found["verdict"]))
        say(console, found["message"])
        if found["remedy"]:
            say(console, f"→ {found['remedy']}")

    emit(found, as_json, render)
    if found["verdict"] == "fail":
        raise typer.Exit(1)


@app.command("remove")
def remove(
    name: Name,
    *,
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove an account with its secret, tokens and tickets."""
    from lingpai.cli.output import done, emit

    found = with_operating(data, lambda port: find_account(port, name))
    confirm(tr("Remove {name}, its secret and its tokens?", name=found["account"]), yes=yes)

    async def drop(port: "Operating") -> None:
        with telling(NOT_FOUND=tr("Nothing was changed.")):
            await port.remove(KIND, account_key(found))

    with_operating(data, drop)
    gone = found["account"]
    emit({"account": gone, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=gone)))


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
