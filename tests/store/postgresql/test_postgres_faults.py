"""What befalls a database: each verb is done or refused within the patience, and service comes back by itself."""

import asyncio
import itertools
import signal
import time
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.store.postgresql import PostgresStore
from lingpai.store.postgresql.connect import Connection
from lingpai.store.postgresql.engine import Engine
from tests.helpers.postgres_server import Server, start_server
from tests.store.postgresql.conftest import PATIENCE
from tests.store.postgresql.hardship import (
    READ,
    add,
    all_of,
    frozen,
    grow,
    refused,
    run,
    until,
    well_again,
)
from tests.store.sample import account

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lingpai' AND pid <> pg_backend_pid()
"""


LISTENING = "SELECT FROM pg_stat_activity WHERE query = 'LISTEN \"lingpai\"'"


_fresh = itertools.count(1000)


async def is_read_only(engine: Engine) -> bool:
    """Whether it is by now: a server reads its settings anew a moment after it was asked to."""
    try:
        await add(engine, next(_fresh))
    except LingpaiError as fault:
        return fault.retry_after == 5.0
    return False


async def version(dsn: str) -> int:
    """The server's major version."""
    [row] = await run(dsn, "SELECT current_setting('server_version_num')::int / 10000")
    return int(row[0])


async def pings(store: PostgresStore) -> bool:
    try:
        await store.ping()
    except LingpaiError:
        return False
    return True


async def work(connection: Connection) -> None:
    await connection.execute("INSERT INTO t (n) VALUES (77)")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_is_gone_and_comes_back(
    fragile: Server, brief: Engine, how: signal.Signals
) -> None:
    await add(brief, 1)
    await asyncio.to_thread(fragile.stop, how)
    for verb in (add(brief, 2), brief.read(READ, 1), brief.transact(work), brief.rows("SELECT 1")):
        await refused(verb)
    await asyncio.to_thread(fragile.start)
    await well_again(brief)
    assert (await all_of(brief))[0] == 1
    assert not {2, 77} & set(await all_of(brief))


async def test_every_answer_is_right_through_restarts_under_load(fragile: Server, brief: Engine) -> None:
    acknowledged: list[int] = []
    doubtful: set[int] = set()
    stop = asyncio.Event()

    async def write(writer: int) -> None:
        number = writer
        while not stop.is_set():
            number += 8
            try:
                acknowledged.append(await add(brief, number))
            except LingpaiError:
                doubtful.add(number)  # it may or may not have happened, but never twice
                await asyncio.sleep(0.01)

    writers = [asyncio.ensure_future(write(writer)) for writer in range(8)]
    for how in (signal.SIGINT, signal.SIGQUIT):
        await grow(acknowledged, 200)
        await asyncio.to_thread(fragile.stop, how)
        await asyncio.to_thread(fragile.start)
    await grow(acknowledged, 200)
    stop.set()
    await asyncio.gather(*writers)
    assert doubtful
    found = set(await all_of(brief))
    assert set(acknowledged) <= found
    assert found <= set(acknowledged) | doubtful


async def test_a_server_that_hangs_keeps_nobody_longer_than_the_patience(
    fragile: Server, brief: Engine
) -> None:
    await add(brief, 1)
    with frozen(fragile):
        for _ in range(2):
            began = time.monotonic()
            verbs = [brief.read(READ, 1), brief.transact(work), *(add(brief, n) for n in range(2, 9))]
            verbs += [brief.rows("SELECT 1") for _ in range(20)]  # more than there are connections
            await asyncio.gather(*map(refused, verbs))
            assert time.monotonic() - began < 2 * PATIENCE
        began = time.monotonic()
        await brief.wait_change(0.2)
        assert time.monotonic() - began < PATIENCE
    await well_again(brief)


async def test_closing_does_not_wait_for_a_server_that_hangs(fragile: Server) -> None:
    engine = await Engine.open(fragile.dsn("lingpai"), patience=PATIENCE)
    await add(engine, 1)
    with frozen(fragile):
        began = time.monotonic()
        await engine.close()
        assert time.monotonic() - began < 3 * PATIENCE


async def test_a_server_that_hangs_at_the_start(fragile: Server) -> None:
    with frozen(fragile):
        began = time.monotonic()
        await refused(Engine.open(fragile.dsn("lingpai"), patience=PATIENCE))
        assert time.monotonic() - began < 2 * PATIENCE


async def test_connections_that_are_cut_are_replaced(fragile: Server, brief: Engine) -> None:
    await asyncio.gather(*(add(brief, number) for number in range(3)))
    for _ in range(3):
        await run(fragile.dsn("postgres"), TERMINATE)
        assert await brief.read(READ, 1) == [(1, "")]  # a read is asked again
        await well_again(brief)


async def test_a_cut_listener_hears_again(fragile: Server, brief: Engine) -> None:
    await brief.rows("SELECT 1")
    await run(fragile.dsn("postgres"), TERMINATE)
    await brief.wait_change(5)
    async with asyncio.timeout(10):
        await until(lambda: run(fragile.dsn("postgres"), LISTENING))


