"""Open connections, and create the file."""

import contextlib
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import apsw

WRITER_PATIENCE: Final = 5.0
READER_PATIENCE: Final = 0.25
"""Seconds to wait for a lock. Readers run on the event loop and wait for nobody but a recovery after a crash."""

_PAUSE: Final = 0.0005
"""Seconds until a lock is asked for again: about the time that a commit takes."""

_PRAGMAS: Final = ("synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY", "journal_size_limit=67108864")
_READING: Final = ("query_only=ON",)
_MAPPING: Final = ("mmap_size=2147418112",)
_WORTH_MAPPING: Final = 256 * 2**20
"""Bytes above which who only reads maps the file. A grant lies anywhere in a file that has long outgrown the page cache
of a connection: mapped, its pages are read without a system call and a copy each, which halves what five million grants
add to a read. But each mapped page is looked for in the log anew: 2 µs of each write, which a small store can spare."""
_STATEMENTS_KEPT: Final = 300
PAGE_BYTES: Final = 2048
"""Bytes of a page of a new file. What is written of a grant is its page: with 4096 bytes, as SQLite has it by itself, a
refresh or redemption costs a twentieth more. Less than 2048 makes redemptions dearer, as trees get deeper."""


class Connection(apsw.Connection):
    """A connection for one thread at a time.

    All its statements are run by one cursor, since to make one takes as long as a small statement; so whoever calls
    `execute` is done with the rows of the call before.

    Attributes:
        taken_slots: the grants that took their slots in the present transaction, by slot.
    """

    def __init__(self, path: Path) -> None:
        # SQLite need not lock what no other thread uses: a tenth of the time of a small statement.
        flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOMUTEX
        super().__init__(str(path), flags=flags, statementcachesize=_STATEMENTS_KEPT)
        self.taken_slots: dict[tuple[int, int, int], Any] = {}
        self.execute = self.cursor().execute  # type: ignore[method-assign]  # same signature; a Python method costs


def create_file(path: Path) -> None:
    """Make the file (0600) and its directory (0700) when there are none.

    Raises:
        OSError: when that is not possible.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def connect(path: Path, patience: float, *, reads_only: bool = False) -> Connection:
    """A connection to the existing database at `path`.

    Args:
        path: the database's file.
        patience: seconds to wait for other connections' locks.
        reads_only: refuse writes by it.

    Raises:
        apsw.Error: when it cannot be opened.
    """
    connection = Connection(path)
    try:
        connection.set_busy_handler(_asking_again(patience))
        connection.wal_autocheckpoint(0)
        # Without this SQLite plans a join anew for every new binding, which takes several times what running it does.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
        pragmas = [*_PRAGMAS]
        if reads_only:
            pragmas += _READING
            pragmas += _MAPPING if path.stat().st_size > _WORTH_MAPPING else ()
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close(True)
        raise
    return connection


def _asking_again(patience: float) -> Callable[[int], bool]:
    """Return a busy handler. SQLite's own waits longer each time, up to 100 ms, in which others come first again."""
    most = math.ceil(patience / _PAUSE)

    def wait(asked: int) -> bool:
        time.sleep(_PAUSE)
        return asked < most

    return wait


def use_wal(connection: apsw.Connection, patience: float = WRITER_PATIENCE) -> None:
    """Turn write-ahead logging on; it stays on in the file. One that is still empty gets our size of pages, too.

    SQLite does not wait for locks here, so several processes that start at once have to take turns by asking again.

    Raises:
        apsw.BusyError: when others were in the way for `patience` seconds.
    """
    deadline = time.monotonic() + patience
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    while True:
        try:
            if connection.execute("PRAGMA journal_mode=WAL").get == "wal":
                return
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.01)
