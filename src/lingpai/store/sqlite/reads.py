"""Reads on the event loop, and the cache of what was decoded from rows.

All reads of one turn of the event loop share one transaction, as to begin and to end one takes as long as a read
itself. The cache contains what was decoded from rows of the few tables whose triggers (`migrations/0004`) move the one
row of `cache_stamp`, and is emptied whenever anybody, in any process, has changed one of them. The first read of each
turn asks SQLite whether anybody committed anything (`PRAGMA data_version`), and if so, the stamp, in the transaction
that the turn's other reads share. Once a turn is enough: the loop runs what is ready in order, so whatever a later read
of the same turn serves, a request or the end of a write of ours, was there before that first read, or comes after
`_end_turn`. So neither is older than the last commit that anybody knew of before asking. (It would not be enough
for reads from a protocol's callback, which the loop runs before what is ready; verbs run in the turn after it.)
"""

import asyncio
from collections.abc import Callable, Collection, Hashable
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from lingpai.store.queries import Row
from lingpai.store.sqlite.connect import READER_PATIENCE, connect
from lingpai.store.sqlite.faults import FAULTS, PASSING, close_quietly, unavailable
from lingpai.store.sqlite.queries import Bindings

T = TypeVar("T")

CACHED: Final = 50_000
"""Entries of the cache at most."""

_MISSING: Final = object()
_UNKNOWN: Final = -1
_STAMP: Final = "SELECT stamp FROM cache_stamp"


class Reads:
    """Reads one database file from one event loop. Made and used on that loop.

    Args:
        path: the file, which exists and has its schema.
        watchers: who waits for a commit.
        on_commit: called when a read finds that anybody has committed, while there are watchers.

    Attributes:
        path: as given.
        kept: what `cached` keeps, by key; to be read only `in_turn`.
        in_turn: whether `begin_turn` was called in this turn of the loop.
    """

    def __init__(self, path: Path, watchers: Collection[object], on_commit: Callable[[], None]) -> None:
        self.path = path
        self.kept: dict[Hashable, Any] = {}
        self.in_turn = False
        self._watchers, self._on_commit = watchers, on_commit
        self._loop = asyncio.get_running_loop()
        self._reader: apsw.Connection | None = None
        self._cursor: apsw.Cursor | None = None
        self._version: int | None = None
        self._stamp = _UNKNOWN
        self._closed = False

    def rows(self, query: str, bindings: Bindings = ()) -> list[Row]:
        """All rows of a quick query, read at once on the event loop.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        cursor = self._cursor
        if cursor is None or not self.in_turn:
            cursor = self.begin_turn()
        try:
            return cursor.execute(query, bindings).fetchall()
        except FAULTS as fault:
            self._let_go(fault)
            raise unavailable(fault) from fault

    def reader(self, query: str, decode: Callable[[Row], T]) -> Callable[[int], T | None]:
        """Return a function that reads and decodes one row by a number, with a quick query; None for no row.

        What it makes raises LingpaiError: STORE_UNAVAILABLE.
        """

        def read(number: int) -> T | None:
            cursor = self._cursor
            if cursor is None or not self.in_turn:
                cursor = self.begin_turn()
            try:
                rows = cursor.execute(query, (number,)).fetchall()
            except FAULTS as fault:
                self._let_go(fault)
                raise unavailable(fault) from fault
            return decode(rows[0]) if rows else None

        return read

    def cached(self, key: Hashable, read: Callable[[], T]) -> T:
        """Return the result of `read` for `key`: the cached one, unless a table that it may read has changed since.

        Args:
            key: what it is about.
            read: reads rows of the tables that move `cache_stamp`, and of no others.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if not self.in_turn:
            self.begin_turn()
        found: T = self.kept.get(key, _MISSING)
        if found is not _MISSING:
            return found
        value = read()
        if len(self.kept) >= CACHED:
            self.kept.clear()
        self.kept[key] = value
        return value

    def stamp(self) -> int:
        """A value that changes whenever `cached` may read anew, by the commits of anybody.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if not self.in_turn:
            self.begin_turn()
        return self._stamp

    def look(self) -> bool:
        """See what was committed, as the first read of each turn does; True when anything was since the last look.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        before = self._version
        if not self.in_turn:
            self.begin_turn()
        return before is not None and before != self._version

    def begin_turn(self) -> apsw.Cursor:
        """Begin the transaction of this turn of the loop, and empty the cache if what it is made from has changed.

        Returns:
            The reader.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        try:
            cursor = self._cursor or self._connect_reader()
            cursor.execute("BEGIN")
            version: int = cursor.execute("PRAGMA data_version").get
            if version != self._version:
                stamp: int = cursor.execute(_STAMP).get
                if stamp != self._stamp:
                    self._stamp = stamp
                    self.kept.clear()
                self._version = version
                if self._watchers:
                    self._on_commit()
        except FAULTS as fault:
            self._drop_reader()  # whatever is kept may be stale now
            raise unavailable(fault) from fault
        self.in_turn = True
        self._loop.call_soon(self._end_turn)
        return cursor

    def _end_turn(self) -> None:
        self.in_turn = False
        if self._reader is None or not self._reader.in_transaction:
            return
        try:
            self._reader.execute("COMMIT")
        except FAULTS:  # nothing was written by it; the next read raises it
            self._drop_reader()

    def _connect_reader(self) -> apsw.Cursor:
        if self._closed:
            raise apsw.ConnectionClosedError("the store is closed")
        self._reader = connect(self.path, READER_PATIENCE, reads_only=True)
        self._cursor = self._reader.cursor()
        return self._cursor

    def _let_go(self, fault: apsw.Error) -> None:
        if not isinstance(fault, PASSING):
            self._drop_reader()

    def _drop_reader(self) -> None:
        close_quietly(self._reader)
        self._reader = self._cursor = None
        self.in_turn = False
        self._version = self._stamp = _UNKNOWN
        self.kept.clear()
