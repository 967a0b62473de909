import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

import apsw
import pytest

from lingpai.core.clock import Clock, VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.store.port import Store
from lingpai.store.postgresql import PostgresStore
from lingpai.store.sqlite import SqliteStore
from tests.helpers.postgres import database_at


async def open_sqlite(home: Path, ring: KeyRing, clock: Clock) -> Store:
    return await SqliteStore.open(home / "data" / "lingpai.db", ring, clock)


async def open_postgresql(home: Path, ring: KeyRing, clock: Clock) -> Store:
    return await PostgresStore.open(await database_at(home), ring, clock)


ENGINES: dict[str, Callable[[Path, KeyRing, Clock], Coroutine[Any, Any, Store]]] = {
    "sqlite": open_sqlite,
    "postgresql": open_postgresql,
}


class OpenStore(Protocol):
    """Opens one more store on the same data, by default with the test's clock and ring."""

    def __call__(self, clock: Clock | None = None, ring: KeyRing | None = None) -> Awaitable[Store]: ...


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing.ephemeral()


@pytest.fixture(params=list(ENGINES))
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
    return name


@pytest.fixture
async def open_store(
    engine_name: str, tmp_path: Path, ring: KeyRing, clock: VirtualClock
) -> AsyncIterator[OpenStore]:
    opened: list[Store] = []
    own_ring, own_clock = ring, clock

    async def open_one(clock: Clock | None = None, ring: KeyRing | None = None) -> Store:
        opened.append(await ENGINES[engine_name](tmp_path, ring or own_ring, clock or own_clock))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()
    assert nothing_left_open(tmp_path) == []


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


def nothing_left_open(home: Path) -> list[str]:
    """What of a store in `home` is still open or running, which after its close is nothing."""
    connections = [each.filename for each in apsw.connections() if each.filename.startswith(str(home))]
    threads = [each.name for each in threading.enumerate() if each.name.startswith("lingpai-store")]
    files = [str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return connections + threads + [each for each in files if each.startswith(str(home))]
