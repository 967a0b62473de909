from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.store.migrate import migrate
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite.engine import Engine
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


@pytest.fixture
async def engine(path: Path) -> AsyncIterator[Engine]:
    migrate(path)
    engine = Engine(path)
    await engine.write(lambda connection: connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    yield engine
    await engine.close()
    assert nothing_left_open(path.parent) == []
