"""Backups of a database: read into an embedded store's file, and filled from one."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import apsw
from typing_extensions import override

from lingpai.core.keyring import KeyRing
from lingpai.store.backups.errors import BackupError
from lingpai.store.backups.making import Begin
from lingpai.store.backups.settling import USED, Settled, Side, moved_on, settle
from lingpai.store.copying import sides
from lingpai.store.copying.copy import NotCopiedError, open_copy
from lingpai.store.copying.tables import DifferentTablesError, Sum, Table, tables_of
from lingpai.store.postgresql.connect import Connection, opened
from lingpai.store.postgresql.schema import apply_migrations as migrate
from lingpai.store.postgresql.upkeep import take_turn
from lingpai.store.queries import Row
from lingpai.store.sqlite.schema import apply_migrations
from lingpai.store.vault import Vault, fingerprint_of

_OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'lingpai' AND pid <> pg_backend_pid()
"""
_SEQUENCES: Final = """
SELECT s.oid::regclass::text, c.oid::regclass::text FROM pg_class s
JOIN pg_depend d ON d.objid = s.oid AND d.deptype = 'i' AND d.classid = 'pg_class'::regclass
JOIN pg_class c ON c.oid = d.refobjid
WHERE s.relkind = 'S' AND s.relnamespace = current_schema()::regnamespace
"""


class PostgresSide(Side):
    """A transaction in a database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @override
    def mark(self, position: int) -> str:
        return f"${position}"

    @override
    async def change(self, statement: str, *arguments: Any) -> int:
        done: str = await self._connection.execute(statement, *arguments)
        return int(done.rpartition(" ")[2])  # "DELETE 7", "UPDATE 7"

    @override
    async def rows(self, statement: str) -> list[Row]:
        return [tuple(row) for row in await self._connection.fetch(statement)]

    @override
    async def move_ids(self) -> None:
        for name, table in await self._connection.fetch(_SEQUENCES):
            last = await self._connection.fetchval(
                f"SELECT greatest((SELECT last_value FROM {name}), (SELECT coalesce(max(id), 0) FROM {table}))"  # noqa: S608
            )
            await self._connection.execute("SELECT setval($1::text::regclass, $2)", name, moved_on(int(last)))


async def is_filled(dsn: str) -> bool:
    """True when a database contains anything that a restore would replace.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    await migrate(dsn)
    async with _of_this_release(dsn) as connection:
        filled = [await connection.fetchval(f"SELECT EXISTS (SELECT FROM {name})") for name in USED]  # noqa: S608
        return any(filled)


async def settle_in_place(dsn: str, vault: Vault, *, end_grants: bool) -> Settled:
    """Settle a database that was put back by other means.

    Raises:
        BackupError: it is in use.
        SealError, KeyRingError: it is sealed with another key ring.
        LingpaiError: STORE_UNAVAILABLE.
    """
    await migrate(dsn)
    async with _of_this_release(dsn) as connection, connection.transaction():
        await take_turn(connection)
        await _demand_unused(connection)
        return await settle(PostgresSide(connection), vault, end_grants=end_grants)


async def export(dsn: str, file: Path, begin: Begin) -> None:
    """Read a database, as it is at one moment, into an empty file, and compare the two.

    Raises:
        BackupError: the database is not whole, its schema is another release's, or the file is not what was read.
        LingpaiError: STORE_UNAVAILABLE.
    """
    apply_migrations(file)
    async with (
        _of_this_release(dsn) as source,
        source.transaction(isolation="repeatable_read", readonly=True),
    ):
        with contextlib.closing(apsw.Connection(str(file))) as target:
            await _read_all(source, target, begin)


async def _read_all(source: Connection, target: apsw.Connection, begin: Begin) -> None:
    if await source.fetchval("SELECT EXISTS (SELECT FROM store_copies WHERE finished_at IS NULL)"):
        raise BackupError("A copy or a restore into this database is not finished; run it again first.")
    tables = await tables_of(target, source)
    total = [await source.fetchval(f'SELECT count(*) FROM "{table.name}"') for table in tables]  # noqa: S608
    advance = begin(2 * sum(total))
    target.execute("PRAGMA journal_mode=DELETE").fetchall()
    target.execute("PRAGMA synchronous=OFF").fetchall()  # written for good at the end
    target.execute("BEGIN")
    triggers = target.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:  # what they keep is copied, or counted below
        target.execute(f'DROP TRIGGER "{name}"')
    for table in tables:
        read = await _copy_table(source, target, table, advance)
        written = Sum()
        for rows in sides.batches(target, table):
            written.add(rows)
            advance(len(rows))
        if (read.rows, read.digest) != (written.rows, written.digest):
            raise BackupError(f"The table {table.name} was not written completely; try again.")
        if table.numbered:
            await _keep_sequence(source, target, table)
    target.execute("DELETE FROM issuer_member_counts")
    target.execute(
        "INSERT INTO issuer_member_counts SELECT app_row, count(*) FROM issuer_members WHERE added = 1 GROUP BY app_row"
    )
    for _, statement in triggers:
        target.execute(str(statement))
    target.execute("COMMIT")


async def _copy_table(
    source: Connection, target: apsw.Connection, table: Table, advance: Callable[[int], None]
) -> Sum:
    read = Sum()
    places = ", ".join("?" * len(table.columns))
    statement = f'INSERT INTO "{table.name}" ({table.listed()}) VALUES ({places})'  # noqa: S608  our own schema
    async for rows in sides.stored(source, table):
        read.add(rows)
        target.executemany(statement, rows)
        advance(len(rows))
    return read


async def _keep_sequence(source: Connection, target: apsw.Connection, table: Table) -> None:
    last = await source.fetchval(
        "SELECT pg_sequence_last_value(pg_get_serial_sequence($1, 'id')::regclass)", table.name
    )
    target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
    target.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (table.name, int(last or 0)))


async def _demand_unused(connection: Connection) -> None:
    if await connection.fetchval(_OTHERS):
        raise BackupError("The store is in use. Stop the service and whatever else uses it, then try again.")


async def fill(dsn: str, work: Path, ring: KeyRing, begin: Begin) -> None:
    """Replace what is in a database by a file's rows.

    Raises:
        BackupError: it is in use.
        LingpaiError: STORE_UNAVAILABLE.
    """
    await migrate(dsn)
    async with _of_this_release(dsn) as connection:
        with contextlib.closing(apsw.Connection(str(work))) as source:
            tables = await tables_of(source, connection)
        async with connection.transaction():
            await take_turn(connection)
            await _demand_unused(connection)
            await sides.empty_all(connection, tables)
            await connection.execute("DELETE FROM key_rings")
            await connection.execute("DELETE FROM store_copies")
            await connection.execute(
                "INSERT INTO store_copies (id, source, fingerprint) VALUES (1, 'a backup', $1)",
                fingerprint_of(ring),
            )
    try:
        async with open_copy(work, dsn, ring) as copy:
            await copy.run(begin(copy.total))
    except NotCopiedError as error:
        raise BackupError(str(error)) from error


@contextlib.asynccontextmanager
async def _of_this_release(dsn: str) -> AsyncIterator[Connection]:
    try:
        async with opened(dsn) as connection:
            yield connection
    except DifferentTablesError as error:
        raise BackupError(
            f"The database's schema is not this release's ({error}); run `lingpai migrate` first."
        ) from error
