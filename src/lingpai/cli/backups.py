"""`lingpai backup` and `lingpai restore`: the store and the key ring, apart from each other."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingpai.cli.realms import Yes, confirm
from lingpai.cli.running import Data, Json, demand_host, demand_store
from lingpai.messages.problems import Problem
from lingpai.messages.translating import tr, tr_reason

if TYPE_CHECKING:
    from rich.console import Console

    from lingpai.core.keyring import KeyRing
    from lingpai.settings import Settings
    from lingpai.store.backups.restoring import Restored

ENDED = {
    "sessions": "Sessions: users log in again",
    "online": "Grants that end with a session",
    "authorizations": "Open login and consent pages",
    "codes": "Codes that were not redeemed",
    "terminal_keys": "Keys on terminals' screens",
    "exchanges": "Login codes that were exchanged upstream, with their answers",
    "leases": "Leases of renewals",
    "roles": "Roles of workers",
    "grants": "Grants: users allow apps again, apps fetch their tokens again",
}
NOTES = (
    (
        "Everything revoked, disabled or reset since the backup is undone: check callers, accounts, "
        "apps and users."
    ),
    "Grants that were ended since the backup are valid again; --end-grants ends all of them.",
    "Daily budgets and quotas only count use before the backup.",
)


def backup(
    *,
    store: Annotated[
        Path | None,
        typer.Argument(
            help="New file for the store; without it, only the key ring is backed up.", show_default=False
        ),
    ] = None,
    key_ring: Annotated[
        Path | None,
        typer.Option(
            "--key-ring",
            help="New file for the key ring, in another folder.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Back up the store while it is in use, and the key ring into a separate file. Both are verified, mode 0600.

    The backup of a PostgreSQL database has the same file format. Existing files are never overwritten.
    """
    demand_host()
    from lingpai.cli.output import done, emit
    from lingpai.core.keyring import KeyRing
    from lingpai.settings import load_settings

    if store is None and key_ring is None:
        raise typer.BadParameter(tr("Name a file for the store, or a file for the key ring with --key-ring."))
    if store is not None and key_ring is not None and store.resolve().parent == key_ring.resolve().parent:
        raise typer.BadParameter(
            tr(
                "Keep the key ring in another folder, preferably on another machine: whoever "
                "has both can read every secret."
            )
        )
    settings = load_settings(data=data)
    demand_store(settings, create=False)
    ring = KeyRing(settings.key_ring_file)
    document: dict[str, Any] = {"store": None, "key_ring": None, "keys": [key.id for key in ring.keys]}
    lines = []
    if store is not None:
        made = _make(settings, ring, store)
        document |= {"store": made.store, "bytes": made.bytes, "rows": made.rows}
        rows = sum(made.rows.values())
        lines.append(tr("Store saved to {path} and verified. Rows: {rows}.", path=made.store, rows=rows))
    if key_ring is not None:
        with _reported():
            _copy_ring(ring, settings.key_ring_file, key_ring)
        document["key_ring"] = str(key_ring)
        lines.append(tr("Key ring saved to {path}. Keep it apart from the store.", path=key_ring))
    else:
        lines.append(
            tr(
                "The backup does not contain the key ring, and the store cannot be decrypted "
                "without it: back it up too, with --key-ring."
            )
        )
    emit(document, as_json, done("\n".join(lines)))


