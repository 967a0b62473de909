"""`lingpai caller`: who may ask the keeper, and their keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.durations import seconds
from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.running import Data, Json, with_keeper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lingpai.core.records import Caller, FormerKey
    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="caller", help="Callers of the token hub: their keys, accounts and rights.", no_args_is_help=True
)

KEY_RANDOM_BYTES = 32
OVERLAP = "24h"
"""Default time for which a replaced key stays valid."""


Forward = Annotated[
    list[str] | None,
    typer.Option(
        help="Pattern of the paths that it may have forwarded, such as /cgi-bin/message/*; repeat for more; default: "
        "every API path. Needs the right forward.",
        show_default=False,
    ),
]
HandOut = Annotated[
    str | None,
    typer.Option(
        help="What token routes answer it: token, or phantom for a token that is good only for calls forwarded by "
        "Lingpai; default: as the account says.",
        show_default=False,
    ),
]


@app.command("add")
def add(
    *,
    name: Annotated[
        str, typer.Argument(help="A unique name, which appears in the audit log.", show_default=False)
    ],
    environment: Annotated[
        str, typer.Option(help="Such as production or dev; a note for people.", show_default=False)
    ] = "",
    app_name: Annotated[
        list[str] | None,
        typer.Option(
            "--app",
            help="Account that it may use: platform/account, platform/account/label or *; "
            "repeat for more; default: all.",
            show_default=False,
        ),
    ] = None,
    right: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do: token, ticket, sign, exchange, clear, report, forward; repeat for "
            "more; default: all but forward.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            help="CIDR block that its requests may come from; repeat for more; default: any.",
            show_default=False,
        ),
    ] = None,
    forward: Forward = None,
    hand_out: HandOut = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Add a caller and print its key. The key is shown once; only a digest is stored."""
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
            forward=tuple(forward or ()),
            hand_out=hand_out or "",
            created_at=keeper.clock.now(),
        )
        problems = caller_problems(keeper.platforms, caller)
        if problems:
            raise typer.BadParameter(" ".join(problems))
        key = new_key()
        if not await keeper.store.add_caller(caller, keeper.digest_caller_key(key)):
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
def change(
    *,
    name: Annotated[str, typer.Argument(help="The caller's name.", show_default=False)],
    environment: Annotated[
        str | None, typer.Option(help="Such as production or dev; a note for people.", show_default=False)
    ] = None,
    app_name: Annotated[
        list[str] | None,
        typer.Option(
            "--app",
            help="Account that it may use: platform/account, platform/account/label or *; repeat for more.",
            show_default=False,
        ),
    ] = None,
    right: Annotated[
        list[str] | None,
        typer.Option(
            help="What it may do: token, ticket, sign, exchange, clear, report, forward; repeat for more.",
            show_default=False,
        ),
    ] = None,
    network: Annotated[
        list[str] | None,
        typer.Option(
            help='CIDR block that its requests may come from; repeat for more; "" for any.',
            show_default=False,
        ),
    ] = None,
    forward: Annotated[
        list[str] | None,
        typer.Option(
            help='Pattern of the paths that it may have forwarded; repeat for more; "" for every API path.',
            show_default=False,
        ),
    ] = None,
    hand_out: Annotated[
        str | None,
        typer.Option(
            help='What token routes answer it: token or phantom; "" for what the account says.',
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Change what a caller may do, from its next request on. What is not given stays unchanged, its key too."""
    from lingpai.cli.checking import caller_problems
    from lingpai.cli.output import done, emit

    given: dict[str, Any] = {
        "environment": environment,
        "apps": app_name,
        "rights": right,
        "networks": network,
        "forward": forward,
        "hand_out": hand_out,
    }
    named = {
        field: tuple(filter(None, value)) if isinstance(value, list) else value
        for field, value in given.items()
        if value is not None
    }

    async def save(keeper: "Keeper") -> dict[str, Any]:
        import msgspec

        found = next((each for each in await keeper.store.list_callers() if each.name == name), None)
        if found is None or found.revoked_at is not None:
            raise Problem(
                tr("There is no caller {name} with a valid key; `lingpai caller list` shows all.", name=name)
            )
        wanted = msgspec.structs.replace(found, **named)
        problems = caller_problems(keeper.platforms, wanted)
        if problems:
            raise typer.BadParameter(" ".join(problems))
        changed = [field for field in named if getattr(found, field) != getattr(wanted, field)]
        await keeper.store.change_caller(wanted)
        return {**caller_document(wanted), "outcome": "changed" if changed else "kept", "changed": changed}

    result = with_keeper(data, save)
    words = ", ".join(map(tr, result["changed"])) or "–"
    emit(result, as_json, done(tr("Caller {name}. Changed: {changed}.", name=name, changed=words)))


@app.command("list")
def list_all(*, data: Data = None, as_json: Json = False) -> None:
    """List the callers, revoked ones too."""
    from lingpai.cli.output import emit, local, table

    found, former = with_keeper(data, _read)
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

    callers, former = with_keeper(data, _read)
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
    from lingpai.cli.output import emit, local, moment, say, span

    overlap = 0 if now else overlap
    key = new_key()

    async def change(keeper: "Keeper") -> "tuple[float, ...] | None":
        if not await keeper.store.rotate_caller(name, keeper.digest_caller_key(key), overlap):
            return None
        return _ends_by_name(await keeper.store.list_former_keys()).get(name, ())

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

    async def end(keeper: "Keeper") -> bool:
        return await keeper.store.revoke_caller(name)

    if not with_keeper(data, end):
        raise Problem(
            tr("There is no caller {name} with a valid key; `lingpai caller list` shows all.", name=name)
        )
    emit({"caller": name, "outcome": "revoked"}, as_json, done(tr("Revoked {name}.", name=name)))


def new_key() -> str:
    """Return a new random caller key."""
    import secrets

    from lingpai.keeper.access import KEY_PREFIX

    return KEY_PREFIX + secrets.token_urlsafe(KEY_RANDOM_BYTES)


def caller_document(caller: "Caller", former: "Sequence[float]" = ()) -> dict[str, Any]:
    """Return a caller as a JSON document; `former` are the ends of its replaced keys that are still valid."""
    from lingpai.cli.output import moment

    return {
        "caller": caller.name,
        "environment": caller.environment,
        "apps": caller.apps,
        "rights": caller.rights,
        "networks": caller.networks,
        "forward": caller.forward,
        "hand_out": caller.hand_out,
        "created_at": moment(caller.created_at),
        "revoked_at": moment(caller.revoked_at),
        "valid_keys": 0 if caller.revoked_at is not None else 1 + len(former),
        "former_keys_end_at": [*map(moment, former)],
    }


async def _read(keeper: "Keeper") -> "tuple[tuple[Caller, ...], dict[str, tuple[float, ...]]]":
    """Return the callers, and the ends of their replaced keys."""
    former = await keeper.store.list_former_keys()
    return await keeper.store.list_callers(), _ends_by_name(former)


def _ends_by_name(former: "Sequence[FormerKey]") -> dict[str, tuple[float, ...]]:
    names = {each.caller for each in former}
    return {name: tuple(each.ends_at for each in former if each.caller == name) for name in names}
