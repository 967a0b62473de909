"""The copy itself: begun once, continued after an interruption, verified at the end.

Rows keep their ids, to which seals and tokens are bound, and go in the order of their keys, each batch in one
transaction: so what is there already ends at the highest key, and a copy that was interrupted goes on behind it.
At the end both sides are read once more, whole, and compared by count and digest. What differs, because the source
changed between two runs, makes everything be copied once more.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final, cast

import apsw
import msgspec

from lingpai.core.keyring import KeyRing
from lingpai.store.copying import sides
from lingpai.store.copying.tables import Sum, Table, tables_of
from lingpai.store.postgresql.connect import Connection, connect
from lingpai.store.postgresql.faults import is_fault, unavailable
from lingpai.store.postgresql.schema import apply_migrations
from lingpai.store.postgresql.upkeep import take_turn
from lingpai.store.sqlite.connect import WRITER_PATIENCE
from lingpai.store.sqlite.connect import connect as open_file
from lingpai.store.sqlite.faults import FAULTS
from lingpai.store.sqlite.faults import unavailable as unreadable
from lingpai.store.vault import Vault, fingerprint_of

_SEALED: Final = {
    "accounts.secret": "SELECT secret, platform, account, label FROM accounts LIMIT 1",
    "generations.value": "SELECT value, credential_id, version FROM generations LIMIT 1",
    "issuer_secrets.sealed": "SELECT s.sealed, a.realm, a.app_id FROM issuer_secrets s "
    "JOIN issuer_apps a ON a.id = s.app_row WHERE s.sealed IS NOT NULL LIMIT 1",
}
_LOCK: Final = 0x6C696E677061_02  # one copy at a time into a database


class NotCopiedError(Exception):
    """The copy cannot be made or was not finished; the message says why and what to do."""


class Copied(msgspec.Struct, frozen=True):
    """The rows of one table that were copied, the same on both sides."""

    table: str
    rows: int
    digest: str


class Copy:
    """A copy under way. Made by `open_copy`.

    Attributes:
        tables: what is copied.
        total: steps of the whole, for a progress bar: each row is copied once and compared once.
    """

    def __init__(
        self, source: apsw.Connection, target: Connection, tables: tuple[Table, ...], fingerprint: bytes
    ) -> None:
        self.tables = tables
        self.total = 2 * sum(sides.count(source, table) for table in tables)
        self._source = source
        self._target = target
        self._version = _version(source)
        self._fingerprint = fingerprint

    async def run(self, advance: Callable[[int], None]) -> tuple[Copied, ...]:
        """Copy what is missing, compare everything, and finish.

        Args:
            advance: called with each number of rows that is done.

        Raises:
            NotCopiedError: the source changed meanwhile.
        """
        await self._fill(advance)
        copied = await self._compare(advance)
        if copied is None:  # an earlier run copied what has changed since
            await sides.empty_all(self._target, self.tables)
            await self._fill(lambda _rows: None)
            copied = await self._compare(lambda _rows: None)
        if copied is None or _version(self._source) != self._version:
            raise NotCopiedError(
                "The store changed while it was copied. Stop everything that uses it, then run the command again."
            )
        async with self._target.transaction():
            for table in self.tables:
                if table.numbered:
                    await sides.set_sequence(self._source, self._target, table)
            await self._target.execute(
                "INSERT INTO key_rings (id, fingerprint) VALUES (1, $1)", self._fingerprint
            )
            await self._target.execute("UPDATE store_copies SET finished_at = clock_timestamp()")
        await self._target.execute("ANALYZE")
        return copied

    async def _fill(self, advance: Callable[[int], None]) -> None:
        for table in self.tables:
            after = await sides.last_key(self._target, table)
            if after is not None:
                advance(await self._target.fetchval(f'SELECT count(*) FROM "{table.name}"'))  # noqa: S608
            for rows in sides.batches(self._source, table, after):
                await sides.fill(self._target, table, rows)
                advance(len(rows))

    async def _compare(self, advance: Callable[[int], None]) -> tuple[Copied, ...] | None:
        """Return what was copied, or None when the sides differ."""
        copied: list[Copied] = []
        self._source.execute("BEGIN")
        try:
            for table in self.tables:
                here, there = Sum(), Sum()
                for rows in sides.batches(self._source, table):
                    here.add(rows)
                    advance(len(rows))
                async with self._target.transaction(isolation="repeatable_read", readonly=True):
                    async for rows in sides.stored(self._target, table):
                        there.add(rows)
                if (here.rows, here.digest) != (there.rows, there.digest):
                    return None
                copied.append(Copied(table.name, here.rows, here.digest))
        finally:
            self._source.execute("COMMIT")
        return tuple(copied)


@contextlib.asynccontextmanager
async def open_copy(file: Path, dsn: str, ring: KeyRing) -> AsyncIterator[Copy]:
    """Begin a copy, or take up an unfinished one.

    Args:
        file: the embedded store, which is only read; its schema is this release's.
        dsn: the database: empty, or with an unfinished copy of the same store.
        ring: the key ring that both are sealed with.

    Raises:
        NotCopiedError: the target is not empty, or somebody else copies into it.
        DifferentTablesError: the file's schema is another release's.
        KeyRingError, SealError: the file is sealed with another key ring.
        LingpaiError: STORE_UNAVAILABLE, of either side.
    """
    await apply_migrations(dsn)
    try:
        with contextlib.closing(open_file(file, WRITER_PATIENCE, reads_only=True)) as source:
            target = await connect(dsn, 0)
            try:
                tables = await tables_of(source, target)
                _demand_ring(source, ring)
                fingerprint = fingerprint_of(ring)
                await _begin(target, tables, str(file), fingerprint)
                yield Copy(source, target, tables, fingerprint)
            finally:
                await target.close()
    except FAULTS as fault:
        raise unreadable(fault) from fault
    except Exception as error:
        if is_fault(error):
            raise unavailable(error) from error
        raise


def _demand_ring(source: apsw.Connection, ring: KeyRing) -> None:
    """Open a value of each kind, as another ring would not."""
    vault = Vault(ring)
    for column, statement in _SEALED.items():
        for sealed, *row in source.execute(statement):
            vault.open(cast("bytes", sealed), column, *row)


async def _begin(target: Connection, tables: tuple[Table, ...], source: str, fingerprint: bytes) -> None:
    if not await target.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):  # until the connection ends
        raise NotCopiedError("Another copy into this database is running.")
    async with target.transaction():
        await take_turn(target)
        await _enter(target, tables, source, fingerprint)


async def _enter(target: Connection, tables: tuple[Table, ...], source: str, fingerprint: bytes) -> None:
    """Write down that a copy is under way, which keeps nodes out, unless somebody uses the database."""
    begun = await target.fetchrow("SELECT source, fingerprint, finished_at FROM store_copies")
    if begun is None:
        used = [table.name for table in tables if not await sides.is_empty(target, table)]
        if used or await target.fetchval("SELECT EXISTS (SELECT FROM key_rings)"):
            raise NotCopiedError("This database is already in use. Copy into an empty one.")
        await target.execute(
            "INSERT INTO store_copies (id, source, fingerprint) VALUES (1, $1, $2)", source, fingerprint
        )
    elif begun["finished_at"] is not None:
        raise NotCopiedError("A copy into this database was already finished. Copy into an empty one.")
    elif begun["fingerprint"] != fingerprint:
        raise NotCopiedError(
            f"This database contains an unfinished copy of {begun['source']} that is encrypted "
            "with another key ring. Finish that copy, or copy into an empty database."
        )


def _version(source: apsw.Connection) -> object:
    """Return a value that changes with each write of another connection to the source."""
    return source.execute("PRAGMA data_version").get
