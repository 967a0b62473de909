"""`lingpai machine`: terminals that users authorise apps for."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.listing import MOST_LISTED, Limit, note_more
from lingpai.cli.messages import tr
from lingpai.cli.realms import RealmName, Realms, Yes, with_realms
from lingpai.cli.removing import remove_one
from lingpai.cli.running import Data, Json

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.core.issuer_records import Terminal
    from lingpai.issuer.context import Issuer
    from lingpai.issuer.dialect import Dialect

app = typer.Typer(
    name="machine", help="Terminals, such as printers, that apps are authorised for.", no_args_is_help=True
)

Code = Annotated[str, typer.Argument(help="The terminal's code.", show_default=False)]


@app.command("add")
def add(
    code: Code,
    *,
    realm: RealmName = "",
    owner: Annotated[
        str, typer.Option(help="Login name of its owner, who may authorise apps for it.", show_default=False)
    ] = "",
    name: Annotated[str, typer.Option(help="Name that its owner sees.", show_default=False)] = "",
    msign: Annotated[
        str | None,
        typer.Option(help="The terminal's secret itself; --msign-stdin is safer.", show_default=False),
    ] = None,
    msign_stdin: Annotated[
        bool,
        typer.Option(
            "--msign-stdin", help="Read the terminal's secret from standard input.", show_default=False
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a terminal, or change the name and owner of an existing one. Its secret stays when none is given.

    Grants of another owner for it end.
    """
    from lingpai.cli.issuing import terminal_problems
    from lingpai.cli.output import done, emit
    from lingpai.cli.secret_input import read_secret
    from lingpai.issuer import admin
    from lingpai.issuer.user_documents import terminal_document

    problems = terminal_problems(code)
    if problems:
        raise typer.BadParameter(" ".join(problems))
    secret = read_secret(msign, from_stdin=msign_stdin) if msign is not None or msign_stdin else ""

    async def save(realms: Realms) -> dict[str, Any]:
        issuer = realms.one(realm, has_terminals)
        user = (await realms.user(owner, issuer.realm))[1] if owner else None
        known = await issuer.store.find_terminal(issuer.realm, code)
        saved = await admin.save_terminal(issuer, code, name=name, owner=user, msign=secret)
        return {**await terminal_document(issuer, saved), "outcome": "replaced" if known else "added"}

    saved = with_realms(data, save, create=True)
    text = {"added": tr("Added {name}.", name=code), "replaced": tr("Replaced {name}.", name=code)}
    emit(saved, as_json, done(text[saved["outcome"]]))


@app.command("list")
def list_all(
    *,
    realm: RealmName = "",
    owner: Annotated[str, typer.Option(help="Login name of their owner.", show_default=False)] = "",
    after_code: Annotated[
        str, typer.Option("--after", help="Only those with codes above this one.", show_default=False)
    ] = "",
    limit: Limit = MOST_LISTED,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the terminals by code, without their secrets."""
    from lingpai.cli.output import emit, table
    from lingpai.issuer import admin
    from lingpai.issuer.user_documents import terminal_document

    async def read(realms: Realms) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for issuer in [(await realms.user(owner, realm, has_terminals))[0]] if owner else realms.some(realm):
            user = (await realms.user(owner, issuer.realm))[1] if owner else None
            async for each in admin.each_terminal(issuer, user, after_code):
                if len(found) == limit:
                    last = found[-1]
                    note_more(f"--realm {last['realm']} --after {shlex.quote(last['machine_code'])}")
                    return found
                found.append(await terminal_document(issuer, each))
        return found

    found = with_realms(data, read)
    rows = [
        (
            each["realm"],
            each["machine_code"],
            each["name"] or "–",
            each["owner"] or "–",
            each["bound_to"] or "–",
            tr("yes") if each["msign"] else tr("no"),
        )
        for each in found
    ]
    columns = ("Realm", "Code", "Name", "Owner", "Bound to", "Has a secret")
    emit(found, as_json, lambda console: console.print(table("Terminals", columns, rows)))


@app.command("qr")
def qr(code: Code, *, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """Make the key that a terminal shows as a QR code. Its holder may authorise one app within its lifetime."""
    from lingpai.cli.output import emit, say
    from lingpai.issuer.verbs.terminals import show_key

    async def show(realms: Realms) -> dict[str, Any]:
        issuer, terminal = await realms.terminal(code, realm)
        qr_key = await show_key(issuer, terminal)
        return {
            "realm": issuer.realm,
            "machine_code": code,
            "qr_key": qr_key,
            "expires_in": issuer.policy.qr_key,
        }

    shown = with_realms(data, show)

    def render(console: "Console") -> None:
        text = tr(
            "Key of {name}, valid once within {seconds} seconds:", name=code, seconds=shown["expires_in"]
        )
        say(console, text, "green")
        say(console, shown["qr_key"])

    emit(shown, as_json, render)


@app.command("remove")
def remove(
    code: Code, *, realm: RealmName = "", yes: Yes = False, data: Data = None, as_json: Json = False
) -> None:
    """Remove a terminal; grants for it end."""
    remove_one(
        ("machine_code", code),
        lambda realms, where: realms.terminal(code, where),
        _drop,
        lambda where: tr("Remove the terminal {name} from {realm}?", name=code, realm=where),
        realm=realm,
        yes=yes,
        data=data,
        as_json=as_json,
    )


async def _drop(issuer: "Issuer", found: "Terminal") -> bool:
    from lingpai.issuer import admin

    return await admin.remove_terminal(issuer, found)


def has_terminals(dialect: "Dialect") -> bool:
    """Return whether realms of this dialect have terminals."""
    return dialect.terminals
