"""`lingpai machine`: terminals that users authorise apps for."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.flaws import telling
from lingpai.cli.listing import MOST_LISTED, Limit, given, note_more, read_each
from lingpai.cli.realms import RealmName, Realms, Yes, find, with_realms
from lingpai.cli.removing import remove_one
from lingpai.cli.running import Data, Json
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.operating.port import Key

KIND = "machines"
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
    from lingpai.cli.output import done, emit
    from lingpai.cli.secret_input import read_secret
    from lingpai.operating.port import ABSENT, ANY
    from lingpai.operating.realm_choice import has_terminals
    from lingpai.operating.sections.checking import terminal_problems

    problems = terminal_problems(code)
    if problems:
        raise typer.BadParameter(" ".join(problems))
    secret = read_secret(msign, from_stdin=msign_stdin) if msign is not None or msign_stdin else ""

    async def save(realms: Realms) -> dict[str, Any]:
        where = await realms.one(realm, has_terminals)
        if owner:
            await realms.user(owner, where)
        known = await find(realms.port, KIND, (where, code))
        document = {"name": name, "owner": owner or None} | ({"msign": secret} if secret else {})
        with telling():
            saved = await realms.port.put(KIND, (where, code), document, ABSENT if known is None else ANY)
        return {**saved.item.document, "outcome": "added" if saved.created else "replaced"}

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
    from lingpai.operating.realm_choice import has_terminals

    async def read(realms: Realms) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        places = await realms.some(realm)
        if owner:
            places = [(await realms.user(owner, realm, has_terminals))["realm"]]
        for where in places:
            wanted = given(owner=owner, above=after_code)
            async for each in read_each(realms.port, KIND, (where,), wanted, page=limit + 1):
                if len(found) == limit:
                    last = found[-1]
                    note_more(f"--realm {last['realm']} --after {shlex.quote(last['machine_code'])}")
                    return found
                found.append(each)
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

    async def show(realms: Realms) -> dict[str, Any]:
        return await realms.port.act(KIND, _key(await realms.terminal(code, realm)), "qr", {})

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
        KIND,
        ("machine_code", code),
        lambda realms: realms.terminal(code, realm),
        _key,
        lambda where: tr("Remove the terminal {name} from {realm}?", name=code, realm=where),
        yes=yes,
        data=data,
        as_json=as_json,
    )


def _key(found: dict[str, Any]) -> "Key":
    return (found["realm"], found["machine_code"])
