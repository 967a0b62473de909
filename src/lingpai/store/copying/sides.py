"""The two sides of a copy: reading SQLite in batches by primary key, reading and filling PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import apsw

from lingpai.store.backups.settling import moved_on
from lingpai.store.copying.tables import Table, values
from lingpai.store.postgresql.connect import Connection
from lingpai.store.queries import Row

BATCH: Final = 5000
"""Rows that are copied in one transaction."""


def count(source: apsw.Connection, table: Table) -> int:
    """Count the rows of a table in SQLite."""
    found: Any = source.execute(f'SELECT count(*) FROM "{table.name}"').get  # noqa: S608  names of our own schema
    return int(found)


def batches(source: apsw.Connection, table: Table, after: Row | None = None) -> Iterator[list[Row]]:
    """Rows of SQLite in the order of their key, those behind the key `after`."""
    marks = ", ".join("?" * len(table.key))
    key = table.listed(table.key)
    head = f'SELECT {table.read()} FROM "{table.name}"'  # noqa: S608  names of our own schema
    tail = f"ORDER BY {key} LIMIT {BATCH}"
    while True:
        where = "" if after is None else f"WHERE ({key}) > ({marks})"
        rows = values(source.execute(f"{head} {where} {tail}", after or ()).fetchall())
        if not rows:
            return
        after = tuple(rows[-1][place] for place in table.key_places)
        yield rows


async def last_key(target: Connection, table: Table) -> Row | None:
    """The highest key that PostgreSQL has; what was copied before an interruption ends there."""
    key = table.listed(table.key)
    order = ", ".join(f'"{name}" DESC' for name in table.key)
    found = await target.fetchrow(f'SELECT {key} FROM "{table.name}" ORDER BY {order} LIMIT 1')  # noqa: S608
    return None if found is None else tuple(found)


async def is_empty(target: Connection, table: Table) -> bool:
    """True when PostgreSQL has no row of a table."""
    return not await target.fetchval(f'SELECT EXISTS (SELECT FROM "{table.name}")')  # noqa: S608


async def fill(target: Connection, table: Table, rows: list[Row]) -> None:
    """Add rows of SQLite, all or none."""
    await target.copy_records_to_table(
        table.name, records=[table.for_target(row) for row in rows], columns=list(table.columns)
    )


async def stored(target: Connection, table: Table) -> AsyncIterator[list[Row]]:
    """Rows of PostgreSQL in the order of their key, as SQLite has them; within a transaction."""
    statement = f'SELECT {table.listed()} FROM "{table.name}" ORDER BY {table.listed(table.key)}'  # noqa: S608
    cursor = await target.cursor(statement)
    while rows := await cursor.fetch(BATCH):
        yield [table.from_target(tuple(row)) for row in rows]


async def set_sequence(source: apsw.Connection, target: Connection, table: Table) -> None:
    """Have ids go on far ahead of all that SQLite is known to have handed out: the file may be an old one."""
    counted = source.execute("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table.name,)).get
    highest: Any = source.execute(f'SELECT max(id) FROM "{table.name}"').get  # noqa: S608  of our own schema
    last = max(int(counted or 0), int(highest or 0))
    await target.execute("SELECT setval(pg_get_serial_sequence($1, 'id'), $2)", table.name, moved_on(last))


async def empty_all(target: Connection, tables: tuple[Table, ...]) -> None:
    """Remove everything that was copied, and what triggers counted of it."""
    names = ", ".join(f'"{table.name}"' for table in tables)
    await target.execute(f"TRUNCATE {names}, issuer_member_counts")
