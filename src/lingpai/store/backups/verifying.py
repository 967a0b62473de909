"""Verify that a file is a whole store, and find the key ring that opens it."""

import contextlib
from pathlib import Path
from typing import Any, cast

import apsw

from lingpai.core.keyring import KeyRing
from lingpai.core.seals import sealed_with
from lingpai.store.backups.errors import BackupError
from lingpai.store.queries import Row
from lingpai.store.upkeep import keys_in_use, samples
from lingpai.store.vault import Vault

_TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"

_COUNT = 'SELECT count(*) FROM "{}"'


def check_store(file: Path, ring: KeyRing) -> dict[str, int]:
    """Read a store's file whole; how many rows each of its tables has.

    Raises:
        BackupError: it is no store of ours, or damaged.
        SealError, KeyRingError: it is sealed with another key ring.
    """
    try:
        with contextlib.closing(apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            names = [str(name) for (name,) in connection.execute(_TABLES)]
            if "schema_migrations" not in names:
                raise BackupError(f"{file} is not a Lingpai store.")
            found: Any = connection.execute("PRAGMA quick_check(1)").get
            if found != "ok":
                raise BackupError(f"{file} is damaged ({found}); use another backup.")
            _demand_ring(connection, ring)
            return {name: cast("int", connection.execute(_COUNT.format(name)).get) for name in names}
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise BackupError(f"{file} is not a store, or is damaged ({error}); use another backup.") from error


def _rows(cursor: apsw.Cursor) -> list[Row]:
    """All rows of a statement."""
    return cursor.fetchall()


def _demand_ring(connection: apsw.Connection, ring: KeyRing) -> None:
    """Open one value of each kind that each key sealed."""
    vault = Vault(ring)
    for statement in keys_in_use():
        for (key,) in _rows(connection.execute(statement)):
            ring.derive(sealed_with(key), "store")
            for column, sample in samples("?").items():
                for sealed, *row in _rows(connection.execute(sample, (key,))):
                    vault.open(sealed, column, *row)
