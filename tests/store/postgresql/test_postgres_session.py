"""Settings of our sessions: as we need them, whatever a DBA's defaults are."""

import contextlib
from collections.abc import AsyncIterator, Mapping

import asyncpg
import pytest

from lingpai.store.postgresql import session
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.faults import AddressError, PoolerError
from tests.helpers.postgres_server import Server
from tests.store.postgresql.hardship import run

PATIENCE = 5.0
TROUBLESOME: Mapping[str, str] = {
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "lock_timeout": "1ms",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "synchronous_commit": "off",
    "plan_cache_mode": "force_custom_plan",
    "jit": "on",
    "enable_seqscan": "on",
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
    "enable_indexscan": "off",
    "enable_indexonlyscan": "off",
    "enable_bitmapscan": "off",
    "enable_nestloop": "off",
    "enable_partition_pruning": "off",
    "idle_session_timeout": "5s",
    "transaction_timeout": "5s",
}
WANTED = {**session.OURS, "statement_timeout": "4s", "idle_in_transaction_session_timeout": "2500ms"}


@contextlib.asynccontextmanager
async def defaults(server: Server, whose: str, values: Mapping[str, str]) -> AsyncIterator[None]:
    async with contextlib.AsyncExitStack() as stack:
        for name, value in values.items():
            with contextlib.suppress(asyncpg.UndefinedObjectError):  # of a later version
                await run(server.dsn("postgres"), f"ALTER {whose} SET {name} = '{value}'")
                stack.push_async_callback(run, server.dsn("postgres"), f"ALTER {whose} RESET {name}")
        yield


@pytest.mark.parametrize("whose", ["ROLE lingpai", "DATABASE lingpai", "ROLE lingpai IN DATABASE lingpai"])
async def test_no_default_of_a_dba_changes_our_sessions(fragile: Server, whose: str) -> None:
    async with defaults(fragile, whose, TROUBLESOME):
        connection = await connect(fragile.dsn("lingpai"), PATIENCE)
        try:
            for name, value in WANTED.items():
                assert await connection.fetchval(f"SHOW {name}") == value
            for name, (since, value) in session.SINCE.items():
                if connection.get_server_version()[0] >= since:
                    assert await connection.fetchval(f"SHOW {name}") == value
        finally:
            await connection.close()


async def test_an_address_may_ask_for_more_durability(fragile: Server) -> None:
    connection = await connect(fragile.dsn("lingpai") + "&synchronous_commit=remote_apply", PATIENCE)
    assert await connection.fetchval("SHOW synchronous_commit") == "remote_apply"
    await connection.close()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("statement_timeout=0", "asks for statement_timeout"),
        ("options=-c%20jit%3Don", "asks for jit"),
        ("synchronous_commit=off", "asks for synchronous_commit"),
        ("conect_timeout=3", 'unrecognized configuration parameter "conect_timeout"'),
        ("log_connections=on", '"log_connections" cannot be set'),
        ("work_mem=much", 'invalid value for parameter "work_mem"'),
        ("sslmode=verify-full&sslrootcert=/nowhere", "the parameter sslrootcert cannot be honoured"),
    ],
)
async def test_what_an_address_may_not_ask_for_is_named(dsn: str, query: str, said: str) -> None:
    base = (
        f"postgresql://lingpai@127.0.0.1:1{dsn[dsn.rindex('/') :].partition('?')[0]}?"
        if "ssl" in query
        else dsn + "&"
    )
    with pytest.raises(AddressError) as raised:
        await connect(base + query, PATIENCE)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_the_parameters_that_are_honoured_reach_the_session(dsn: str) -> None:
    query = "&options=-csearch_path%3Dpg_catalog,public&application_name=till&work_mem=5MB"
    connection = await connect(dsn + query, PATIENCE)
    shown = [
        await connection.fetchval(f"SHOW {name}") for name in ("search_path", "application_name", "work_mem")
    ]
    assert shown == ["pg_catalog,public", "till", "5MB"]
    await connection.close()


async def test_settings_that_do_not_last_are_noticed(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "statement_to_set", lambda _: "SELECT 1")
    with pytest.raises(PoolerError, match="do not last"):
        await connect(dsn + "&application_name=x", PATIENCE)


@pytest.mark.parametrize(
    ("wanted", "has", "same"),
    [
        ("4000ms", "4s", True),
        ("0", "0", True),
        ("0ms", "0", True),
        ("2500ms", "2500ms", True),
        ("4000ms", "0", False),
    ],
)
def test_times_are_compared_by_their_length(wanted: str, has: str, same: bool) -> None:
    assert session._same(wanted, has) is same
