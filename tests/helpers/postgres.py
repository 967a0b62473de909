"""A real PostgreSQL for the suite: one server per test process, a database per place.

A place is a folder of a test's own. In it lies `FILE`, by which processes that a test started find the server.
"""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from lingpai.store.postgresql.schema import apply_migrations
from tests.helpers.postgres_server import Server, start_server

FILE = "postgresql.server"
TEMPLATE = "lingpai_template"
_WITH_STRATEGY = 15
"""The first version that lets one say how a database is copied."""


class Place(NamedTuple):
    """A test's folder, by which its databases are named."""

    folder: Path
    server: str

    @classmethod
    def at(cls, folder: Path) -> "Place":
        """The place that `folder` is in.

        Raises:
            LookupError: in none.
        """
        for each in (folder, *folder.parents):
            if (each / FILE).exists():
                return cls(each, (each / FILE).read_text("utf-8"))
        raise LookupError(f"{folder} is not in a place that has a PostgreSQL")

    @property
    def prefix(self) -> str:
        """What the names of all its databases begin with."""
        return f"t_{_digest(self.folder)}_"

    def dsn(self, database: str) -> str:
        """Where a database of the place's server is."""
        return self.server.replace("/postgres?", f"/{database}?")


def _digest(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:16]


async def database_at(folder: Path) -> str:
    """The address of the database of a folder, which is made when it is asked for first.

    Raises:
        LookupError: the folder is in no place.
    """
    place = Place.at(folder)
    name = place.prefix + _digest(folder)
    connection = await asyncpg.connect(place.server)
    try:
        with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                # Copied in memory as files: by way of the log, a copy takes twice as long.
                how = "STRATEGY FILE_COPY" if connection.get_server_version().major >= _WITH_STRATEGY else ""
                await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE {TEMPLATE} {how}')
    finally:
        await connection.close()
    return place.dsn(name)


async def make_template(server: Server) -> None:
    """Make what every database is copied from: one with the schema."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        await connection.close()
    await apply_migrations(server.dsn(TEMPLATE))


async def clear(place: Place) -> list[str]:
    """Remove all databases of a place.

    Returns:
        What still talked to them; asked until it is nothing, or for a second.
    """
    connection = await asyncpg.connect(place.server)
    try:
        give_up = time.monotonic() + 1.0
        while True:
            rows = await connection.fetch(
                "SELECT application_name || ': ' || query FROM pg_stat_activity WHERE starts_with(datname, $1)",
                place.prefix,
            )
            if not rows or time.monotonic() > give_up:  # a server sees with some delay that a client went
                break
        for (name,) in await connection.fetch(
            "SELECT datname FROM pg_database WHERE starts_with(datname, $1)", place.prefix
        ):
            await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        return [row[0] for row in rows]
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server of this test process, with the template."""
    with start_server() as server:
        asyncio.run(make_template(server))
        yield server


@pytest.fixture
def postgres_place(postgres: Server, tmp_path: Path) -> Iterator[Place]:
    """The test's folder as a place; nothing of it is left open, and nothing of it stays."""
    (tmp_path / FILE).write_text(postgres.dsn("postgres"), "utf-8")
    place = Place.at(tmp_path)
    yield place
    assert asyncio.run(clear(place)) == []
