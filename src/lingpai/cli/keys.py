"""`lingpai key`: the ring of keys that encrypt the store's secrets."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.declared_help import DeclaredCommand
from lingpai.cli.listing import read_all
from lingpai.cli.realms import RealmName, Yes, confirm, with_realms
from lingpai.cli.running import Data, Json, Steps, server, with_operating
from lingpai.cli.signing import list_signing, rotate_signing, show_signing_keys
from lingpai.messages.translating import tr

if TYPE_CHECKING:
    from pathlib import Path

    from lingpai.operating.port import Operating

KIND = "keys"
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
    found = with_operating(data, lambda port: read_all(port, KIND))
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

    hint = _confirm_rotation(data, yes=yes)
    result = _encrypting(data, "rotate")
    text = tr(
        "Key {key} encrypts from now on; stored values encrypted again: {count}.",
        key=result["key"],
        count=result["resealed"],
    )
    emit(result, as_json, done(text))
    note(hint)


def _confirm_rotation(data: "Path | None", *, yes: bool) -> str:
    """Ask before a rotation. Where one node alone can use the store, scripts need not confirm.

    Returns:
        What to do after it.

    Raises:
        typer.BadParameter: nobody can be asked.
        Problem: the operator does not agree.
    """
    import sys

    if server():
        confirm(
            tr(
                "Rotate the key of {server}? Backups of its key ring from before do not decrypt what is stored from "
                "now on, and other nodes answer 503 until you have copied the file to them.",
                server=server(),
            ),
            yes=yes,
        )
        return tr("Copy the file of the key ring to all nodes now, and back it up again.")
    from lingpai.settings import load_settings

    settings = load_settings(data=data)
    ring, nodes = settings.key_ring_file, settings.store_address.dsn is not None
    text = (
        "Rotate the key in {ring}? Every other node answers 503 until you have copied this file to it."
        if nodes
        else "Rotate the key in {ring}? Backups of this file from before do not decrypt what is stored from now on."
    )
    confirm(tr(text, ring=ring), yes=yes or not (nodes or sys.stdin.isatty()))
    return tr("Copy {ring} to all nodes now." if nodes else "Back up {ring} again.", ring=ring)


@app.command("reseal")
def reseal(*, data: Data = None, as_json: Json = False) -> None:
    """Encrypt again, with the active key, the values that older keys encrypted.

    Use it after an interrupted rotation, and before a key is retired.
    """
    from lingpai.cli.output import done, emit

    result = _encrypting(data, "reseal")
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

    async def drop(port: "Operating") -> None:
        await port.remove(KIND, (str(key),))

    with_operating(data, drop)
    emit({"key": key, "outcome": "retired"}, as_json, done(tr("Key {key} was removed.", key=key)))


def _encrypting(data: "Path | None", action: str) -> dict[str, Any]:
    """Encrypt stored values again, and show how far it is."""
    from lingpai.cli.output import progress

    steps = Steps()

    async def run(port: "Operating") -> dict[str, Any]:
        keys = await read_all(port, KIND)
        old = sum(each["values"] for each in keys if action == "rotate" or not each["seals"])
        with progress("Encrypting again", old) as steps.shown:
            return await port.act(KIND, (), action, {})

    return with_operating(data, run, steps=steps)
