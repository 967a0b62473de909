"""`lingpai admin`: keys of the admin API. They are made here, on the host, and by no call of the API."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.running import Data, Json, with_keeper, with_operating
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.keeper.keeper import Keeper
    from lingpai.operating.port import Operating

KIND = "admins"
app = typer.Typer(
    name="admin", help="Keys of the admin API: who may use it, and for what.", no_args_is_help=True
)

LIFE = "90d"
"""Default lifetime of a key."""


@app.command("add")
def add(
    *,
    name: Annotated[
        str, typer.Argument(help="A unique name, which appears in the audit trail.", show_default=False)
    ],
    role: Annotated[
        str, typer.Option(help="What it may do: viewer, operator, owner, or users@REALM.", show_default=False)
    ],
    expires: Annotated[
        int, typer.Option(parser=seconds, help="How long it is valid, such as 30d; 365 days at most.")
    ] = LIFE,  # type: ignore[assignment]  # read by the parser, as what is typed is
    network: Annotated[
        list[str] | None,
        typer.Option(
            help="CIDR block that its requests may come from; repeat for more; default: any.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make an admin key and print it. The key is shown once; only a digest is stored.

    The admin API listens where the setting `admin.listen` says.
    """
    from lingpai.cli.output import emit, say
    from lingpai.operating.keys import add_key, key_document

    async def make(keeper: "Keeper") -> dict[str, Any]:
        key, text = await add_key(keeper, name, role, life=expires, networks=tuple(network or ()))
        return {**key_document(key, keeper.clock.now()), "key": text}

    made = with_keeper(data, make, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Added {name}. Its key, shown only once:", name=name), "green")
        say(console, made["key"])
        say(
            console,
            tr("Send it as `Authorization: Bearer …`. Valid until {end}.", end=made["ends_at"]),
            "dim",
        )

    emit(made, as_json, render)


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the admin keys, removed ones too; never a key."""
    from lingpai.cli.output import emit, table

    found = with_operating(data, lambda port: read_all(port, KIND))
    rows = [
        (
            each["name"],
            each["role"],
            ", ".join(each["networks"]) or tr("any"),
            each["created_at"],
            each["ends_at"],
            each["used_at"] or tr("never"),
            tr("valid") if each["valid"] else tr("not valid"),
        )
        for each in found
    ]
    columns = ("Name", "Role", "Networks", "Added", "Ends", "Last used", "State")
    emit(found, as_json, lambda console: console.print(table("Admin keys", columns, rows)))


@app.command("remove")
def remove(
    *,
    name: Annotated[str, typer.Argument(help="The key's name.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove an admin key, from its next request on. The name stays taken."""
    from lingpai.cli.output import done, emit

    async def end(port: "Operating") -> None:
        with telling(
            NOT_FOUND=tr("There is no admin key {name}; `lingpai admin list` shows all.", name=name)
        ):
            await port.remove(KIND, (name,))

    with_operating(data, end)
    emit({"name": name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=name)))
