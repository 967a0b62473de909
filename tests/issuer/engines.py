"""The issuer's store on each engine, for the tests that hold on all of them."""

import io
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from lingpai.core.clock import Clock
from lingpai.core.keyring import KeyRing
from lingpai.store.issuer_port import IssuerStore
from lingpai.store.port import Store
from lingpai.store.postgresql import PostgresStore
from lingpai.store.postgresql.issuer import PostgresIssuerStore
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from tests.helpers.effort import FULL
from tests.helpers.postgres import database_at


async def _open_sqlite(home: Path, ring: KeyRing, clock: Clock) -> IssuerStore:
    return await SqliteIssuerStore.open(home / "lingpai.db", ring, clock)


async def _open_postgresql(home: Path, ring: KeyRing, clock: Clock) -> IssuerStore:
    return await PostgresIssuerStore.open(await database_at(home), ring, clock)


ENGINES: Final[dict[str, Callable[[Path, KeyRing, Clock], Coroutine[Any, Any, IssuerStore]]]] = {
    "sqlite": _open_sqlite,
    "postgresql": _open_postgresql,
}
WIRE_ENGINES: Final = tuple(ENGINES) if FULL else ("sqlite",)
"""For tests of what stands on the wire: it follows from the verbs, which are tested on all engines."""


def ready_engine(request: pytest.FixtureRequest) -> str:
    """The engine that a fixture's parameter names, with what it needs in the test's folder."""
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
    return name


async def rows_of(store: IssuerStore, query: str) -> list[tuple[Any, ...]]:
    """What a query without arguments reads under the port."""
    if isinstance(store, SqliteIssuerStore):
        return store._engine.rows(query)
    assert isinstance(store, PostgresIssuerStore)
    return list(map(tuple, await store._engine.rows(query)))


def beside(keeper: Store) -> IssuerStore:
    """The issuer's store on the engine of a keeper's."""
    if isinstance(keeper, PostgresStore):
        return PostgresIssuerStore.beside(keeper)
    assert isinstance(keeper, SqliteStore)
    return SqliteIssuerStore.beside(keeper)


def _read_files(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.iterdir()) if path.is_file())


async def dump_of(store: IssuerStore, home: Path) -> bytes:
    """All bytes that the store keeps."""
    if isinstance(store, SqliteIssuerStore):
        return _read_files(home)
    tables = await rows_of(store, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    connection = await asyncpg.connect(await database_at(home))
    found = io.BytesIO()
    try:
        for (table,) in tables:
            await connection.copy_from_table(table, output=found, format="binary")
    finally:
        await connection.close()
    return found.getvalue()


async def execute(store: IssuerStore, statement: str) -> None:
    """Change something under the port."""
    if isinstance(store, SqliteIssuerStore):
        await store._engine.write(lambda connection: connection.execute(statement).fetchall())
        return
    assert isinstance(store, PostgresIssuerStore)
    await store._engine.transact(lambda connection: connection.execute(statement))


def count_commits(store: IssuerStore, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list that grows by one for each commit that a verb of this store asks for."""
    commits: list[str] = []
    engine: Any = store._engine  # type: ignore[attr-defined]  # reaching under the port on purpose
    of_sqlite = isinstance(store, SqliteIssuerStore)
    target, names = (engine.writer, ("change",)) if of_sqlite else (engine, ("call", "transact"))
    for name in names:

        def counted(name: str, do: Callable[..., Any], *arguments: Any) -> Any:
            commits.append(name)
            return do(*arguments)

        monkeypatch.setattr(target, name, partial(counted, name, getattr(target, name)))
    return commits
