"""The primary dies and its standby takes over: nothing that was answered is lost, and service comes back by itself."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from lingpai.core.clock import SystemClock, end_after
from lingpai.core.errors import LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Budget
from lingpai.store.postgresql import PostgresStore
from tests.helpers.postgres import make_template
from tests.helpers.postgres_server import Server, start_server, start_standby
from tests.store.postgresql.hardship import grow, run, until
from tests.store.sample import account

SYNCHRONOUS = ("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
FOLLOWED = "SELECT FROM pg_stat_replication WHERE sync_state = 'sync' AND state = 'streaming'"


@pytest.fixture
def primary() -> Iterator[Server]:
    with start_server() as server:
        asyncio.run(make_template(server))
        asyncio.run(run(server.dsn("postgres"), "CREATE DATABASE lingpai TEMPLATE lingpai_template"))
        yield server


@pytest.fixture
def standby(primary: Server) -> Iterator[Server]:
    with start_standby(primary) as server:
        yield server


def both(*servers: Server) -> str:
    hosts = ",".join(str(server.folder) for server in servers)
    return f"postgresql://lingpai@/lingpai?host={hosts}"


async def wait_until_followed(primary: Server) -> None:
    await run(primary.dsn("postgres"), *SYNCHRONOUS)
    async with asyncio.timeout(20):
        await until(lambda: run(primary.dsn("postgres"), FOLLOWED))


async def test_every_answer_survives_the_loss_of_the_primary(
    primary: Server, standby: Server, ring: KeyRing
) -> None:
    await wait_until_followed(primary)
    store = await PostgresStore.open_shared(both(standby, primary), ring, SystemClock())
    try:
        epoch, end = store.clock.epoch, end_after(store.clock, 600)
        await store.save_account(account())
        answered: list[int] = []
        stop = asyncio.Event()

        async def take(number: int) -> None:
            while not stop.is_set():
                number += 4
                budget = Budget("s", "n", str(number), 1, store.clock.now() + 600)
                try:
                    if (await store.take_budget(budget)).granted:
                        answered.append(number)
                except LingpaiError:
                    await asyncio.sleep(0.01)

        takers = [asyncio.ensure_future(take(number)) for number in range(4)]
        await grow(answered, 100)
        await asyncio.to_thread(primary.stop, signal.SIGQUIT)
        await run(standby.dsn("postgres"), "ALTER SYSTEM RESET synchronous_standby_names")
        await run(standby.dsn("postgres"), "SELECT pg_promote()")
        await grow(answered, 100)
        stop.set()
        await asyncio.gather(*takers)
        kept = {int(use.window) for use in await store.list_budgets()}
        assert set(answered) <= kept
        assert await store.find_accounts("wechat", "wx1") == (account(),)
        again = await PostgresStore.open_shared(both(primary, standby), ring, SystemClock())
        assert again.clock.epoch == epoch
        assert 500 < end.remaining(again.clock) <= 600
        await again.close()
    finally:
        await store.close()
