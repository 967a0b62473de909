"""`lingpai hook`: webhooks that receive the events of accounts."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.field_options import FieldOption, with_fields
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.translating import tr, tr_reason

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.operating.port import Operating

app = typer.Typer(name="hook", help="Webhooks that receive the events of accounts.", no_args_is_help=True)

KIND = "hooks"
OVERLAP = "24h"
"""Default time for which a replaced secret signs too."""

OPTIONS = {
    "apps": FieldOption(
        "Account whose events it receives: platform/account, platform/account/label or *; repeat for more; "
        "default: all.",
        flag="--app",
        many=True,
    ),
    "types": FieldOption(
        "Type of event that it receives, such as token.renewed; repeat for more; default: all.",
        flag="--type",
        many=True,
    ),
}

Name = Annotated[str, typer.Argument(help="The webhook's name.", show_default=False)]


@app.command("add")
@with_fields(OPTIONS)
def add(
    *,
    name: Annotated[str, typer.Argument(help="A unique name.", show_default=False)],
    url: Annotated[
        str,
        typer.Argument(
            help="Where events are posted to: https, or http within keeper.hook_networks.", show_default=False
        ),
    ],
    given: dict[str, Any],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a webhook, which receives events from now on, and print the secret that signs them."""
    from lingpai.cli.output import emit, say
    from lingpai.operating.port import ABSENT

    async def save(port: "Operating") -> dict[str, Any]:
        chosen = {"url": url, **{field: value for field, value in given.items() if value}}
        with telling(PRECONDITION_FAILED=tr("There is a webhook {name} already.", name=name)):
            saved = await port.put(KIND, (name,), chosen, ABSENT)
        return {**saved.item.document, **saved.secrets}

    added = with_operating(data, save, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Added {name}. Its secret, shown only once:", name=name), "green")
        say(console, added["secret"])

    emit(added, as_json, render)


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the webhooks: how far each is behind, and why."""
    from lingpai.cli.output import emit, local_of, table

    found = with_operating(data, lambda port: read_all(port, KIND))
    rows = [
        (
            each["hook"],
            each["url"],
            ", ".join(each["apps"]),
            ", ".join(each["types"]) or tr("any"),
            tr(each["state"]),
            str(each["behind"]),
            each["problem"] or "–",
            local_of(each["next_attempt_at"]),
        )
        for each in found
    ]
    columns = ("Name", "Address", "Apps", "Types", "State", "Behind", "Problem", "Next attempt")
    emit(found, as_json, lambda console: console.print(table("Webhooks", columns, rows)))


@app.command("test")
def try_out(*, name: Name, data: Data = None, as_json: Json = False) -> None:
    """Post a test event from here, and say what the webhook answers."""
    from lingpai.cli.output import emit, say
    from lingpai.messages.problems import Problem

    async def post(port: "Operating") -> dict[str, Any]:
        with telling(NOT_FOUND=_none(name)):
            return await port.act(KIND, (name,), "test", {})

    result = with_operating(data, post)
    if result["outcome"] != "delivered":
        raise Problem(
            tr("The webhook {name} took nothing: {problem}.", name=name, problem=tr_reason(result["problem"]))
        )
    emit(result, as_json, lambda console: say(console, tr("Delivered."), "green"))


@app.command("replay")
def replay(
    *,
    name: Name,
    after: Annotated[
        int | None,
        typer.Option(
            help="Id of the last event that is not delivered again; default: what was not delivered.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Deliver again: what a webhook that was set aside is behind, or everything after an event."""
    from lingpai.cli.output import done, emit

    async def again(port: "Operating") -> dict[str, Any]:
        with telling(NOT_FOUND=_none(name)):
            return await port.act(KIND, (name,), "replay", {"after": after})

    result = with_operating(data, again)
    text = tr("Events delivered again to {name}: {count}.", name=name, count=result["behind"])
    emit(result, as_json, done(text))


@app.command("rotate")
def rotate(
    *,
    name: Name,
    overlap: Annotated[
        int, typer.Option(parser=seconds, help="How long the previous secret signs too, such as 12h or 7d.")
    ] = OVERLAP,  # type: ignore[assignment]  # read by the parser, as what is typed is
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a webhook another secret and print it once. Until the overlap ends both sign."""
    from lingpai.cli.output import emit, say

    async def turn(port: "Operating") -> dict[str, Any]:
        with telling(NOT_FOUND=_none(name)):
            return await port.act(KIND, (name,), "secrets", {"overlap": overlap})

    result = with_operating(data, turn)

    def render(console: "Console") -> None:
        say(console, tr("New secret of {name}, shown only once:", name=name), "green")
        say(console, result["secret"])

    emit(result, as_json, render)


@app.command("remove")
def remove(*, name: Name, data: Data = None, as_json: Json = False) -> None:
    """Remove a webhook. Events that it did not receive are dropped."""
    from lingpai.cli.output import done, emit

    async def end(port: "Operating") -> None:
        with telling(NOT_FOUND=_none(name)):
            await port.remove(KIND, (name,))

    with_operating(data, end)
    emit({"hook": name, "outcome": "removed"}, as_json, done(tr("Removed {name}.", name=name)))


def _none(name: str) -> str:
    return tr("There is no webhook {name}; `lingpai hook list` shows all.", name=name)
