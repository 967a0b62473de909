"""Reads on the event loop, and the cache of what was decoded from rows.

All reads of one turn of the event loop share one transaction, as to begin and to end one takes as long as a read
itself. The cache contains what was decoded from rows of the few tables whose triggers (`migrations/0004`, `0041`)
change the one row of `cache_stamp`. When credentials were changed, in whatever process, what was decoded from those is
dropped; when anything else was, the cache is emptied. The first read of each turn asks SQLite whether
anybody committed anything (`PRAGMA data_version`), and if so, for that row, in the transaction that the turn's other
reads share. Once a turn is enough: the loop runs what is ready in order, so whatever a later read of the same turn
serves, a request or the end of a write of ours, was there before that first read, or comes after `_end_turn`. So
neither is older than the last commit that anybody knew of before asking. (It would not be enough for reads from a
protocol's callback, which the loop runs before what is ready; verbs run in the turn after it.)
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
from lingpai.store.validity import Validity

T = TypeVar("T")

CACHED: Final = 50_000
"""Entries of the cache at most."""

_MISSING: Final = object()
_UNKNOWN: Final = (-1, -1)
_MARK: Final = "SELECT stamp - changed, changed FROM cache_stamp"
_LISTED: Final = 1000
"""Changes of credentials that are listed; before more than these, everything may have changed."""
_CHANGES: Final = "SELECT DISTINCT credential_id FROM credential_changes WHERE id > ?"


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
        self._mark = _UNKNOWN
        self._keys: dict[int | None, list[Hashable]] = {}
        self._validities: dict[int, Validity] = {}
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

    def cached(
        self, key: Hashable, read: Callable[[], T], credential_of: Callable[[T], int | None] | None = None
    ) -> T:
        """Return the result of `read` for `key`: the cached one, unless a table that it may read has changed since.

        Args:
            key: what it is about.
            read: reads rows of the tables whose triggers change `cache_stamp`, and of no others.
            credential_of: where it reads of credentials: returns the id of the one that a result is of, or None for
                none, as which it is right until any credential changes.

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
            self._forget_all()
        self.kept[key] = value
        if credential_of is not None:
            self._keys.setdefault(credential_of(value), []).append(key)
        return value

    def mark(self) -> tuple[int, int]:
        """A value that changes whenever `cached` may read anew, by the commits of anybody.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if not self.in_turn:
            self.begin_turn()
        return self._mark

    def validity(self, credential: int, mark: Hashable) -> Validity | None:
        """Return what becomes invalid when this credential, or what moves the stamp, is changed; None after `mark`.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if self.mark() != mark:
            return None
        found = self._validities.get(credential)
        if found is None:
            found = self._validities[credential] = Validity()
        return found

    def is_valid(self, validity: Validity) -> bool:
        """Return whether nobody has changed yet what `validity` is of.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if not self.in_turn:
            self.begin_turn()
        return validity.valid

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
                mark: tuple[int, int] = cursor.execute(_MARK).get
                if mark != self._mark:
                    self._forget_changed(cursor, mark)
                self._version = version
                if self._watchers:
                    self._on_commit()
        except FAULTS as fault:
            self._drop_reader()  # whatever is kept may be stale now
            raise unavailable(fault) from fault
        self.in_turn = True
        self._loop.call_soon(self._end_turn)
        return cursor

    def _forget_changed(self, cursor: apsw.Cursor, mark: tuple[int, int]) -> None:
        (known, seen), (others, last) = self._mark, mark
        if others != known or not 0 <= last - seen <= _LISTED:
            self._forget_all()
        else:
            changed: list[Row] = cursor.execute(_CHANGES, (seen,)).fetchall()
            for (credential,) in changed:
                self._forget(credential)
            self._forget(None)
        self._mark = mark

    def _forget(self, credential: int | None) -> None:
        for key in self._keys.pop(credential, ()):
            self.kept.pop(key, None)
        if credential in self._validities:
            self._validities.pop(credential).valid = False

    def _forget_all(self) -> None:
        self.kept.clear()
        self._keys.clear()
        for validity in self._validities.values():
            validity.valid = False
        self._validities.clear()

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
        self._version, self._mark = None, _UNKNOWN
        self._forget_all()
