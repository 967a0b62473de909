import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Caller
from lingpai.core.seals import Digester, SealError
from lingpai.store import migrate as migrations
from lingpai.store.address import Address
from lingpai.store.port import Store
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite import connect as connecting
from lingpai.store.sqlite.connect import connect
from lingpai.store.sqlite.queries import load_queries, run
from tests.store.sample import account, fetched, key_of, lease_on, renew

TOPICS = ("accounts", "callers", "credentials", "leases", "budgets", "exchanges", "roles", "upkeep")
WALKS_ALL = {
    *("list_accounts", "list_callers", "list_statuses", "sealed_counts"),
    *("drop_ended_keys", "list_former_keys", "list_role_holders", "shorten_former_keys"),
    *("stale_hooks", "stale_former_hooks", "stale_relays", "stale_environments"),
}
"""Queries that are meant to look at every row, or whose tables have a row per worker, replaced key, webhook or relay;
none of them runs on the event loop."""


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask", "real_migrations")
async def test_only_the_owner_may_look(path: Path, ring: KeyRing, clock: VirtualClock) -> None:
    store = await SqliteStore.open(path, ring, clock)
    await store.save_account(account())
    modes = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    directory = path.parent.stat().st_mode & 0o777
    await store.close()
    assert directory == 0o700
    assert modes == {"lingpai.db": 0o600, "lingpai.db-wal": 0o600, "lingpai.db-shm": 0o600}


async def test_nothing_in_the_files_can_be_read(
    sqlite: SqliteStore, path: Path, ring: KeyRing, clock: VirtualClock
) -> None:
    secrets = [f"app-secret-{n}-of-an-account" for n in range(20)]
    values = [f"token-value-{n}-of-an-account" for n in range(20)]
    answers = [f'{{"session_key": "session-key-{n}"}}' for n in range(20)]
    callers = [f"caller-key-{n}-of-a-service" for n in range(20)]
    digest = Digester(ring, "caller key")
    for n, (secret, value, answer, caller) in enumerate(zip(secrets, values, answers, callers, strict=True)):
        await sqlite.save_account(account("wx1", secret=secret))
        await renew(sqlite, clock, key_of(ring, account()), value)
        await sqlite.claim_exchange(bytes([n]), "a", 10, clock.now() + 300)
        await sqlite.finish_exchange(bytes([n]), "a", answer, clock.now() + 300)
        await sqlite.add_caller(Caller(name=str(n)), digest(caller))
        found = await sqlite.find_credential(value)
        assert found is not None
    files = sorted(path.parent.iterdir())
    content = b"".join(each.read_bytes() for each in files)
    assert [each.name for each in files] == ["lingpai.db", "lingpai.db-shm", "lingpai.db-wal"]
    assert b"wx1" in content  # so the search would find what is there
    shown = [text for text in secrets + values + answers + callers if text.encode() in content]
    assert shown == []
    assert b"session-key" not in content


@pytest.mark.parametrize(
    "swap",
    [
        "UPDATE accounts SET secret = (SELECT secret FROM accounts WHERE account = 'wx2')",
        "UPDATE generations SET value = (SELECT value FROM generations ORDER BY id DESC LIMIT 1)",
        "UPDATE generations SET value = (SELECT value FROM generations WHERE version = 1 LIMIT 1)",
        "UPDATE generations SET value = (SELECT secret FROM accounts WHERE account = 'wx1')",
        "UPDATE exchanges SET answer = (SELECT answer FROM exchanges ORDER BY id DESC LIMIT 1)",
        "UPDATE accounts SET secret = CAST(substr(secret, 1, 30) || x'00' || substr(secret, 32) AS BLOB)",
    ],
)
async def test_a_seal_opens_only_where_it_was_made(
    sqlite: SqliteStore, path: Path, ring: KeyRing, clock: VirtualClock, swap: str
) -> None:
    for n in (1, 2):
        await sqlite.save_account(account(f"wx{n}"))
        await renew(sqlite, clock, key_of(ring, account(f"wx{n}")), f"former {n}")
        await renew(sqlite, clock, key_of(ring, account(f"wx{n}")), f"current {n}")
        await sqlite.claim_exchange(bytes([n]), "a", 10, clock.now() + 300)
        await sqlite.finish_exchange(bytes([n]), "a", "answer", clock.now() + 300)

    async def read_all(store: Store) -> None:
        await store.find_accounts("wechat", "wx1")
        await store.read_credential(key_of(ring, account("wx1")))
        await store.claim_exchange(bytes([1]), "b", 10, clock.now() + 300)

    await read_all(sqlite)
    with closing(connect(path, 1.0)) as other:
        run(other, swap)
    with pytest.raises(SealError):
        await read_all(sqlite)


class _Nothing(dict[str, None]):
    """Bindings for a query that is only planned."""

    def __missing__(self, name: str) -> None:
        return None


def plan(path: Path, query: str) -> list[str]:
    numbered = {int(number) for number in re.findall(r"\?(\d+)", query)}
    bindings = (None,) * (max(numbered) if numbered else query.count("?")) or _Nothing()
    with closing(connect(path, 1.0)) as connection:
        return [detail for *_, detail in run(connection, f"EXPLAIN QUERY PLAN {query}", bindings)]


@pytest.mark.parametrize(
    ("name", "query"),
    [pytest.param(name, query, id=name) for topic in TOPICS for name, query in load_queries(topic).items()],
)
def test_no_query_walks_a_table(path: Path, name: str, query: str) -> None:
    """So that ten thousand accounts cost what one costs."""
    migrations.migrate(Address(path))
    walks = [
        step
        for step in plan(path, query)
        if step.startswith("SCAN") and "CONSTANT" not in step and "(" not in step
    ]
    assert bool(walks) is (name in WALKS_ALL)


