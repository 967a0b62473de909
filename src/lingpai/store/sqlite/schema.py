"""The schema: numbered migrations (`migrations/NNNN_name.sql`), each applied once and whole.

Each migration only adds, so that code of the release before still runs on the new schema.
"""

import contextlib
import re
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

import apsw

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.sqlite.connect import WRITER_PATIENCE, connect, create_file, use_wal
from lingpai.store.sqlite.faults import FAULTS, unavailable

_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT NULL
) STRICT
"""
_HAS_TABLE: Final = "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'"


def all_migrations() -> dict[int, str]:
    """Names of all migrations that this release knows, by number, in order."""
    names = [entry.name for entry in (resources.files(__package__) / "migrations").iterdir()]
    return {int(match[1]): match[0] for match in map(_FILE_NAME.fullmatch, sorted(names)) if match}


def pending_migrations(path: Path) -> tuple[str, ...]:
    """Names of the migrations that the database at `path` lacks; all of them when there is no database.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    if not path.exists():
        return tuple(all_migrations().values())
    with _opened(path) as connection:
        return tuple(_missing(connection).values())


def apply_migrations(path: Path) -> tuple[str, ...]:
    """Bring the database at `path` up to date, making it when there is none.

    Safe while others do the same or use it.

    Returns:
        The names of the migrations that were applied by this call.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    try:
        create_file(path)
    except OSError as error:
        raise LingpaiError(
            Kind.STORE_UNAVAILABLE, "The store's file cannot be created.", detail=str(error), retry_after=30.0
        ) from error
    with _opened(path) as connection:
        use_wal(connection)
        return tuple(
            name for number, name in _missing(connection).items() if _apply(connection, number, name)
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    try:
        with contextlib.closing(connect(path, WRITER_PATIENCE)) as connection:
            yield connection
    except FAULTS as fault:
        raise unavailable(fault) from fault


def _missing(connection: apsw.Connection) -> dict[int, str]:
    applied: set[int] = set()
    if connection.execute(_HAS_TABLE).fetchall():  # a statement looks at the file, `table_exists` may not
        applied = {number for (number,) in connection.execute("SELECT number FROM schema_migrations")}
    return {number: name for number, name in all_migrations().items() if number not in applied}


def _apply(connection: apsw.Connection, number: int, name: str) -> bool:
    script = (resources.files(__package__) / "migrations" / name).read_text("utf-8")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if number not in _missing(connection):  # another process was first
            connection.execute("ROLLBACK")
            return False
        connection.execute(_TABLE)
        connection.execute(script).fetchall()
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?, ?)", (number, name, time.time()))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True