async def test_a_listener_whose_listening_failed_hears_again(
    fragile: Server, brief: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As just after a failover: there is a connection, but the server is too busy for what it is for."""
    listen, failed = asyncpg.Connection.add_listener, asyncio.Event()

    async def fail_once(connection: Connection, *arguments: Any) -> None:
        if not failed.is_set():
            failed.set()
            raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")
        await listen(connection, *arguments)

    monkeypatch.setattr(asyncpg.Connection, "add_listener", fail_once)
    await run(fragile.dsn("postgres"), TERMINATE)
    async with asyncio.timeout(20):
        await failed.wait()
        await until(lambda: run(fragile.dsn("postgres"), LISTENING))
    await well_again(brief)


async def test_an_engine_that_cannot_listen_leaves_no_connection_behind(
    fragile: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_arguments: Any) -> None:
        raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")

    monkeypatch.setattr(asyncpg.Connection, "add_listener", fail)
    await refused(Engine.open(fragile.dsn("lingpai"), patience=PATIENCE))

    async def is_alone() -> bool:
        return not await run(
            fragile.dsn("postgres"), "SELECT FROM pg_stat_activity WHERE datname = 'lingpai'"
        )

    async with asyncio.timeout(10):
        await until(is_alone)


async def test_a_server_that_takes_no_writes(fragile: Server, brief: Engine) -> None:
    """As after a failover: what was the primary is none any more."""
    await add(brief, 1)
    reload = "SELECT pg_reload_conf()"
    await run(fragile.dsn("postgres"), "ALTER SYSTEM SET default_transaction_read_only = on", reload)
    try:
        async with asyncio.timeout(10):
            await until(lambda: is_read_only(brief))
        await refused(brief.rows("SELECT 1"))  # its connections are dropped, and no new one is made to it
        await refused(Engine.open(fragile.dsn("lingpai"), patience=PATIENCE))
    finally:
        restore = "SET default_transaction_read_only = off"
        await run(
            fragile.dsn("postgres"),
            restore,
            "ALTER SYSTEM RESET default_transaction_read_only",
            reload,
        )
    await well_again(brief)


async def test_of_several_hosts_the_one_that_takes_writes_is_found(fragile: Server) -> None:
    if await version(fragile.dsn("postgres")) < 14:
        pytest.skip("an older server does not tell asyncpg, which then looks at no other host")
    with start_server() as other:
        await run(other.dsn("postgres"), "CREATE DATABASE lingpai")
        other.stop()
        other.options["default_transaction_read_only"] = "on"
        other.start()
        hosts = ("nowhere", other.folder, fragile.folder)
        dsn = fragile.dsn("lingpai").split("?")[0] + "?host=" + ",".join(map(str, hosts))
        engine = await Engine.open(dsn)
        try:
            await well_again(engine)
        finally:
            await engine.close()


async def test_no_connection_is_left(fragile: Server, brief: Engine) -> None:
    names = "CREATE ROLE guest LOGIN CONNECTION LIMIT 0"
    await run(fragile.dsn("postgres"), names)
    try:
        fault = await refused(Engine.open(fragile.dsn("lingpai").replace("lingpai@", "guest@")))
        assert fault.retry_after == 5.0
    finally:
        await run(fragile.dsn("postgres"), "DROP ROLE guest")


async def test_a_statement_that_waits_for_a_lock_too_long(fragile: Server, brief: Engine) -> None:
    async with asyncio.timeout(20):
        holding, go = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            import asyncpg

            connection = await asyncpg.connect(fragile.dsn("lingpai"))
            async with connection.transaction():
                await connection.execute("LOCK TABLE t")
                holding.set()
                await go.wait()
            await connection.close()

        holder = asyncio.ensure_future(hold())
        await holding.wait()
        await asyncio.gather(refused(add(brief, 1)), refused(brief.transact(work)))
        go.set()
        await holder
    await well_again(brief)
    assert not {1, 77} & set(await all_of(brief))


async def test_a_full_disk(fragile: Server, brief: Engine, disk: Path) -> None:
    place = f"CREATE TABLESPACE small LOCATION '{disk}'"
    await run(fragile.dsn("lingpai"), place, "CREATE TABLE f (n bigint, b text) TABLESPACE small")

    async def fill(connection: Connection) -> None:
        await connection.execute("INSERT INTO t (n) VALUES (77)")
        bulk = "INSERT INTO f SELECT n, repeat('x', 1000) FROM generate_series(1, 2000) AS s (n)"
        await connection.execute(bulk)

    assert (await refused(brief.transact(fill))).retry_after == 30.0
    assert await all_of(brief) == []
    await well_again(brief)
    await run(fragile.dsn("lingpai"), "DROP TABLE f", "DROP TABLESPACE small")


async def test_a_database_that_is_not_there(fragile: Server, clock: VirtualClock, ring: KeyRing) -> None:
    await refused(PostgresStore.open(fragile.dsn("nowhere"), ring, clock))


async def test_the_store_as_a_whole_recovers(fragile: Server, clock: VirtualClock, ring: KeyRing) -> None:
    store = await PostgresStore.open(fragile.dsn("lingpai"), ring, clock)
    try:
        await store.save_account(account())
        await asyncio.to_thread(fragile.stop)
        for verb in (store.ping(), store.find_accounts("wechat", "wx1"), store.save_account(account("wx2"))):
            await refused(verb)
        await refused(store.list_accounts())
        await asyncio.to_thread(fragile.start)
        async with asyncio.timeout(10):
            await until(lambda: pings(store))
        assert await store.find_accounts("wechat", "wx1") == (account(),)
        assert [each.account for each in await store.list_accounts()] == ["wx1"]
    finally:
        await store.close()
