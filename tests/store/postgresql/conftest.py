import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lingpai.store.postgresql.engine import Engine
from tests.helpers.postgres import Place, database_at, make_template
from tests.helpers.postgres_server import Server, start_server
from tests.store.postgresql.hardship import run, small_disk

TABLE = "CREATE TABLE t (n bigint PRIMARY KEY, text text NOT NULL DEFAULT '')"
PATIENCE = 1.0


@pytest.fixture
async def dsn(postgres_place: Place, tmp_path: Path) -> str:
    """A database of the shared server, with a table for tests of the mechanism."""
    found = await database_at(tmp_path)
    await run(found, TABLE)
    return found


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[Engine]:
    opened = await Engine.open(dsn)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def _fragile() -> Iterator[Server]:
    with start_server() as server:
        asyncio.run(make_template(server))
        yield server


@pytest.fixture
async def fragile(_fragile: Server) -> AsyncIterator[Server]:
    """A server that a test may stop, hang or spoil, with the database "lingpai"; it runs again afterwards."""
    await run(_fragile.dsn("postgres"), "CREATE DATABASE lingpai TEMPLATE lingpai_template")
    await run(_fragile.dsn("lingpai"), TABLE)
    yield _fragile
    if not _fragile.running:
        _fragile.start()
    await run(_fragile.dsn("postgres"), "DROP DATABASE lingpai WITH (FORCE)")


@pytest.fixture
async def brief(fragile: Server) -> AsyncIterator[Engine]:
    """An engine on the fragile server that has little patience."""
    opened = await Engine.open(fragile.dsn("lingpai"), patience=PATIENCE)
    yield opened
    await opened.close()


@pytest.fixture
def disk(fragile: Server) -> Iterator[Path]:
    """A small disk for the fragile server."""
    with small_disk(fragile.owner) as folder:
        if folder is None:
            pytest.skip("no right to mount a small disk here")
        yield folder
