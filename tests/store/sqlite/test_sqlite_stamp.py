"""The triggers of the schema watch over every table that readers keep something decoded of."""

import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, NamedTuple

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
TRIGGER = re.compile(
    r"CREATE TRIGGER \w+\s+AFTER (INSERT|UPDATE|DELETE)(?: OF ([\w, ]+))? ON (\w+) BEGIN\s+(.*)\s+END",
    re.DOTALL,
)
MOVES = "UPDATE cache_stamp SET stamp = stamp + 1;"
LISTS = "INSERT INTO credential_changes (credential_id) VALUES ("


class Trigger(NamedTuple):
    """What the schema says of one."""

    event: str
    columns: str | None
    table: str
    does: str


@pytest.fixture
def columns_of(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> dict[Hashable, set[tuple[str, str]]]:
    """The columns that were read for the cache, each with its table, by the first part of the key."""
    columns: dict[Hashable, set[tuple[str, str]]] = {}
    plain = Engine.cached

    def cached(
        engine: Engine, key: tuple[Hashable, ...], read: Callable[[], object], *more: Callable[..., Any]
    ) -> object:
        def noted() -> object:
            def note(action: int, *about: str | None) -> int:
                if action == apsw.SQLITE_READ:
                    columns.setdefault(key[0], set()).add((about[0] or "", about[1] or ""))
                return apsw.SQLITE_OK

            reader = engine._reader
            assert reader is not None
            reader.authorizer = note
            try:
                return read()
            finally:
                reader.authorizer = None

        return plain(engine, key, noted, *more)

    monkeypatch.setattr(Engine, "cached", cached)
    return columns


async def test_whatever_is_cached_comes_from_columns_whose_change_is_noticed(
    sqlite: SqliteStore,
    ring: KeyRing,
    clock: VirtualClock,
    columns_of: dict[Hashable, set[tuple[str, str]]],
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
    assert len(columns_of) == sum(source.read_text("utf-8").count("_engine.cached(") for source in sources)
    rows = sqlite._engine.rows("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")
    triggers = [Trigger(*parts.groups()) for (sql,) in rows if (parts := TRIGGER.fullmatch(sql))]
    of_credentials = {"credential", "value"}
    for kept, columns in columns_of.items():
        for table, column in columns:
            for event in EVENTS:
                found = [
                    trigger
                    for trigger in triggers
                    if (trigger.event, trigger.table) == (event, table)
                    and (trigger.columns is None or column in trigger.columns.split(", "))
                    and (MOVES in trigger.does or (kept in of_credentials and LISTS in trigger.does))
                ]
                assert found or not column, (kept, table, column, event)
