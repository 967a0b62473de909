"""Apply a migration: in one transaction, or in steps that block nobody, however large a table is.

A script is one transaction, or begins its steps with lines of their own::

    -- step: transaction          all of it or nothing; waits for no lock longer than half a second at a time
    -- step: concurrently         statements that may not be in a transaction, each of which may be run again
    -- step: batches TABLE        one statement, run for ids above $1 up to $2, a few thousand at a time, which
                                  may be run again for ids that were done

What was done of one that was interrupted is remembered.
"""

import asyncio
import logging
import re
import time
from typing import Final, NamedTuple

import asyncpg

from lingpai.store.postgresql.connect import Connection

LOCK_SECONDS: Final = 0.5
"""Seconds that a step waits for a table in use at a time: whoever comes after it waits as long."""
LOCK_ATTEMPTS: Final = 60
_RESPITE: Final = 0.5
_BATCH_SECONDS: Final = 0.1
"""About what a batch takes; then as long a rest."""
_FEWEST, _FIRST, _MOST = 100, 1000, 20_000
_STEP: Final = re.compile(r"^-- step: (transaction|concurrently|batches (\w+))$", re.MULTILINE)
_INDEX: Final = re.compile(r"CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+)")
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS schema_steps (
    number integer PRIMARY KEY, done integer NOT NULL DEFAULT 0, through bigint NOT NULL DEFAULT 0
);
"""
_DONE: Final = "INSERT INTO schema_migrations (number, name) VALUES ($1, $2)"
_REMEMBER: Final = """
INSERT INTO schema_steps (number, done, through) VALUES ($1, $2, $3)
ON CONFLICT (number) DO UPDATE SET done = excluded.done, through = excluded.through
"""

_log = logging.getLogger(__name__)


class Step(NamedTuple):
    """A part of a migration.

    Attributes:
        kind: "transaction", "concurrently" or "batches".
        table: whose ids the batches go through.
        script: what is run.
    """

    kind: str
    table: str
    script: str


def steps_of(script: str) -> list[Step]:
    """The steps of a migration's script."""
    parts = _STEP.split(script)
    head, rest = parts[0], parts[1:]
    if not rest:
        return [Step("transaction", "", script)]
    steps = [
        Step(kind.split()[0], table or "", text) for kind, table, text in zip(*[iter(rest)] * 3, strict=True)
    ]
    return [*([Step("transaction", "", head)] if _statements(head) else []), *steps]


def _statements(script: str) -> list[str]:
    bare = "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("--"))
    return [each.strip() for each in bare.split(";") if each.strip()]


async def apply(connection: Connection, number: int, name: str, script: str) -> None:
    """Apply a migration, or what is left of it; nobody else does at the same time.

    Raises:
        asyncpg.PostgresError: a step failed; those before it are done.
    """
    steps = steps_of(script)
    if len(steps) == 1 and steps[0].kind == "transaction":
        await _patiently(connection, number, name, steps[0].script)
        return
    await connection.execute(_TABLES)
    row = await connection.fetchrow("SELECT done, through FROM schema_steps WHERE number = $1", number)
    done, through = (0, 0) if row is None else (row[0], row[1])
    for place, step in enumerate(steps[done:], start=done):
        if step.kind == "transaction":
            await _patiently(connection, number, None, step.script, place)
        elif step.kind == "concurrently":
            await _concurrently(connection, step.script)
        else:
            await _in_batches(connection, number, place, step, through)
        through = 0
        await connection.execute(_REMEMBER, number, place + 1, 0)
    async with connection.transaction():
        await connection.execute(_DONE, number, name)
        await connection.execute("DELETE FROM schema_steps WHERE number = $1", number)


async def _patiently(
    connection: Connection, number: int, name: str | None, script: str, place: int = 0
) -> None:
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = {round(LOCK_SECONDS * 1000)}")
                await connection.execute(_TABLES)
                await connection.execute(script)
                if name is None:
                    await connection.execute(_REMEMBER, number, place + 1, 0)
                else:
                    await connection.execute(_DONE, number, name)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if attempt == LOCK_ATTEMPTS:
                raise
            await asyncio.sleep(_RESPITE)  # those who waited behind us go first
        else:
            return


async def _concurrently(connection: Connection, script: str) -> None:
    for statement in _statements(script):
        found = _INDEX.search(statement)
        if found is not None:
            await _drop_invalid(connection, found[1])
        try:
            await connection.execute(statement)
        except asyncpg.FeatureNotSupportedError:  # a partitioned table, whose leaves it locks one by one
            await connection.execute(statement.replace(" CONCURRENTLY", ""))


async def _drop_invalid(connection: Connection, index: str) -> None:
    """Remove what an interrupted attempt left of an index: it has the name and is of no use."""
    invalid = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)"
    if await connection.fetchval(invalid, index):
        await connection.execute(f'DROP INDEX CONCURRENTLY "{index}"')


async def _in_batches(connection: Connection, number: int, place: int, step: Step, after: int) -> None:
    (statement,) = _statements(step.script)
    highest = await connection.fetchval(f'SELECT coalesce(max(id), 0) FROM "{step.table}"')  # noqa: S608  of our own scripts
    size = _FIRST
    said = time.monotonic()
    while after < highest:
        began = time.monotonic()
        ahead = f'SELECT max(id) FROM (SELECT id FROM "{step.table}" WHERE id > $1 ORDER BY id LIMIT $2) AS t'  # noqa: S608
        through = await connection.fetchval(ahead, after, size)
        if through is None:
            return
        try:
            async with connection.transaction():
                await connection.execute(statement, after, through)
                await connection.execute(_REMEMBER, number, place, through)
        except asyncpg.DeadlockDetectedError:  # with callers, who go first
            continue
        after, took = through, time.monotonic() - began
        size = min(_MOST, max(_FEWEST, round(size * min(2.0, _BATCH_SECONDS / max(took, 0.001)))))
        if time.monotonic() - said > 10:  # noqa: PLR2004  seconds
            said = time.monotonic()
            _log.warning("Migrating %s: %d of %d are done.", step.table, after, highest)
        await asyncio.sleep(took)
