"""Stores that lose what they committed since a certain moment, as a restored backup and a late standby do.

Each way is a real one: a file copied back, a database made anew, a standby that is behind and promoted, a stale file
copied into a database. Ids that were handed out since that moment are handed out again, to other rows.
"""

import asyncio
import contextlib
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, Protocol

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.store.copying.copy import open_copy
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.postgresql.issuer import PostgresIssuerStore
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.helpers.postgres import Place, database_at, make_template
from tests.helpers.postgres_server import Server, start_server, start_standby
from tests.store.postgresql.hardship import run, until

NUMBERED: Final = ("issuer_grants", "issuer_sessions")
BACK: Final = "SELECT setval('{table}_id_seq', greatest(max(id), 1)) FROM {table}"
"""Ids go on behind the rows that there are, as if nobody had moved them on."""


class Losing(Protocol):
    """A store that will lose its commits: open, then `keep`, then `lose`."""

    store: IssuerStore

    async def keep(self) -> None:
        """Make the backup: `store` is as it was, perhaps on another connection."""
        ...

    async def lose(self) -> None:
        """Lose what was committed since: `store` is what the backup has."""
        ...


class RestoredFile:
    """A file that is copied back."""

    def __init__(self, folder: Path, ring: KeyRing, clock: Clock) -> None:
        self._folder, self._ring, self._clock = folder, ring, clock
        self._file, self._backup = folder / "lingpai.db", folder / "backup.db"
        self.store: IssuerStore

    async def open(self) -> None:
        self.store = await SqliteIssuerStore.open(self._file, self._ring, self._clock)

    async def keep(self) -> None:
        with (
            contextlib.closing(sqlite3.connect(self._file)) as live,
            contextlib.closing(sqlite3.connect(self._backup)) as copy,
        ):
            live.backup(copy)

    async def lose(self) -> None:
        await self.store.close()
        for file in self._folder.glob("lingpai.db*"):
            file.unlink()
        shutil.copy(self._backup, self._file)
        await self.open()


class CopiedFile(RestoredFile):
    """A stale file that is copied into PostgreSQL."""

    async def lose(self) -> None:
        await self.store.close()
        dsn = await database_at(self._folder)
        async with open_copy(self._backup, dsn, self._ring) as copy:
            await copy.run(lambda _rows: None)
        await run(dsn, *(BACK.format(table=table) for table in NUMBERED))
        self.store = await PostgresIssuerStore.open(dsn, self._ring, self._clock)


class RestoredDatabase:
    """A database that is made anew from a copy."""

    def __init__(self, folder: Path, ring: KeyRing, clock: Clock) -> None:
        self._folder, self._ring, self._clock = folder, ring, clock
        self.store: IssuerStore

    async def open(self) -> None:
        self._dsn = await database_at(self._folder)
        self.store = await PostgresIssuerStore.open(self._dsn, self._ring, self._clock)

    async def keep(self) -> None:
        await self.store.close()
        place = Place.at(self._folder)
        live = self._dsn.removeprefix("postgresql://").partition("/")[2].partition("?")[0]
        await run(place.server, f'CREATE DATABASE "{place.prefix}backup" TEMPLATE "{live}"')
        self._backup = place.dsn(place.prefix + "backup")
        self.store = await PostgresIssuerStore.open(self._dsn, self._ring, self._clock)

    async def lose(self) -> None:
        await self.store.close()
        self.store = await PostgresIssuerStore.open(self._backup, self._ring, self._clock)


class LateStandby:
    """A standby that stops to receive, and is promoted when the primary dies."""

    def __init__(self, primary: Server, standby: Server, ring: KeyRing, clock: Clock) -> None:
        self._primary, self._standby, self._ring, self._clock = primary, standby, ring, clock
        self.store: IssuerStore

    async def open(self) -> None:
        self.store = await PostgresIssuerStore.open(self._primary.dsn("lingpai"), self._ring, self._clock)

    async def keep(self) -> None:
        primary, standby = self._primary.dsn("postgres"), self._standby.dsn("postgres")
        [(position,)] = await run(primary, "SELECT pg_current_wal_insert_lsn()::text")
        caught_up = f"SELECT WHERE pg_last_wal_replay_lsn() >= '{position}'"
        stopped = "SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_wal_receiver)"
        async with asyncio.timeout(60):
            await until(lambda: run(standby, caught_up))
            await run(standby, "ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
            await until(lambda: run(standby, stopped))

    async def lose(self) -> None:
        await self.store.close()
        await asyncio.to_thread(self._primary.stop, signal.SIGQUIT)
        await run(self._standby.dsn("postgres"), "SELECT pg_promote()")
        self.store = await PostgresIssuerStore.open(self._standby.dsn("lingpai"), self._ring, self._clock)


@contextlib.asynccontextmanager
async def restored_file(folder: Path, ring: KeyRing, clock: Clock) -> AsyncIterator[Losing]:
    losing = RestoredFile(folder, ring, clock)
    await losing.open()
    yield losing
    await losing.store.close()


@contextlib.asynccontextmanager
async def copied_file(folder: Path, ring: KeyRing, clock: Clock) -> AsyncIterator[Losing]:
    losing = CopiedFile(folder, ring, clock)
    await losing.open()
    yield losing
    await losing.store.close()


@contextlib.asynccontextmanager
async def restored_database(folder: Path, ring: KeyRing, clock: Clock) -> AsyncIterator[Losing]:
    losing = RestoredDatabase(folder, ring, clock)
    await losing.open()
    yield losing
    await losing.store.close()


@contextlib.asynccontextmanager
async def late_standby(folder: Path, ring: KeyRing, clock: Clock) -> AsyncIterator[Losing]:
    with start_server() as primary:
        await make_template(primary)
        await run(primary.dsn("postgres"), "CREATE DATABASE lingpai TEMPLATE lingpai_template")
        with start_standby(primary) as standby:
            losing = LateStandby(primary, standby, ring, clock)
            await losing.open()
            yield losing
            await losing.store.close()


Way = Callable[[Path, KeyRing, Clock], AbstractAsyncContextManager[Losing]]
WAYS: Final[dict[str, Way]] = {
    "a file copied back": restored_file,
    "a stale file copied into PostgreSQL": copied_file,
    "a database made anew": restored_database,
    "a standby that was behind": late_standby,
}
