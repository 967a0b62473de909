"""Putting a backup back, into either engine.

The backup is copied into a working file beside the store, brought up to date and settled there (`settling`). An
embedded store is then replaced by that file in one step, so that who is killed before leaves the old one. A database is
filled from it as by `store copy`: from its first change to its last no node serves from it (`database`).
"""

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from lingpai.core import private_files
from lingpai.core.keyring import KeyRing
from lingpai.store.address import Address
from lingpai.store.backups.errors import BackupError
from lingpai.store.backups.making import Begin, copy_file
from lingpai.store.backups.settling import USED, Settled, SqliteSide, settle
from lingpai.store.backups.verifying import check_store
from lingpai.store.sqlite.connect import connect as open_file
from lingpai.store.sqlite.faults import FAULTS
from lingpai.store.sqlite.faults import unavailable as unreadable
from lingpai.store.sqlite.schema import apply_migrations
from lingpai.store.vault import Vault

_PATIENCE: Final = 1.0
"""Seconds to wait for the store that is to be replaced; a service keeps its locks for as long as it runs."""


class Restored(msgspec.Struct, frozen=True):
    """The result of a restore: the store, how it was settled, and where the previous one is now, if there was one."""

    store: str
    settled: Settled
    kept: str | None = None


async def is_filled(address: Address) -> bool:
    """True when a store contains anything that a restore would replace.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    if address.dsn is None:
        if not address.file.exists():
            return False
        try:
            with contextlib.closing(open_file(address.file, _PATIENCE, reads_only=True)) as connection:
                return any(map(bool, _filled(connection)))
        except FAULTS:  # damaged: whoever wants it replaced says so
            return True
    from lingpai.store.backups import database  # noqa: PLC0415  an extra: it may not be installed

    return await database.is_filled(address.dsn)


def _filled(connection: apsw.Connection) -> Iterator[Any]:
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema").fetchall()}
    for name in there & set(USED):
        yield connection.execute(f"SELECT EXISTS (SELECT 1 FROM {name})").get  # noqa: S608  names of our own schema


async def restore(
    address: Address, ring: KeyRing, backup: Path, begin: Begin, *, end_grants: bool
) -> Restored:
    """Replace a store by a backup, settled.

    Args:
        address: the store's; a file is made when there is none, a database has to exist.
        ring: the key ring of the backup, and of the store from then on.
        backup: the file, which is only read.
        begin: shows progress.
        end_grants: whether every grant ends.

    Raises:
        BackupError: the store is in use, or the backup is no store or damaged.
        SealError, KeyRingError: the backup is sealed with another key ring.
        LingpaiError: STORE_UNAVAILABLE.
        OSError: files cannot be written.
    """
    beside = address.file if address.dsn is None else ring.path or address.file
    folder = beside.resolve().parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    work = folder / f".{address.file.name}.restoring"
    try:
        with private_files.alone_in(folder), _working_file(work):
            try:
                copy_file(backup, work, begin)
            except (apsw.NotADBError, apsw.CorruptError) as error:
                raise BackupError(
                    f"{backup} is not a store, or is damaged ({error}); use another backup."
                ) from error
            check_store(work, ring)
            apply_migrations(work)
            settled = await _settle_file(work, Vault(ring), end_grants=end_grants)
            if address.dsn is None:
                return Restored(address.name, settled, _put_in_place(work, address.file.resolve()))
            from lingpai.store.backups import database  # noqa: PLC0415  an extra: it may not be installed

            await database.fill(address.dsn, work, ring, begin)
            return Restored(address.name, settled)
    except FAULTS as fault:
        raise unreadable(fault) from fault


async def settle_in_place(address: Address, ring: KeyRing, *, end_grants: bool) -> Restored:
    """Settle a store that was put back by other means: a snapshot, pg_restore, a standby that was behind.

    Raises:
        BackupError: the store is in use.
        SealError, KeyRingError: it is sealed with another key ring.
        LingpaiError: STORE_UNAVAILABLE.
    """
    vault = Vault(ring)
    if address.dsn is None:
        try:
            check_store(address.file, ring)
            apply_migrations(address.file)
            with _alone_with(address.file) as connection:
                settled = await settle(SqliteSide(connection), vault, end_grants=end_grants)
                connection.execute("COMMIT")
        except FAULTS as fault:
            raise unreadable(fault) from fault
        return Restored(address.name, settled)
    from lingpai.store.backups import database  # noqa: PLC0415  an extra: it may not be installed

    return Restored(address.name, await database.settle_in_place(address.dsn, vault, end_grants=end_grants))


@contextlib.contextmanager
def _working_file(work: Path) -> Iterator[None]:
    """An empty private file; what a restore that was killed left there is removed."""
    _remove(work)
    os.close(os.open(work, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        yield
    finally:
        _remove(work)


def _remove(work: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        work.with_name(work.name + end).unlink(missing_ok=True)


async def _settle_file(work: Path, vault: Vault, *, end_grants: bool) -> Settled:
    with contextlib.closing(apsw.Connection(str(work))) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, whole by itself
        connection.execute("BEGIN IMMEDIATE")
        settled = await settle(SqliteSide(connection), vault, end_grants=end_grants)
        connection.execute("COMMIT")
    with work.open("rb") as written:
        os.fsync(written.fileno())
    return settled


def _put_in_place(work: Path, store: Path) -> str | None:
    """Replace the store; where the one before lies now."""
    if not store.exists():
        for end in (
            "-wal",
            "-shm",
            "-journal",
        ):  # of a store that was removed: SQLite would read them into this one
            store.with_name(store.name + end).unlink(missing_ok=True)
        work.rename(store)
        private_files.sync_folder(store.parent)
        return None
    moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = store.with_name(f"{store.name}.before-restore-{moment}")
    with _alone_with(store):
        os.link(store, kept)
        work.replace(store)
        private_files.sync_folder(store.parent)
    return str(kept)


@contextlib.contextmanager
def _alone_with(store: Path) -> Iterator[apsw.Connection]:
    """A transaction that keeps everybody else out of an embedded store, all of which is in its one file then.

    Raises:
        BackupError: somebody uses it.
    """
    connection = apsw.Connection(str(store), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(int(_PATIENCE * 1000))
        with contextlib.suppress(apsw.NotADBError, apsw.CorruptError):  # damaged: nobody serves from it
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()  # where others have it open: busy
            connection.execute("BEGIN EXCLUSIVE")
        yield connection
    except apsw.BusyError as error:
        raise BackupError(
            "The store is in use. Stop the service and whatever else uses it, then try again."
        ) from error
    finally:
        connection.close(True)
