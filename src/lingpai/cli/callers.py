"""`lingpai caller`: who may ask the keeper, and their keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.running import Data, Json, with_keeper

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.core.records import Caller
    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="caller", help="Callers of the keeper: their keys, apps and rights.", no_args_is_help=True
)

KEY_RANDOM_BYTES = 32


@app.command("add")
def add(
    *,
    name: Annotated[
        str, typer.Argument(help="A name of its own; stands in the audit log.", show_default=False)
    ],
    environment: Annotated[
        str, typer.Option(help="Such as production or dev; for people.", show_default=False)
    ] = "",
    app_name: Annotated[
        list[str] | None,
        typer.Option(
            "--app",
            help="App it may use: platform/account, platform/account/label or *; repeat for more; all when left out.",
            show_default=False,
        ),
    ] = None,
    right: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do: token, ticket, sign, exchange, clear, report; repeat for more; all when left out.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            help="CIDR block it may come from; repeat for more; any when left out.", show_default=False
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a caller and print its key, this once: only a digest of it is kept."""
    from lingpai.cli.checking import caller_problems
    from lingpai.cli.output import emit, say
    from lingpai.core.records import RIGHTS, Caller

    async def save(keeper: "Keeper") -> dict[str, Any]:
        caller = Caller(
            name=name,
            environment=environment,
            apps=tuple(app_name or ("*",)),
            rights=tuple(right or RIGHTS),
            networks=tuple(network or ()),
            created_at=keeper.clock.now(),
        )
        problems = caller_problems(keeper.platforms, caller)
        if problems:
            raise typer.BadParameter(" ".join(problems))
        key = new_key()
        if not await keeper.store.add_caller(caller, keeper.digest_caller_key(key)):
            raise Problem(tr("There is a caller {name} already, or was one; choose another name.", name=name))
        return {**caller_document(caller), "key": key}

    added = with_keeper(data, save, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Added {name}. Its key, shown only now:", name=name), "green")
        say(console, added["key"])
        say(console, tr("Send it as `Authorization: Bearer …`, or in place of the secret."), "dim")

    emit(added, as_json, render)


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the callers, revoked ones too."""
    from lingpai.cli.output import emit, local, table

    async def read(keeper: "Keeper") -> "tuple[Caller, ...]":
        return await keeper.store.list_callers()

    found = with_keeper(data, read)
    rows = [
        (
            each.name,
            each.environment or "–",
            ", ".join(each.apps),
            ", ".join(each.rights),
            ", ".join(each.networks) or tr("any"),
            local(each.created_at),
            local(each.revoked_at),
        )
        for each in found
    ]
    columns = ("Name", "Environment", "Apps", "Rights", "Networks", "Added", "Revoked")
    emit(
        [caller_document(each) for each in found],
        as_json,
        lambda console: console.print(table("Callers", columns, rows)),
    )


@app.command("revoke")
def revoke(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke a caller's key, from its next request on. The name stays taken."""
    from lingpai.cli.output import done, emit

    async def end(keeper: "Keeper") -> bool:
        return await keeper.store.revoke_caller(name)

    if not with_keeper(data, end):
        raise Problem(
            tr("There is no caller {name} with a good key; `lingpai caller list` shows all.", name=name)
        )
    emit({"caller": name, "outcome": "revoked"}, as_json, done(tr("Revoked {name}.", name=name)))


def new_key() -> str:
    """A fresh caller key."""
    import secrets

    from lingpai.keeper.access import KEY_PREFIX

    return KEY_PREFIX + secrets.token_urlsafe(KEY_RANDOM_BYTES)


def caller_document(caller: "Caller") -> dict[str, Any]:
    """A caller as a JSON document."""
    from lingpai.cli.output import moment

    return {
        "caller": caller.name,
        "environment": caller.environment,
        "apps": caller.apps,
        "rights": caller.rights,
        "networks": caller.networks,
        "created_at": moment(caller.created_at),
        "revoked_at": moment(caller.revoked_at),
    }
