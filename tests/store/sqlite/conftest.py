from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.queries import run
from lingpai.store.sqlite.schema import apply_migrations as migrate
from tests.store.conftest import nothing_left_open


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of a test is."""
    return tmp_path / "data" / "lingpai.db"


@pytest.fixture
async def sqlite(path: Path, ring: KeyRing, clock: VirtualClock) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, ring, clock)
    yield store
    await store.close()
    assert nothing_left_open(path.parent) == []


TABLES = """
CREATE TABLE t (n INTEGER PRIMARY KEY);
CREATE TRIGGER t_inserted AFTER INSERT ON t BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TABLE busy (n INTEGER PRIMARY KEY);
"""
"""`t` may be cached, and `busy` may not."""


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[Engine]:
    migrate(path)
    engine = Engine(path)
    await engine.write(lambda connection: run(connection, TABLES))
    yield engine
    await engine.close()
    assert nothing_left_open(path.parent) == []
