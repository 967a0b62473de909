"""`lingpai key`: the ring of keys that encrypt the store's secrets."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.declared_help import DeclaredCommand
from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem
from lingpai.cli.realms import RealmName, Yes, with_realms
from lingpai.cli.running import Data, Json, with_keeper
from lingpai.cli.signing import list_signing, rotate_signing, show_signing_keys

if TYPE_CHECKING:
    from pathlib import Path

    from lingpai.keeper.keeper import Keeper

app = typer.Typer(
    name="key", help="The key ring: rotate encryption keys, retire old ones.", no_args_is_help=True
)

Signing = Annotated[
    bool,
    typer.Option(
        "--signing",
        help="The keys that sign id_tokens in the realms of the protocol {id_token_protocols}, instead "
        "of the key ring.",
        show_default=False,
    ),
]


@app.command("list", cls=DeclaredCommand)
def list_all(
    *, signing: Signing = False, realm: RealmName = "", data: Data = None, as_json: Json = False
) -> None:
    """List the encryption keys and how many stored values each one encrypts; never the keys themselves."""
    from lingpai.cli.output import emit, table

    if signing:
        show_signing_keys(with_realms(data, partial(list_signing, realm)), as_json=as_json)
        return
    found = with_keeper(data, _read)
    rows = [
        (
            str(each["key"]),
            each["created_at"] or "–",
            str(each["values"]),
            tr("encrypts") if each["seals"] else tr("decrypts only"),
        )
        for each in found
    ]
    emit(
        found,
        as_json,
        lambda console: console.print(table("Keys", ("Key", "Created", "Values", "Use"), rows)),
    )


@app.command("rotate", cls=DeclaredCommand)
def rotate(
    *,
    signing: Signing = False,
    soon: Annotated[
        bool,
        typer.Option(
            "--soon",
            help="With --signing: the new keys sign in a minute, not in a day. Clients that keep the keys they "
            "fetched may refuse new tokens for up to an hour.",
            show_default=False,
        ),
    ] = False,
    realm: RealmName = "",
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a new encryption key and encrypt all stored values with it. A running service continues meanwhile.

    Asks first. With PostgreSQL, copy the key ring to all nodes at once: until then the others answer 503.
    """
    from lingpai.cli.output import done, emit, note

    if signing:
        show_signing_keys(
            with_realms(data, partial(rotate_signing, realm, soon=soon), create=True), as_json=as_json
        )
        return

    nodes, ring = _confirm_rotation(data, yes=yes)

    async def turn(keeper: "Keeper") -> dict[str, Any]:
        from lingpai.core.audit import Change

        key = keeper.ring.rotate(keeper.clock.now())
        resealed = await _reseal(keeper)
        await keeper.note(Change("key.rotate", str(key.id), after={"resealed": resealed}))
        return {"key": key.id, "resealed": resealed}

    result = with_keeper(data, turn)
    text = tr(
        "Key {key} encrypts from now on; stored values encrypted again: {count}.",
        key=result["key"],
        count=result["resealed"],
    )
    emit(result, as_json, done(text))
    note(tr("Copy {ring} to all nodes now." if nodes else "Back up {ring} again.", ring=ring))


def _confirm_rotation(data: "Path | None", *, yes: bool) -> tuple[bool, "Path"]:
    """Ask before a rotation. Where one node alone can use the store, scripts need not confirm.

    Returns:
        Whether several nodes can use the store, and the key ring's file.

    Raises:
        typer.BadParameter: nobody can be asked.
        Problem: the operator does not agree.
    """
    import sys

    from lingpai.cli.realms import confirm
    from lingpai.settings import load_settings

    settings = load_settings(data=data)
    ring, nodes = settings.key_ring_file, settings.store_address.dsn is not None
    text = (
        "Rotate the key in {ring}? Every other node answers 503 until you have copied this file to it."
        if nodes
        else "Rotate the key in {ring}? Backups of this file from before do not decrypt what is stored from now on."
    )
    confirm(tr(text, ring=ring), yes=yes or not (nodes or sys.stdin.isatty()))
    return nodes, ring


@app.command("reseal")
def reseal(*, data: Data = None, as_json: Json = False) -> None:
    """Encrypt again, with the active key, the values that older keys encrypted.

    Use it after an interrupted rotation, and before a key is retired.
    """
    from lingpai.cli.output import done, emit

    async def seal(keeper: "Keeper") -> dict[str, Any]:
        return {"key": keeper.ring.newest.id, "resealed": await _reseal(keeper)}

    result = with_keeper(data, seal)
    emit(result, as_json, done(tr("Stored values encrypted again: {count}.", count=result["resealed"])))


@app.command("retire")
def retire(
    *,
    key: Annotated[int, typer.Argument(help="Number of the key; see key list.", show_default=False)],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Permanently remove an old key that no stored value needs. Tokens that the issuer encrypted with it end."""
    from lingpai.cli.output import done, emit

    async def drop(keeper: "Keeper") -> None:
        from lingpai.core.audit import Change
        from lingpai.operating.sealing import count_sealed, settle

        if any(each.id == key for each in keeper.ring.keys[:-1]):
            await settle(keeper)
        count = (await count_sealed(keeper)).get(key, 0)
        if count:
            raise Problem(
                tr(
                    "Stored values still encrypted with key {key}: {count}; run `lingpai key reseal` first.",
                    key=key,
                    count=count,
                )
            )
        keeper.ring.retire(key)
        await keeper.note(Change("key.retire", str(key)))

    with_keeper(data, drop)
    emit({"key": key, "outcome": "retired"}, as_json, done(tr("Key {key} was removed.", key=key)))


async def _read(keeper: "Keeper") -> list[dict[str, Any]]:
    from lingpai.core.moments import moment
    from lingpai.operating.sealing import count_sealed

    counts = await count_sealed(keeper)
    return [
        {
            "key": key.id,
            "created_at": moment(key.created_at),
            "values": counts.get(key.id, 0),
            "seals": key.id == keeper.ring.newest.id,
        }
        for key in keeper.ring.keys
    ]


async def _reseal(keeper: "Keeper") -> int:
    from lingpai.cli.output import progress
    from lingpai.operating import sealing

    newest = keeper.ring.newest.id
    total = sum(count for key, count in (await sealing.count_sealed(keeper)).items() if key != newest)
    with progress("Encrypting again", total) as advance:
        return await sealing.reseal(keeper, advance)