@pytest.mark.usefixtures("real_migrations")
def test_a_store_is_migrated_once(path: Path) -> None:
    every = migrations.pending(Address(path))
    assert every[0] == "0001_keeper.sql"
    assert not path.exists()
    assert migrations.migrate(Address(path)) == every
    assert migrations.pending(Address(path)) == ()
    assert migrations.migrate(Address(path)) == ()


@pytest.mark.usefixtures("real_migrations")
def test_a_migration_that_fails_leaves_nothing(path: Path) -> None:
    migrations.migrate(Address(path))
    with closing(connect(path, 1.0)) as connection:
        run(connection, "DELETE FROM schema_migrations WHERE number = 1")
        run(connection, "DROP TABLE roles")
    with pytest.raises(apsw.SQLError, match="already exists"):
        migrations.migrate(Address(path))
    assert migrations.pending(Address(path)) == ("0001_keeper.sql",)
    with closing(connect(path, 1.0)) as connection:
        assert not connection.table_exists("main", "roles")


async def test_a_release_runs_on_the_schema_of_the_next(
    path: Path, ring: KeyRing, clock: VirtualClock
) -> None:
    migrations.migrate(Address(path))
    with closing(connect(path, 1.0)) as connection:
        run(connection, "ALTER TABLE accounts ADD COLUMN colour TEXT")
        run(connection, "INSERT INTO schema_migrations VALUES (9999, '9999_next.sql', 0)")
    assert migrations.pending(Address(path)) == ()
    store = await SqliteStore.open(path, ring, clock)
    assert await store.save_account(account())
    assert await store.find_accounts("wechat", "wx1") == (account(),)
    await store.close()


async def test_ten_thousand_accounts(sqlite: SqliteStore, ring: KeyRing, clock: VirtualClock) -> None:
    """The verbs that run on the event loop take the same number of SQLite's steps as with one account."""
    steps: list[int] = []

    def step() -> bool:
        steps.append(1)
        return False  # go on

    async def count(name: str) -> int:
        engine = sqlite._engine
        engine.rows("SELECT 1")
        assert engine._reader is not None
        steps.clear()
        engine._reader.set_progress_handler(step, 1)
        await sqlite.find_accounts("wechat", name)
        await sqlite.read_credential(key_of(ring, account(name)))
        await sqlite.due_credentials(1)
        engine._reader.set_progress_handler(None)
        return len(steps)

    await sqlite.save_account(account("wx0"))
    few = await count("wx0")
    await sqlite._engine.write(
        lambda connection: run(
            connection,
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
            "INSERT INTO accounts (platform, account, label, secret, secret_digest, mode, domains, source) "
            "SELECT platform, 'wx' || i, label, secret, secret_digest, mode, domains, source FROM accounts, n",
        )
    )
    await sqlite._engine.write(
        lambda connection: run(
            connection,
            "INSERT INTO credentials (platform, account, secret_digest, kind, renew_wall, renew_steady,"
            " renew_epoch, idle_at) SELECT a.platform, a.account, a.secret_digest, 'access_token', renew_wall,"
            " renew_steady, renew_epoch, idle_at FROM accounts a, credentials WHERE a.account <> 'wx0'",
        )
    )
    assert len(await sqlite.list_statuses()) == 10_000
    assert 0 < await count("wx0") <= few + 10


async def test_a_lease_of_a_row_that_is_gone_fits_no_later_row(
    sqlite: SqliteStore, ring: KeyRing, clock: VirtualClock
) -> None:
    await sqlite.save_account(account())
    lease = await lease_on(sqlite, key_of(ring, account()))
    await sqlite.remove_account("wechat", "wx1", "")
    again = await lease_on(sqlite, key_of(ring, account()))
    assert again.fence == lease.fence
    assert again.credential_id != lease.credential_id
    assert await sqlite.save_generation(lease, fetched(clock, "v"), end_after(clock, 1), None) is None


def test_readers_map_a_large_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrations.migrate(Address(path))
    for worth, mapped in ((path.stat().st_size, False), (path.stat().st_size - 1, True)):
        monkeypatch.setattr(connecting, "_WORTH_MAPPING", worth)
        for reads_only in (True, False):
            with closing(connect(path, 1.0, reads_only=reads_only)) as connection:
                [(size,)] = run(connection, "PRAGMA mmap_size")
                assert (size > 0) is (mapped and reads_only)
                assert run(connection, "SELECT stamp FROM cache_stamp") == [(0,)]


@pytest.mark.usefixtures("real_migrations")
@pytest.mark.parametrize("bytes_per_page", [None, 4096])
async def test_pages_are_small_in_a_new_file_and_stay_as_they_are_in_an_old_one(
    path: Path, ring: KeyRing, clock: VirtualClock, bytes_per_page: int | None
) -> None:
    if bytes_per_page is not None:
        connecting.create_file(path)
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute(
                f"PRAGMA page_size={bytes_per_page}; CREATE TABLE other (id INTEGER)"
            ).fetchall()
    store = await SqliteStore.open(path, ring, clock)
    await store.save_account(account())
    await store.close()
    with closing(connect(path, 1.0)) as connection:
        assert connection.execute("PRAGMA page_size").get == (bytes_per_page or connecting.PAGE_BYTES)
        assert connection.execute("PRAGMA integrity_check").get == "ok"
