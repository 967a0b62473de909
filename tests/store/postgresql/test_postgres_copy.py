"""A running installation moves to PostgreSQL: all of it, whatever comes in between, and nothing else is overwritten."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import asyncpg
import pytest

from lingpai.core.clock import SystemClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.seals import SealError
from lingpai.devdata.records import Samples
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.service import issuers_of, open_keeper
from lingpai.settings import Settings, load_settings
from lingpai.store.copying import sides
from lingpai.store.copying.copy import Copied, NotCopiedError, open_copy
from lingpai.store.copying.tables import NOT_COPIED, DifferentTablesError
from lingpai.store.postgresql import PostgresStore
from tests.helpers.postgres import Place, database_at
from tests.store.installation import MANY, make, user_tokens
from tests.store.postgresql.hardship import run, until
from tests.store.sample import account

WAITING = """
SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = $1 AND NOT l.granted
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return load_settings(data=tmp_path / "data", yzb={"base_url": "http://127.0.0.1:1"})


@pytest.fixture
def dsn_settings(settings: Settings, dsn: str) -> Settings:
    return load_settings(data=settings.data, store=dsn)


@pytest.fixture
async def dsn(postgres_place: Place, tmp_path: Path) -> str:
    return await database_at(tmp_path)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides, "BATCH", 7)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Samples, Tokens]:
    data = tmp_path_factory.mktemp("origin") / "data"
    return data, *asyncio.run(make(load_settings(data=data, yzb={"base_url": "http://127.0.0.1:1"})))


@pytest.fixture
def origin(settings: Settings, made: tuple[Path, Samples, Tokens]) -> tuple[Samples, Tokens]:
    data, samples, tokens = made
    shutil.copytree(data, settings.data)
    return samples, tokens


async def copy(settings: Settings, dsn: str) -> tuple[Copied, ...]:
    async with open_copy(settings.database, dsn, KeyRing(settings.key_ring_file)) as work:
        done: list[int] = []
        copied = await work.run(done.append)
        assert set(done) <= set(range(1, work.total))
        return copied


@contextlib.contextmanager
def editing(settings: Settings) -> Iterator[apsw.Connection]:
    with contextlib.closing(apsw.Connection(str(settings.database))) as connection:
        yield connection


async def test_everything_goes_on_in_the_database(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens], dsn_settings: Settings
) -> None:
    samples, tokens = origin
    copied = {each.table: each.rows for each in await copy(settings, dsn)}
    filled = {"accounts", "callers", "credentials", "generations", "budgets", "exchanges", "roles"}
    filled |= {"former_caller_keys"}
    filled |= {"issuer_apps", "issuer_secrets", "issuer_users", "issuer_machines", "issuer_grants"}
    filled |= {"issuer_members", "issuer_attempts", "issuer_anchors"}
    filled |= {"issuer_login_keys", "issuer_logins", "issuer_identities", "issuer_sessions"}
    assert {name for name in filled if not copied[name]} == set()
    async with open_keeper(dsn_settings) as keeper:
        assert len(await keeper.store.list_accounts()) >= MANY - 1
        found = await keeper.store.find_credential("next token 3")
        assert found is not None
        assert found.current is not None
        assert found.previous is not None
        assert found.previous.value == "token 3"
        assert (
            await keeper.store.claim_exchange(b"code", "b", 9, keeper.clock.now() + 9)
        ).answer == "the answer"
        await keeper.store.save_account(account("newest", secret="secret of the newest"))
        ((highest,),) = await run(dsn, "SELECT id FROM accounts WHERE account = 'newest'")
        ((before,),) = await run(dsn, "SELECT max(id) FROM accounts WHERE account <> 'newest'")
        assert highest > before + 1, "an id came back"
        issuer = (await issuers_of(dsn_settings, keeper))["yzb"]
        await resolve_access_token(issuer, tokens.access_token)
        app = await issuer.store.find_app("yzb", samples.issuer["yzb_app_id"])
        assert app is not None
        counted = await issuer.store.count_members(app.id)
        await user_tokens(issuer, samples)
    with editing(settings) as connection:
        kept = connection.execute("SELECT added FROM issuer_member_counts WHERE app_row = ?", (app.id,)).get
    assert counted == kept == 1


