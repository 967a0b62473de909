"""The triggers of the schema watch over every table that readers keep something decoded of."""

from collections.abc import Callable, Hashable
from pathlib import Path

import apsw
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Secret
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Caller
from lingpai.store import sqlite as package
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite.engine import Engine
from lingpai.store.sqlite.issuer.store import SqliteIssuerStore
from tests.store.sample import account, key_of, renew

EVENTS = ("INSERT", "UPDATE", "DELETE")


@pytest.fixture
def tables_of(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> dict[Hashable, set[str]]:
    """The tables that were read for the cache, by the first part of the key."""
    tables: dict[Hashable, set[str]] = {}
    plain = Engine.cached

    def cached(engine: Engine, key: tuple[Hashable, ...], read: Callable[[], object]) -> object:
        def noted() -> object:
            def note(action: int, *about: str | None) -> int:
                if action == apsw.SQLITE_READ:
                    tables.setdefault(key[0], set()).add(about[0] or "")
                return apsw.SQLITE_OK

            reader = engine._reader
            assert reader is not None
            reader.authorizer = note
            try:
                return read()
            finally:
                reader.authorizer = None

        return plain(engine, key, noted)

    monkeypatch.setattr(Engine, "cached", cached)
    return tables


async def test_whatever_is_cached_comes_from_tables_that_move_the_stamp(
    sqlite: SqliteStore, ring: KeyRing, clock: VirtualClock, tables_of: dict[Hashable, set[str]]
) -> None:
    issuer = SqliteIssuerStore.beside(sqlite)
    await sqlite.save_account(account())
    key = key_of(ring, account())
    await renew(sqlite, clock, key, "token")
    await sqlite.add_caller(Caller(name="ci", created_at=clock.now()), b"digest")
    await issuer.add_app(App(realm="yzb", app_id="1", secrets=(Secret(b"digest"),)))

    assert await sqlite.find_accounts("wechat", "wx1")
    assert await sqlite.find_caller(b"digest")
    assert await sqlite.read_credential(key)
    assert await sqlite.find_credential("token")
    assert await issuer.find_app("yzb", "1")
    assert await issuer.list_resources("yzb") == ()

    sources = Path(package.__file__).parent.rglob("*.py")
    assert len(tables_of) == sum(source.read_text("utf-8").count("_engine.cached(") for source in sources)
    triggers = {row[0] for row in sqlite._engine.rows("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")}
    for table in set.union(*tables_of.values()):
        for event in EVENTS:
            moves = f"AFTER {event} ON {table} BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END"
            assert any(moves in trigger for trigger in triggers), (table, event)
