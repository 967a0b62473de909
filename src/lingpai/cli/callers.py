"""`lingpai caller`: who may ask the keeper, and their keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.field_options import FieldOption, with_fields
from lingpai.cli.flaws import demand_none
from lingpai.cli.messages import tr
from lingpai.cli.problems import OVERTAKEN, Problem
from lingpai.cli.running import Data, Json, with_keeper

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="caller", help="Callers of the token hub: their keys, accounts and rights.", no_args_is_help=True
)

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
    from lingpai.core.records import Caller
    from lingpai.keeper import administration
    from lingpai.keeper.callers import caller_document, caller_flaws
    from lingpai.keeper.keys import new_key

    async def save(keeper: "Keeper") -> dict[str, Any]:
        chosen = {field: value for field, value in given.items() if value}
        caller = Caller(name=name, **chosen, created_at=keeper.clock.now())
        demand_none(caller_flaws(keeper.platforms, caller))
        key = new_key()
        if not await administration.add_caller(keeper, caller, key):
            raise Problem(
                tr("The name {name} is or was used by another caller; choose another name.", name=name)
            )
        return {**caller_document(caller), "key": key}

    added = with_keeper(data, save, create=True)

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
    from lingpai.keeper import administration
    from lingpai.keeper.callers import FIELDS, caller_document, caller_flaws

    named = {
        field: tuple(filter(None, value)) if isinstance(value, tuple) else value
        for field, value in given.items()
    }

    async def save(keeper: "Keeper") -> dict[str, Any]:
        import msgspec

        found = await keeper.store.find_caller_named(name)
        if found is None or found.revoked_at is not None:
            raise Problem(
                tr("There is no caller {name} with a valid key; `lingpai caller list` shows all.", name=name)
            )
        wanted = msgspec.structs.replace(found, **named)
        demand_none(caller_flaws(keeper.platforms, wanted))
        changed = FIELDS.changed(found, wanted)
        if changed and not await administration.change_caller(keeper, found, wanted):
            raise Problem(tr(OVERTAKEN))
        return {**caller_document(wanted), "outcome": "changed" if changed else "kept", "changed": changed}

    result = with_keeper(data, save)
    words = ", ".join(map(tr, result["changed"])) or "–"
    emit(result, as_json, done(tr("Caller {name}. Changed: {changed}.", name=name, changed=words)))


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the callers, revoked ones too."""
    from lingpai.cli.output import emit, local, table
    from lingpai.keeper.callers import caller_document, read_callers

    found, former = with_keeper(data, read_callers)
    rows = [
        (
            each.name,
            each.environment or "–",
            ", ".join(each.apps),
            ", ".join(each.rights),
            ", ".join(each.forward) or "–",
            each.hand_out or "–",
            ", ".join(each.networks) or tr("any"),
            local(each.created_at),
            local(each.revoked_at),
            "\n".join(map(local, former.get(each.name, ()))) or "–",
        )
        for each in found
    ]
    columns = (
        *("Name", "Environment", "Apps", "Rights", "Forwards", "Gets", "Networks", "Added", "Revoked"),
        "Former key valid until",
    )
    emit(
        [caller_document(each, former.get(each.name, ())) for each in found],
        as_json,
        lambda console: console.print(table("Callers", columns, rows)),
    )


@app.command("show")
def show(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one caller: what it may use, and how many keys are valid, until when; never a key."""
    from lingpai.cli.output import emit, fields, local
    from lingpai.keeper.callers import caller_document, read_callers

    callers, former = with_keeper(data, read_callers)
    found = next((each for each in callers if each.name == name), None)
    if found is None:
        raise Problem(tr("There is no caller {name}; `lingpai caller list` shows all.", name=name))
    document = caller_document(found, former.get(name, ()))

    def render(console: "Console") -> None:
        pairs = (
            ("Name", found.name),
            ("Environment", found.environment or "–"),
            ("Apps", ", ".join(found.apps)),
            ("Rights", ", ".join(found.rights)),
            ("Forwards", ", ".join(found.forward) or "–"),
            ("Gets", found.hand_out or "–"),
            ("Networks", ", ".join(found.networks) or tr("any")),
            ("Added", local(found.created_at)),
            ("Revoked", local(found.revoked_at)),
            ("Valid keys", str(document["valid_keys"])),
            *(("Former key valid until", local(end)) for end in former.get(name, ())),
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
    from lingpai.cli.output import emit, local, say, span
    from lingpai.core.moments import moment
    from lingpai.keeper import administration
    from lingpai.keeper.callers import ends_by_name
    from lingpai.keeper.keys import new_key

    overlap = 0 if now else overlap
    key = new_key()

    async def change(keeper: "Keeper") -> "tuple[float, ...] | None":
        if not await administration.rotate_caller(keeper, name, key, overlap):
            return None
        return ends_by_name(await keeper.store.list_former_keys()).get(name, ())

    former = with_keeper(data, change)
    if former is None:
        raise Problem(
            tr("There is no caller {name} with a valid key; `lingpai caller list` shows all.", name=name)
        )

    def render(console: "Console") -> None:
        say(console, tr("New key of {name}, shown only once:", name=name), "green")
        say(console, key)
        if not overlap:
            say(console, tr("All previous keys have ended."), "dim")
        else:
            until = local(max(former))
            text = tr(
                "The previous key stays valid for {span}, until {until}.", span=span(overlap), until=until
            )
            say(console, text, "dim")

    result = {"caller": name, "outcome": "rotated", "key": key, "overlap": overlap}
    emit({**result, "former_keys_end_at": [*map(moment, former)]}, as_json, render)


@app.command("revoke")
def revoke(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke a caller's keys, from its next request on. The name stays taken."""
    from lingpai.cli.output import done, emit
    from lingpai.keeper import administration

    async def end(keeper: "Keeper") -> bool:
        return await administration.revoke_caller(keeper, name)

    if not with_keeper(data, end):
        raise Problem(
            tr("There is no caller {name} with a valid key; `lingpai caller list` shows all.", name=name)
        )
    emit({"caller": name, "outcome": "revoked"}, as_json, done(tr("Revoked {name}.", name=name)))