async def test_an_interrupted_copy_goes_on_where_it_was(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill, batches = sides.fill, []

    async def fill_a_little(*arguments: object) -> None:
        batches.append(1)
        if len(batches) > 5:
            raise ConnectionResetError
        await fill(*arguments)  # type: ignore[arg-type]  # passed on as they came

    with monkeypatch.context() as patched:
        patched.setattr(sides, "fill", fill_a_little)
        with pytest.raises(LingpaiError) as raised:
            await copy(settings, dsn)
        assert raised.value.kind is Kind.STORE_UNAVAILABLE
    ((half,),) = await run(dsn, "SELECT count(*) FROM credentials")
    assert half
    emptied: list[int] = []
    monkeypatch.setattr(sides, "empty_all", emptied.append)
    copied = await copy(settings, dsn)
    assert not emptied
    assert sum(each.rows for each in copied) > half


async def test_a_store_that_changed_between_two_runs_is_copied_anew(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("lingpai.store.copying.copy.Copy._compare", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await copy(settings, dsn)
    with editing(settings) as connection:
        connection.execute("UPDATE accounts SET source = 'apply' WHERE account = 'wx1'")
        connection.execute("DELETE FROM callers")
    copied = {each.table: each.rows for each in await copy(settings, dsn)}
    assert copied["callers"] == 0
    assert await run(dsn, "SELECT source FROM accounts WHERE account = 'wx1'") == [("apply",)]


async def test_grants_of_the_release_before_are_copied_with_when_to_look_at_them(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    with editing(settings) as connection:
        connection.execute("UPDATE issuer_grants SET look_at = 0 WHERE id % 2 = 0")
    assert await copy(settings, dsn)
    assert await run(dsn, "SELECT FROM issuer_grants WHERE id % 2 = 0")
    assert await run(dsn, "SELECT FROM issuer_grants WHERE id % 2 = 0 AND look_at <> ends_at") == []


async def test_a_store_that_changes_meanwhile_is_reported(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens], dsn_settings: Settings
) -> None:
    async with open_copy(settings.database, dsn, KeyRing(settings.key_ring_file)) as work:
        with editing(settings) as connection:
            connection.execute("UPDATE accounts SET source = 'apply'")
        with pytest.raises(NotCopiedError, match="changed while it was copied"):
            await work.run(lambda _rows: None)
    with pytest.raises(LingpaiError, match="not finished"):  # nobody serves from half a copy
        async with open_keeper(dsn_settings):
            pass
    assert await copy(settings, dsn)
    async with open_keeper(dsn_settings) as keeper:
        assert await keeper.store.list_accounts()


async def test_a_database_in_use_is_left_alone(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens], dsn_settings: Settings
) -> None:
    async with open_keeper(dsn_settings) as keeper:
        await keeper.store.save_account(account("theirs"))
    with pytest.raises(NotCopiedError, match="already in use"):
        await copy(settings, dsn)
    assert await run(dsn, "SELECT account FROM accounts") == [("theirs",)]


async def test_a_node_that_opens_while_a_copy_begins_is_kept_out(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    ring = KeyRing(settings.key_ring_file)
    operator = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(20), operator.transaction():
            await operator.execute("LOCK TABLE store_copies IN SHARE MODE")  # which lets everybody read it
            copying = asyncio.ensure_future(copy(settings, dsn))
            await until(lambda: operator.fetch(WAITING, "relation"))
            opening = asyncio.ensure_future(PostgresStore.open(dsn, ring, SystemClock()))

            async def is_reported_or_waits() -> bool:
                return opening.done() or bool(await operator.fetch(WAITING, "advisory"))

            await until(is_reported_or_waits)
        with pytest.raises(LingpaiError, match="not finished"):
            await opening
        assert await copying
    finally:
        await operator.close()


async def test_a_finished_copy_is_left_alone(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    await copy(settings, dsn)
    with pytest.raises(NotCopiedError, match="already finished"):
        await copy(settings, dsn)


async def test_two_copies_at_once_are_one_too_many(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    async with open_copy(settings.database, dsn, KeyRing(settings.key_ring_file)):
        with pytest.raises(NotCopiedError, match="Another copy"):
            await copy(settings, dsn)


async def test_the_wrong_key_ring_is_found_out(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    with pytest.raises(SealError):
        async with open_copy(settings.database, dsn, KeyRing.ephemeral()):
            pass
    assert await run(dsn, "SELECT FROM store_copies") == []


async def test_another_schema_is_found_out(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    await run(dsn, "ALTER TABLE callers ADD COLUMN later text")
    with pytest.raises(DifferentTablesError, match="callers: later"):
        await copy(settings, dsn)


async def test_a_copy_only_reads_its_source(
    settings: Settings, dsn: str, origin: tuple[Samples, Tokens]
) -> None:
    async with open_copy(settings.database, dsn, KeyRing(settings.key_ring_file)) as work:
        with pytest.raises(apsw.ReadOnlyError):
            work._source.execute("DELETE FROM accounts")


def test_what_is_not_copied_is_known() -> None:
    assert {"accounts", "issuer_grants"}.isdisjoint(NOT_COPIED)
