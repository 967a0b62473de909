"""`lingpai caller`: who may ask the keeper, and their keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.field_options import FieldOption, with_fields
from lingpai.cli.flaws import telling
from lingpai.cli.listing import read_all
from lingpai.cli.running import Data, Json, with_operating
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.operating.port import Operating

app = typer.Typer(
    name="caller", help="Callers of the token hub: their keys, accounts and rights.", no_args_is_help=True
)

KIND = "callers"
"""Callers that are read at a time."""
OVERLAP = "24h"
"""Default time for which a replaced key stays valid."""

OPTIONS = {
    "environment": FieldOption("Such as production or dev; a note for people."),
    "apps": FieldOption(
        "Account that it may use: platform/account, platform/account/label or *; repeat for more; default: all.",
        flag="--app",
        many=True,
    ),
    "rights": FieldOption(
        "What it may do: token, ticket, sign, exchange, clear, report, forward; repeat for more; default: all but "
        "forward.",
        flag="--right",
        many=True,
    ),
    "networks": FieldOption(
        "CIDR block that its requests may come from; repeat for more; default: any.",
        flag="--network",
        many=True,
    ),
    "forward": FieldOption(
        "Pattern of the paths that it may have forwarded, such as /cgi-bin/message/*; repeat for more; default: "
        "every API path. Needs the right forward.",
        many=True,
    ),
    "hand_out": FieldOption(
        "What token routes answer it: token, or phantom for a token that is good only for calls forwarded by "
        "Lingpai; default: as the account says."
    ),
}
_CHANGES = {
    "apps": "Account that it may use: platform/account, platform/account/label or *; repeat for more.",
    "rights": "What it may do: token, ticket, sign, exchange, clear, report, forward; repeat for more.",
    "networks": 'CIDR block that its requests may come from; repeat for more; "" for any.',
    "forward": 'Pattern of the paths that it may have forwarded; repeat for more; "" for every API path.',
    "hand_out": 'What token routes answer it: token or phantom; "" for what the account says.',
}
CHANGE_OPTIONS = {
    name: option._replace(help=_CHANGES.get(name, option.help)) for name, option in OPTIONS.items()
}


@app.command("add")
@with_fields(OPTIONS)
def add(
    *,
    name: Annotated[
        str, typer.Argument(help="A unique name, which appears in the audit log.", show_default=False)
    ],
    given: dict[str, Any],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a caller and print its key. The key is shown once; only a digest is stored."""
    from lingpai.cli.output import emit, say
    from lingpai.operating.port import ABSENT

    async def save(port: "Operating") -> dict[str, Any]:
        chosen = {field: value for field, value in given.items() if value}
        taken = tr("The name {name} is or was used by another caller; choose another name.", name=name)
        with telling(PRECONDITION_FAILED=taken):
            saved = await port.put(KIND, (name,), chosen, ABSENT)
        return {**saved.item.document, **saved.secrets}

    added = with_operating(data, save, create=True)

    def render(console: "Console") -> None:
        say(console, tr("Added {name}. Its key, shown only once:", name=name), "green")
        say(console, added["key"])
        say(console, tr("Send it as `Authorization: Bearer …`, or in place of the secret."), "dim")

    emit(added, as_json, render)


