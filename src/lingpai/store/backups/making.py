"""Making a backup: one file of mode 0600, which is an embedded store whichever engine it was made from.

An embedded store is copied by SQLite's online backup within one read transaction, so that the service goes on and the
copy is of one moment. A database is read in one snapshot (`database`).
"""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from lingpai.core import private_files
from lingpai.core.keyring import KeyRing
from lingpai.store.address import Address
from lingpai.store.backups.errors import BackupError, taken
from lingpai.store.backups.verifying import check_store
from lingpai.store.sqlite.connect import WRITER_PATIENCE
from lingpai.store.sqlite.connect import connect as open_file
from lingpai.store.sqlite.faults import FAULTS
from lingpai.store.sqlite.faults import unavailable as unreadable

PAGES: Final = 1000
"""Pages that are copied in one step: a few milliseconds."""

Begin = Callable[[int], Callable[[int], None]]
"""Given the number of steps, returns what to call with each number of steps that is done."""


class Made(msgspec.Struct, frozen=True):
    """A backup that was made and verified: where it is, how large, and how many rows each table has."""

    store: str
    bytes: int
    rows: dict[str, int]


async def back_up(address: Address, ring: KeyRing, target: Path, begin: Begin) -> Made:
    """Make a backup of a store, which may be in use, and verify it.

    Args:
        address: the store's.
        ring: its key ring, which is not in the backup.
        target: the new file.
        begin: shows progress.

    Raises:
        BackupError: the target is there already, or the copy is not what was read.
        SealError, KeyRingError: the store is sealed with another key ring.
        LingpaiError: STORE_UNAVAILABLE.
        OSError: the target cannot be written.
    """
    with new_file(target) as file:
        try:
            if address.dsn is None:
                copy_file(address.file, file, begin)
            else:
                from lingpai.store.backups.database import export  # noqa: PLC0415  an extra

                await export(address.dsn, file, begin)
            rows = check_store(file, ring)
        except FAULTS as fault:
            raise unreadable(fault) from fault
        size = file.stat().st_size
    return Made(str(target), size, rows)


@contextlib.contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A file to fill (mode 0600), which bears its name only once the block has ended well.

    Raises:
        BackupError: there is one of this name.
        OSError: it cannot be made.
    """
    if target.exists() or target.is_symlink():
        raise taken(target)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(descriptor)
    file = Path(name)
    try:
        yield file
        with file.open("rb") as written:
            os.fsync(written.fileno())
        try:
            os.link(file, target)
        except FileExistsError as error:
            raise BackupError(
                f"{target} exists already; backups are not overwritten. Choose another name."
            ) from error
        private_files.sync_folder(target.parent)
    finally:
        for end in ("", "-journal", "-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)


def copy_file(source: Path, target: Path, begin: Begin) -> None:
    """Copy an embedded store, as it is at one moment, into an empty file.

    Raises:
        apsw.Error: of either side.
    """
    with (
        contextlib.closing(open_file(source, WRITER_PATIENCE, reads_only=True)) as live,
        contextlib.closing(apsw.Connection(str(target))) as copy,
    ):
        live.execute("BEGIN")  # one snapshot: else each commit of others would begin the copy anew
        pages: Any = live.execute("SELECT page_count FROM pragma_page_count").get
        advance = begin(int(pages))
        with copy.backup("main", live, "main") as work:
            left = int(pages)
            while not work.done:
                work.step(PAGES)
                advance(left - work.remaining)
                left = work.remaining
        live.execute("COMMIT")
        copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # a file that is whole by itself
