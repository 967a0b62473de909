"""The tables that are copied, as both engines describe them, and the form of a row on either side."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import apsw
import msgspec

from lingpai.store.postgresql.connect import Connection
from lingpai.store.queries import Row

NOT_COPIED: Final = frozenset(
    {
        "schema_migrations",
        "sqlite_sequence",
        "sqlite_stat1",
        "sqlite_stat4",
        "probes",
        "cache_stamp",
        "credential_changes",
        "schema_steps",
    }
    | {"issuer_member_counts"}  # which triggers keep, on either side
    | {"key_rings", "store_copies"}
)
"""Tables that belong to one engine."""

_FIRST: Final = ("credentials", "issuer_ended_members", "issuer_ended_users")
"""Tables that others refer to, and those that triggers of others write to, which find everything there."""
_HERE: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
_THERE: Final = """
SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum),
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.atttypid = 'bool'::regtype),
       (SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::int2[], k.attnum))
        FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
        WHERE i.indrelid = c.oid AND i.indisprimary),
       bool_or(a.attidentity <> '')
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = current_schema()::regnamespace
GROUP BY c.oid, c.relname ORDER BY c.relname
"""
_FILLED_IN: Final = {
    ("issuer_grants", "look_at"): 'CASE "look_at" WHEN 0 THEN "ends_at" ELSE "look_at" END',
}
"""Columns that a release before knew nothing of and left at their default, for which triggers of PostgreSQL put a value
at once: what the source is read as having."""
_packer = msgspec.msgpack.Encoder()


class DifferentTablesError(Exception):
    """The two engines do not have the same tables; says which."""


class Table(NamedTuple):
    """One table, the same in both engines.

    Attributes:
        name: of the table.
        columns: all of them, in the order of the target.
        key: the columns of its primary key, by which it is copied in order.
        booleans: positions of columns that are integers in SQLite and booleans in PostgreSQL.
        numbered: whether a sequence hands out its ids.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    booleans: frozenset[int]
    numbered: bool

    @property
    def key_places(self) -> tuple[int, ...]:
        """Positions of the key's columns."""
        return tuple(map(self.columns.index, self.key))

    def listed(self, names: Sequence[str] | None = None) -> str:
        """Columns as a list in a statement."""
        return ", ".join(f'"{name}"' for name in names or self.columns)

    def read(self) -> str:
        """All columns as a list in a statement that reads the source."""
        return ", ".join(_FILLED_IN.get((self.name, name), f'"{name}"') for name in self.columns)

    def for_target(self, row: Row) -> Row:
        """A row of SQLite as PostgreSQL takes it."""
        return tuple(bool(value) if at in self.booleans else value for at, value in enumerate(row))

    def from_target(self, row: Row) -> Row:
        """A row of PostgreSQL as SQLite has it."""
        return tuple(int(value) if at in self.booleans else value for at, value in enumerate(row))


class Sum:
    """Count and digest of a table's rows, added in the order of its key."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = blake2b(digest_size=16)

    def add(self, rows: Sequence[Row]) -> None:
        """Take in some rows as SQLite has them."""
        self.rows += len(rows)
        for row in rows:
            self._hash.update(_packer.encode(row))

    @property
    def digest(self) -> str:
        """Of all rows so far."""
        return self._hash.hexdigest()


async def tables_of(source: apsw.Connection, target: Connection) -> tuple[Table, ...]:
    """The tables to copy, those that others refer to first.

    Raises:
        DifferentTablesError: a table or a column is on one side only.
    """
    there = {name: (*rest,) for name, *rest in await target.fetch(_THERE) if name not in NOT_COPIED}
    here = {str(name) for (name,) in source.execute(_HERE)} - NOT_COPIED
    if here != set(there):
        raise DifferentTablesError(", ".join(sorted(here ^ set(there))))
    found: list[Table] = []
    for name in sorted(here, key=lambda each: (each not in _FIRST, each)):
        columns, booleans, key, numbered = there[name]
        known = {str(row[1]) for row in source.execute(f'PRAGMA table_info("{name}")')}
        if known != set(columns):
            raise DifferentTablesError(f"{name}: {', '.join(sorted(known ^ set(columns)))}")
        places = frozenset(map(columns.index, booleans or ()))
        found.append(Table(name, tuple(columns), tuple(key), places, numbered))
    return tuple(found)


def values(rows: Sequence[Any]) -> list[Row]:
    """Rows of either client as plain tuples."""
    return [tuple(row) for row in rows]
