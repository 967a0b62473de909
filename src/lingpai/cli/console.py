"""`lingpai console`: a one-time link to the web console."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.running import Data, Json, demand_host, operator, with_keeper
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.keeper.keeper import Keeper


def console(
    *,
    role: Annotated[
        str, typer.Option(help="What the session may do: viewer, operator, owner, or users@REALM.")
    ] = "owner",
    url: Annotated[
        str,
        typer.Option(
            help="Address of the admin API as your browser reaches it, such as http://127.0.0.1:8010 through a tunnel; "
            "default: what the settings say.",
            show_default=False,
        ),
    ] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print a link that signs you in to the web console. It works once, within 10 minutes.

    The console is served where the setting `admin.listen` says.
    """
    demand_host()
    from lingpai.cli.output import emit, say
    from lingpai.console.sessions import LINK_SECONDS, link_to, make_link
    from lingpai.settings import load_settings

    origin = url.rstrip("/") or load_settings(data=data).admin.origin
    if not origin:
        raise Problem(
            tr("The console has no address: set `admin.listen` to HOST:PORT, or name the address with --url.")
        )

    async def make(keeper: "Keeper") -> dict[str, Any]:
        link = link_to(origin, await make_link(keeper, operator().name, role))
        return {"url": link, "role": role, "expires_in": int(LINK_SECONDS)}

    made = with_keeper(data, make)

    def render(shown: "Console") -> None:
        say(shown, made["url"])
        say(shown, tr("It works once, within 10 minutes. Do not pass it on."), "dim")

    emit(made, as_json, render)
