"""The schema: numbered migrations (`migrations/NNNN_name.sql`), each applied once and whole.

`steps` says how one is applied so that nobody is stalled. Each migration only adds, so that code of the release before
still runs on the new schema; and code of a release runs on the schema of any later one, whose migrations it does not
know.
"""

import asyncio
import functools
import logging
import re
import time
from collections.abc import Mapping
from importlib import resources
from typing import Final

import asyncpg

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.postgresql import steps
from lingpai.store.postgresql.connect import Connection, opened
from lingpai.store.postgresql.rights import demand_rights, may_not_migrate, names_of

_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")
_LOCK: Final = 0x6C696E67706169  # "lingpai"; one migration at a time in a database, whichever node makes it
_TURN_SECONDS: Final = 60.0
"""Seconds that a node waits for another one that migrates."""
_LOOKS: Final = 0.2
"""Seconds between its looks whether that is done."""
_HAS_TABLE: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL"

_log = logging.getLogger(__name__)


def all_migrations() -> dict[int, tuple[str, str]]:
    """All migrations that this release knows, by number, in order: names and scripts."""
    folder = resources.files(__package__) / "migrations"
    found = sorted((entry.name, entry) for entry in folder.iterdir())
    return {
        int(match[1]): (name, entry.read_text("utf-8"))
        for name, entry in found
        if (match := _FILE_NAME.fullmatch(name))
    }


@functools.cache
def all_names() -> list[str]:
    """Names of all tables and views that this release knows."""
    return [*names_of(script for _, script in all_migrations().values()), "schema_migrations"]


async def pending_migrations(dsn: str) -> tuple[str, ...]:
    """Names of the migrations that the database lacks, in order.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    async with opened(dsn) as connection:
        return tuple(name for name, _ in (await _missing(connection, all_migrations())).values())


async def is_sealed(dsn: str) -> bool:
    """True when something in the database is sealed with some key ring already.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    async with opened(dsn) as connection:
        if not await connection.fetchval("SELECT to_regclass('key_rings') IS NOT NULL"):
            return False
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM key_rings)"))


async def apply_migrations(
    dsn: str, migrations: Mapping[int, tuple[str, str]] | None = None
) -> tuple[str, ...]:
    """Bring the database up to date. Safe while others do the same or use it.

    Args:
        dsn: the database, which exists.
        migrations: names and scripts by number; all of this release when None.

    Returns:
        The names of the migrations that were applied by this call.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    known = all_migrations() if migrations is None else migrations
    async with opened(dsn) as connection:
        if not await _missing(connection, known):
            return ()
        await _take_turn(connection)
        missing = await _missing(connection, known)
        try:
            for number in missing:
                await _apply(connection, number, *known[number])
        except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError) as error:
            raise may_not_migrate(error) from error
        return tuple(name for name, _ in missing.values())


async def _take_turn(connection: Connection) -> None:
    """Be the only one that migrates, until the connection ends.

    Of the session, and before any transaction: one that waited within would look for tables in what it had cached
    before.
    """
    until = time.monotonic() + _TURN_SECONDS
    said = False
    # Whoever waited within the statement had a snapshot, for whose end an index that is made concurrently waits.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK):
        if not said:
            _log.warning(
                "Another node is migrating the database; waiting up to %g seconds for it.", _TURN_SECONDS
            )
            said = True
        if time.monotonic() >= until:
            raise LingpaiError(
                Kind.STORE_UNAVAILABLE,
                f"Another node has been migrating this database for {_TURN_SECONDS:g} seconds. "
                "Start again when it is done; if it hangs, stop it.",
                retry_after=30.0,
            )
        await asyncio.sleep(_LOOKS)


async def _missing(
    connection: Connection, known: Mapping[int, tuple[str, str]]
) -> dict[int, tuple[str, str]]:
    applied: set[int] = set()
    if await connection.fetchval(_HAS_TABLE):
        await demand_rights(connection, all_names())
        applied = {number for (number,) in await connection.fetch("SELECT number FROM schema_migrations")}
    return {number: each for number, each in known.items() if number not in applied}


async def _apply(connection: Connection, number: int, name: str, script: str) -> None:
    await steps.apply(connection, number, name, script)
