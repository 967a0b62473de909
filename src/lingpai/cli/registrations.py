"""`lingpai registration`: tokens with which apps register themselves in realms of the standard protocol."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.realms import RealmName, Realms, with_realms
from lingpai.cli.running import Data, Json
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console


KIND = "registrations"
WEEK = 7 * 86_400

app = typer.Typer(
    name="registration",
    help="Initial access tokens: with one, apps register themselves in a realm of the protocol oidc.",
    no_args_is_help=True,
)


@app.command("add")
def add(
    *,
    name: Annotated[str, typer.Argument(help="Whom it is for; a note for people.", show_default=False)] = "",
    realm: RealmName = "",
    uses: Annotated[int, typer.Option(help="How many apps may register with it.", min=1)] = 1,
    unlimited: Annotated[
        bool, typer.Option("--unlimited", help="Any number of apps may register with it.", show_default=False)
    ] = False,
    lifetime: Annotated[
        int,
        typer.Option(
            parser=seconds, help="How long it is valid, such as 24h; default: 7 days.", show_default=False
        ),
    ] = WEEK,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="Scope that its apps may have in tokens of their own (client_credentials); repeat for more.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an initial access token and print it once."""
    from lingpai.cli.output import emit, say
    from lingpai.operating.realm_choice import signs

    document = {
        "name": name,
        "uses": None if unlimited else uses,
        "lifetime": lifetime,
        "scopes": list(dict.fromkeys(scope or ())),
    }

    async def make(realms: Realms) -> tuple[dict[str, Any], bool]:
        where = await realms.one(realm, signs)
        closed = (await realms.document(where))["registration"] in (None, "closed")
        with telling():
            return await realms.port.act(KIND, (where,), "add", document), closed

    made, closed = with_realms(data, make, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Initial access token {number}, shown only once:", number=made["number"]), "green")
        say(console, made["token"])
        if closed:
            text = 'Then set registration = "token" in [realms.{realm}], and restart the service.'
            say(console, tr(text, realm=made["realm"]), "dim")

    emit(made, as_json, render)


@app.command("list")
def list_all(*, realm: RealmName = "", data: Data = None, as_json: Json = False) -> None:
    """List the initial access tokens of all realms, or of one; never the tokens themselves."""
    from lingpai.cli.output import emit, table
    from lingpai.operating.realm_choice import signs

    async def read(realms: Realms) -> list[dict[str, Any]]:
        return [
            each
            for where in await realms.some(realm, signs)
            for each in await read_all(realms.port, KIND, (where,))
        ]

    found = with_realms(data, read)
    rows = [
        (
            each["realm"],
            str(each["number"]),
            each["name"],
            tr("any number") if each["uses"] is None else str(each["uses"]),
            " ".join(each["scopes"]),
            each["ends_at"],
        )
        for each in found
    ]
    columns = ("Realm", "Number", "Name", "Uses left", "Scopes", "Ends")
    emit(found, as_json, lambda console: console.print(table("Initial access tokens", columns, rows)))


@app.command("revoke")
def revoke(
    *,
    number: Annotated[int, typer.Argument(help="Its number; see registration list.", show_default=False)],
    realm: RealmName = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke an initial access token. Apps that have registered with it stay."""
    from lingpai.cli.output import done, emit
    from lingpai.operating.realm_choice import signs

    async def end(realms: Realms) -> str:
        where = await realms.one(realm, signs)
        text = "There is no initial access token {number}; `lingpai registration list` shows all."
        with telling(NOT_FOUND=tr(text, number=number)):
            await realms.port.remove(KIND, (where, str(number)))
        return where

    where = with_realms(data, end)
    text = tr("Revoked initial access token {number}.", number=number)
    emit({"realm": where, "number": number, "outcome": "revoked"}, as_json, done(text))