def restore(
    *,
    store: Annotated[
        Path | None, typer.Argument(help="Backup of the store, from either engine.", show_default=False)
    ] = None,
    key_ring: Annotated[
        Path | None,
        typer.Option(
            "--key-ring",
            help="Backup of the key ring, needed when the key ring itself is lost.",
            show_default=False,
        ),
    ] = None,
    end_grants: Annotated[
        bool,
        typer.Option(
            "--end-grants", help="Also end every grant, for example after a theft.", show_default=False
        ),
    ] = False,
    in_place: Annotated[
        bool,
        typer.Option(
            "--in-place",
            help=(
                "The store was already restored (pg_restore, a snapshot, a standby): only end "
                "what may have changed since then."
            ),
            show_default=False,
        ),
    ] = False,
    yes: Yes = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Restore a backup, and end everything whose state after the backup is unknown. Stop the service first.

    Ids continue far above those issued since the backup; sessions, codes, leases and roles end; cached tokens are
    fetched again. An existing embedded store is kept beside the new one.
    """
    demand_host()
    from lingpai.cli.output import emit
    from lingpai.core.keyring import KeyRing
    from lingpai.settings import load_settings

    if (store is None) is not in_place:
        raise typer.BadParameter(tr("Name the backup, or pass --in-place."))
    settings = load_settings(data=data)
    if store is not None and not store.is_file():
        raise Problem(tr("There is no backup at {path}.", path=store))
    if in_place:
        demand_store(settings, create=False)
    ring_file = _ring_file(settings, key_ring)
    ring = KeyRing(ring_file)
    done = _restore(settings, ring, store, end_grants=end_grants, yes=yes, ring_file=ring_file)
    document = {
        "store": done.store,
        "backup": None if store is None else str(store),
        "key_ring": str(settings.key_ring_file),
        "kept": done.kept,
        "ended": done.settled.ended,
        "fetched_anew": done.settled.fetched_anew,
        "ids_ahead": done.settled.ids_ahead,
        "notes": [tr(each) for each in NOTES],
    }
    emit(document, as_json, lambda console: _render(console, done))


def _render(console: "Console", done: "Restored") -> None:
    from lingpai.cli.output import say, table

    rows = [(tr(ENDED[name]), str(count)) for name, count in done.settled.ended.items()]
    console.print(table("Ended", ("What", "Count"), rows))
    say(
        console,
        tr("Cached tokens and tickets to fetch again: {count}.", count=done.settled.fetched_anew),
    )
    for note in NOTES:
        say(console, tr(note))
    if done.kept:
        say(
            console, tr("The previous store is in {path}; remove it when nothing is missing.", path=done.kept)
        )
    say(
        console,
        tr("Restored {store}. Start the service, then run `lingpai doctor`.", store=done.store),
        "green",
    )


def _make(settings: "Settings", ring: "KeyRing", store: Path) -> Any:
    from lingpai.store.backups.making import back_up

    with _reported(), _progress("Backing up") as begin:
        return asyncio.run(back_up(settings.store_address, ring, store, begin))


def _restore(
    settings: "Settings", ring: "KeyRing", store: Path | None, *, end_grants: bool, yes: bool, ring_file: Path
) -> "Restored":
    from lingpai.core import private_files
    from lingpai.store.backups.restoring import is_filled, restore, settle_in_place
    from lingpai.store.backups.verifying import check_store

    address = settings.store_address
    with _reported():
        if store is None:
            confirm(
                tr(
                    (
                        "End everything in {store} that may have changed since its backup? No "
                        "program uses it now."
                    ),
                    store=address.name,
                ),
                yes=yes,
            )
            return asyncio.run(settle_in_place(address, ring, end_grants=end_grants))
        check_store(store, ring)
        if asyncio.run(is_filled(address)):
            confirm(tr("Replace everything in {store} with the backup?", store=address.name), yes=yes)
        if ring_file != settings.key_ring_file:
            settings.key_ring_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            private_files.write_new(settings.key_ring_file, ring_file.read_bytes())
            from lingpai.core.keyring import KeyRing

            ring = KeyRing(settings.key_ring_file)
        with _progress("Restoring") as begin:
            return asyncio.run(restore(address, ring, store, begin, end_grants=end_grants))


def _ring_file(settings: "Settings", given: Path | None) -> Path:
    """Return the key ring's file: that of the settings, or the backup that will replace it."""
    there = settings.key_ring_file
    if given is None:
        if not there.exists():
            text = "The key ring {path} is missing; name its backup with --key-ring."
            raise Problem(tr(text, path=there))
        return there
    if there.exists():
        if there.read_bytes() != given.read_bytes():
            text = "There is another key ring at {path}. Move it away if the backup is not encrypted with it."
            raise Problem(tr(text, path=there))
        return there
    return given


def _copy_ring(ring: "KeyRing", source: Path, target: Path) -> None:
    from lingpai.core import private_files
    from lingpai.core.keyring import KeyRing
    from lingpai.store.backups.errors import taken

    try:
        private_files.write_new(target, source.read_bytes())
    except FileExistsError as error:
        raise taken(target) from error
    if KeyRing(target).keys[0] != ring.keys[0]:
        raise Problem(
            tr("The key ring in {path} differs from what was read; make another backup.", path=target)
        )


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    from lingpai.store.backups.errors import BackupError

    try:
        yield
    except BackupError as error:
        raise Problem(tr_reason(str(error))) from error


@contextlib.contextmanager
def _progress(text: str) -> "Iterator[Callable[[int], Callable[[int], None]]]":
    """Show progress bars for work in parts; each part gives its length when it begins."""
    from lingpai.cli.output import progress

    with contextlib.ExitStack() as bars:

        def begin(total: int) -> Callable[[int], None]:
            bars.close()
            return bars.enter_context(progress(text, total))

        yield begin