@app.command("set")
@with_fields(CHANGE_OPTIONS)
def change(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    given: dict[str, Any],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change what a caller may do, from its next request on. What is not given stays unchanged, its key too."""
    from lingpai.cli.output import done, emit

    named = {
        field: tuple(filter(None, value)) if isinstance(value, tuple) else value
        for field, value in given.items()
    }

    async def save(port: "Operating") -> dict[str, Any]:
        with telling(NOT_FOUND=_no_key(name), CONFLICT=_no_key(name)):
            saved = await port.patch(KIND, (name,), named)
        outcome = "changed" if saved.changed else "kept"
        return {**saved.item.document, "outcome": outcome, "changed": saved.changed}

    result = with_operating(data, save)
    words = ", ".join(map(tr, result["changed"])) or "–"
    emit(result, as_json, done(tr("Caller {name}. Changed: {changed}.", name=name, changed=words)))


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the callers, revoked ones too."""
    from lingpai.cli.output import emit, local_of, table

    found = with_operating(data, lambda port: read_all(port, KIND))
    rows = [
        (
            each["caller"],
            each["environment"] or "–",
            ", ".join(each["apps"]),
            ", ".join(each["rights"]),
            ", ".join(each["forward"]) or "–",
            each["hand_out"] or "–",
            ", ".join(each["networks"]) or tr("any"),
            local_of(each["created_at"]),
            local_of(each["revoked_at"]),
            "\n".join(map(local_of, each["former_keys_end_at"])) or "–",
        )
        for each in found
    ]
    columns = (
        *("Name", "Environment", "Apps", "Rights", "Forwards", "Gets", "Networks", "Added", "Revoked"),
        "Former key valid until",
    )
    emit(found, as_json, lambda console: console.print(table("Callers", columns, rows)))


@app.command("show")
def show(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one caller: what it may use, and how many keys are valid, until when; never a key."""
    from lingpai.cli.output import emit, fields, local_of

    async def read(port: "Operating") -> dict[str, Any]:
        with telling(NOT_FOUND=tr("There is no caller {name}; `lingpai caller list` shows all.", name=name)):
            return (await port.read(KIND, (name,))).document

    document = with_operating(data, read)

    def render(console: "Console") -> None:
        pairs = (
            ("Name", document["caller"]),
            ("Environment", document["environment"] or "–"),
            ("Apps", ", ".join(document["apps"])),
            ("Rights", ", ".join(document["rights"])),
            ("Forwards", ", ".join(document["forward"]) or "–"),
            ("Gets", document["hand_out"] or "–"),
            ("Networks", ", ".join(document["networks"]) or tr("any")),
            ("Added", local_of(document["created_at"])),
            ("Revoked", local_of(document["revoked_at"])),
            ("Valid keys", str(document["valid_keys"])),
            *(("Former key valid until", local_of(end)) for end in document["former_keys_end_at"]),
        )
        console.print(fields(pairs))

    emit(document, as_json, render)


@app.command("rotate")
def rotate(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    overlap: Annotated[
        int,
        typer.Option(parser=seconds, help="How long the previous key stays valid, such as 12h or 7d."),
    ] = OVERLAP,  # type: ignore[assignment]  # read by the parser, as what is typed is
    now: Annotated[
        bool,
        typer.Option(
            "--now", help="End all previous keys at once, for example after a leak.", show_default=False
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a caller a new key and print it once. The previous key stays valid for a day.

    Put the new key into the caller's configuration while both are valid. `lingpai caller show` says how many keys are
    valid and until when; rights, apps and networks stay as they are, and the audit log names the caller as before.
    """
    from lingpai.cli.output import emit, local_of, say
    from lingpai.messages.spans import span

    overlap = 0 if now else overlap

    async def turn(port: "Operating") -> dict[str, Any]:
        with telling(NOT_FOUND=_no_key(name)):
            return await port.act(KIND, (name,), "keys", {"overlap": overlap})

    result = with_operating(data, turn)

    def render(console: "Console") -> None:
        say(console, tr("New key of {name}, shown only once:", name=name), "green")
        say(console, result["key"])
        if not overlap:
            say(console, tr("All previous keys have ended."), "dim")
        else:
            until = local_of(max(result["former_keys_end_at"]))
            text = tr(
                "The previous key stays valid for {span}, until {until}.", span=span(overlap), until=until
            )
            say(console, text, "dim")

    emit(result, as_json, render)


@app.command("revoke")
def revoke(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke a caller's keys, from its next request on. The name stays taken."""
    from lingpai.cli.output import done, emit

    async def end(port: "Operating") -> None:
        with telling(NOT_FOUND=_no_key(name)):
            await port.remove(KIND, (name,))

    with_operating(data, end)
    emit({"caller": name, "outcome": "revoked"}, as_json, done(tr("Revoked {name}.", name=name)))


def _no_key(name: str) -> str:
    return tr("There is no caller {name} with a valid key; `lingpai caller list` shows all.", name=name)
