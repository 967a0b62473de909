"""`lingpai realm`: what a realm shares with the operator's own site that logs its users in."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.flaws import telling
from lingpai.cli.realms import RealmName, Realms, with_realms
from lingpai.cli.running import Data, Json
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(name="realm", help="Realms whose users log in at your own site.", no_args_is_help=True)


@app.command("login-key")
def login_key(
    *,
    realm: RealmName = "",
    rotate: Annotated[
        bool,
        typer.Option(
            "--rotate",
            help="Make the next key. The one before stays valid until an hour after your site's first answer with "
            "the new one.",
            show_default=False,
        ),
    ] = False,
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once", help="With --rotate: the keys before end now, as after a leak.", show_default=False
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make the key that a realm and your site sign with; it is shown only once."""
    from lingpai.cli.output import emit, say

    if at_once and not rotate:
        raise typer.BadParameter(tr("--at-once is for --rotate."))

    async def make(realms: Realms) -> dict[str, Any]:
        where = await realms.one(realm)
        text = tr(
            "The realm {realm} has a login key already, and keys are shown only once. Make the next one with "
            "--rotate.",
            realm=where,
        )
        with telling(CONFLICT=text):
            return await realms.port.act(
                "realms", (where,), "login-key", {"rotate": rotate, "at_once": at_once}
            )

    made = with_realms(data, make, create=True)
    url, login = made["iss"], made["login"]

    def render(console: "Console") -> None:
        say(
            console,
            tr("Login key {number} of {realm}, shown only once:", number=made["number"], realm=made["realm"]),
        )
        say(console, made["key"])
        say(
            console,
            tr("Give it to your site as LINGPAI_LOGIN_KEY, with LINGPAI_ISS={url}.", url=url),
            "green",
        )
        if made["number"] > 1 and not at_once:
            say(
                console,
                tr("Until all its processes have it, your site should accept the key before as well."),
                "dim",
            )
        if not login:
            say(
                console,
                tr(
                    'Then set login = "https://…" in [realms.{realm}], and restart the service.',
                    realm=made["realm"],
                ),
                "dim",
            )

    emit(made, as_json, render)
