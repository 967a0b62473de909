"""The sandbox's state: rows in memory, written through to a file before an answer goes out.

One SQLite file without fsync: a killed process loses nothing, as the system has what was written.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import apsw
import msgspec

from lingpai.core.clock import Clock, End

_KEPT_AFTER_END: Final = 86400.0  # long enough to tell "expired" from "never heard of"
_PURGE_EVERY: Final = 1000
# A table of ours is the value of a column, which files of earlier versions call drawer.
_SCHEMA: Final = (
    "create table if not exists item"
    " (drawer text, key text, body blob, primary key (drawer, key)) without rowid"
)
FOREVER: Final = End(1e15, 1e15, "")


class Row(msgspec.Struct, kw_only=True):
    """A remembered row; it is deleted a day after ``ends``."""

    ends: End


RowT = TypeVar("RowT", bound=Row)


class StateFile:
    """The file behind the tables, or nothing when the sandbox only lives in memory.

    Args:
        file: where to keep the state; None keeps nothing.
        clock: decides which rows are over.

    Raises:
        apsw.Error: the file cannot be opened or is not such a file.
    """

    def __init__(self, file: Path | None, clock: Clock) -> None:
        self.clock = clock
        self._file = file
        self._db: apsw.Connection | None = None

    def _execute(self, sql: str, *values: str | bytes) -> Iterator[tuple[Any, ...]]:
        if self._file is None:
            return iter(())
        if self._db is None:  # also after a close: a server may be stopped and started again
            self._db = _open(self._file)
        return self._db.execute(sql, values)

    def load(self, table: str) -> list[tuple[str, bytes]]:
        """Return every (key, body) of ``table``."""
        return [
            (key, body) for key, body in self._execute("select key, body from item where drawer = ?", table)
        ]

    def put(self, table: str, key: str, body: bytes) -> None:
        """Write one row; it survives the process once this returns."""
        self._execute("insert or replace into item values (?, ?, ?)", table, key, body)

    def drop(self, table: str, key: str) -> None:
        """Delete one row, if there."""
        self._execute("delete from item where drawer = ? and key = ?", table, key)

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()
            self._db = None


def _open(file: Path) -> apsw.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    db = apsw.Connection(str(file))
    db.set_busy_timeout(1000)
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "off")
    db.execute(_SCHEMA)
    return db


class Table(Generic[RowT]):
    """Rows of one type by key, in memory and on the file."""

    def __init__(self, file: StateFile, name: str, row: type[RowT]) -> None:
        self._file = file
        self._name = name
        self._puts = 0
        decoder = msgspec.msgpack.Decoder(row)
        self._rows: dict[str, RowT] = {key: decoder.decode(body) for key, body in file.load(name)}

    def get(self, key: str) -> RowT | None:
        """The row of ``key``, if there is one; change it only together with ``put``."""
        return self._rows.get(key)

    def put(self, key: str, row: RowT) -> RowT:
        """Keep ``row`` under ``key``, and give it back."""
        self._rows[key] = row
        self._file.put(self._name, key, msgspec.msgpack.encode(row))
        self._puts += 1
        if self._puts % _PURGE_EVERY == 0:
            self.purge()
        return row

    def drop(self, key: str) -> None:
        """Forget ``key``, if it is there."""
        if self._rows.pop(key, None) is not None:
            self._file.drop(self._name, key)

    def items(self) -> list[tuple[str, RowT]]:
        """All keys and rows; rows may be dropped meanwhile."""
        return list(self._rows.items())

    def values(self) -> list[RowT]:
        """All rows; rows may be dropped meanwhile."""
        return list(self._rows.values())

    def purge(self) -> None:
        """Forget what ended a day ago."""
        for key, row in self.items():
            if row.ends.remaining(self._file.clock) < -_KEPT_AFTER_END:
                self.drop(key)
