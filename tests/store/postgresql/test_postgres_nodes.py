"""What nodes of one database share: its time, and the key ring."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lingpai import service
from lingpai.core.clock import SystemClock, VirtualClock, end_after
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.records import Budget
from lingpai.service import open_keeper
from lingpai.settings import Settings, SettingsError, load_settings
from lingpai.store.address import Address
from lingpai.store.opening import is_begun
from lingpai.store.postgresql import PostgresStore
from lingpai.store.postgresql.engine import Engine
from lingpai.store.postgresql.schema import is_sealed
from tests.helpers.postgres import Place, database_at
from tests.store.postgresql.hardship import run
from tests.store.sample import account

NOW = "SELECT extract(epoch FROM clock_timestamp())::float8"


@pytest.fixture
async def dsn(postgres_place: Place, tmp_path: Path) -> str:
    return await database_at(tmp_path)


class Skewed(SystemClock):
    """A node whose wall clock is wrong and whose steady time began at another moment."""

    def __init__(self, skew: float) -> None:
        super().__init__()
        self.epoch = f"boot {skew}"
        self._skew = skew

    def now(self) -> float:
        return super().now() + self._skew

    def steady(self) -> float:
        return super().steady() + self._skew


async def test_nodes_have_one_time_whatever_their_clocks_show(dsn: str, ring: KeyRing) -> None:
    stores = [await PostgresStore.open_shared(dsn, ring, Skewed(skew)) for skew in (-7200.0, 0.0, 86400.0)]
    try:
        (shown,) = (await run(dsn, NOW))[0]
        clocks = [store.clock for store in stores]
        for clock in clocks:
            assert abs(clock.now() - shown) < 1.0
            assert clock.steady() == pytest.approx(clock.now(), abs=0.1)
            assert clock.epoch == clocks[0].epoch
            assert clock.epoch.startswith("postgresql-")
        assert (await stores[0].lead("role", "a", 30)) is True
        assert (await stores[2].lead("role", "b", 30)) is False
        assert 29 < end_after(clocks[0], 30).remaining(clocks[2]) <= 30.5
    finally:
        for store in stores:
            await store.close()


async def test_a_step_of_a_nodes_clock_is_not_felt(dsn: str, ring: KeyRing) -> None:
    base = VirtualClock()
    store = await PostgresStore.open_shared(dsn, ring, base)
    try:
        end = end_after(store.clock, 60)
        base.step(100_000)
        assert end.remaining(store.clock) == 60
        base.advance(20)
        assert end.remaining(store.clock) == 40
        sleeper = asyncio.ensure_future(store.clock.sleep(5))
        await asyncio.sleep(0)
        base.advance(5)
        await sleeper
    finally:
        await store.close()


async def test_a_node_with_another_key_ring_is_refused(dsn: str, clock: VirtualClock) -> None:
    ours = KeyRing.ephemeral()
    assert not await is_sealed(dsn)
    store = await PostgresStore.open(dsn, ours, clock)
    assert await is_sealed(dsn)
    with pytest.raises(KeyRingError, match="copy that of the first node"):
        await PostgresStore.open(dsn, KeyRing.ephemeral(), clock)
    ours.rotate(0.0)
    await (await PostgresStore.open(dsn, ours, clock)).close()
    await store.close()


async def test_of_nodes_that_begin_at_once_one_ring_wins(dsn: str, clock: VirtualClock) -> None:
    rings = [KeyRing.ephemeral() for _ in range(6)]
    opened = await asyncio.gather(
        *(PostgresStore.open(dsn, each, clock) for each in rings), return_exceptions=True
    )
    stores = [each for each in opened if isinstance(each, PostgresStore)]
    assert len(stores) == 1
    assert sum(isinstance(each, KeyRingError) for each in opened) == 5
    await stores[0].close()


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LINGPAI_STORE", "LINGPAI_DATA"):
        monkeypatch.delenv(name, raising=False)


async def test_a_node_without_the_ring_makes_none(dsn: str, tmp_path: Path, alone: None) -> None:
    first, second = (load_settings(data=tmp_path / name, store=dsn) for name in ("first", "second"))
    async with open_keeper(first) as keeper:
        await keeper.store.save_account(account())
    with pytest.raises(KeyRingError, match="copy it from another node"):
        async with open_keeper(second):
            pass
    assert not second.key_ring_file.exists()
    second.key_ring_file.write_bytes(first.key_ring_file.read_bytes())
    second.key_ring_file.chmod(0o600)
    async with open_keeper(second) as keeper:
        assert await keeper.store.find_accounts("wechat", "wx1") == (account(),)


async def test_who_begins_beside_another_of_its_folder_takes_that_ones_ring(
    dsn: str, tmp_path: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(data=tmp_path / "shared", store=dsn)

    async def ask_late(address: Address) -> bool:
        monkeypatch.setattr(service, "is_begun", is_begun)
        async with open_keeper(settings) as other:
            await other.store.save_account(account())
        return await is_begun(address)

    monkeypatch.setattr(service, "is_begun", ask_late)
    async with open_keeper(settings) as keeper:
        assert await keeper.store.find_accounts("wechat", "wx1") == (account(),)


PASSWORD = "hunter2hunter2"


@pytest.mark.parametrize(
    ("dsn", "name"),
    [
        (f"postgresql://lingpai:{PASSWORD}@db.example/prod", "postgresql://db.example/prod"),
        (f"postgres://u:{PASSWORD}@a:5432,b:5433/prod?sslmode=require", "postgresql://a:5432,b:5433/prod"),
        (f"postgresql://u:{PASSWORD}@[::1]:5432/prod", "postgresql://[::1]:5432/prod"),
        (f"postgresql:///prod?host=/run/pg&password={PASSWORD}", "postgresql:///run/pg/prod"),
    ],
)
def test_a_password_is_never_shown(dsn: str, name: str, tmp_path: Path, alone: None) -> None:
    settings = load_settings(data=tmp_path, store=dsn)
    assert settings.store_address.dsn == dsn
    assert settings.store_address.name == name
    for shown in (repr(settings), str(settings.store_address), repr(settings.store_address), str(settings)):
        assert PASSWORD not in shown


@pytest.mark.parametrize(
    "address",
    ["mysql://u:{}@db.example/prod", "postgresql://u:{}@a,b:port/prod", "postgresql://u:{}@[::1/prod"],
)
def test_a_refused_address_is_not_shown(alone: None, address: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(store=address.format(PASSWORD))
    assert "store" in str(raised.value)
    assert PASSWORD not in str(raised.value)


def test_a_store_is_a_file_by_default(tmp_path: Path, alone: None) -> None:
    address = load_settings(data=tmp_path).store_address
    assert (address.file, address.dsn) == (tmp_path / "lingpai.db", None)
    assert load_settings(data=tmp_path, store="elsewhere.db").database == Path("elsewhere.db")


def test_without_its_client_a_database_is_refused_in_a_line(
    alone: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"lingpai\[postgresql\]"):
        load_settings(data=tmp_path, store="postgresql://db.example/prod")
    assert isinstance(load_settings(data=tmp_path), Settings)


async def test_who_was_refused_does_not_learn_what_another_node_was_granted_since(
    dsn: str, ring: KeyRing, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How much is used up is read after the refusal; meanwhile a node with another limit may have taken one."""
    here, there = [await PostgresStore.open(dsn, ring, clock) for _ in range(2)]
    low, high = (Budget("s", "n", "w", limit, clock.now() + 60) for limit in (1, 2))
    for _ in range(2):  # the second is the refusal that is written down
        await here.take_budget(low)
    read = Engine.read

    async def read_late(engine: Engine, statement: str, *arguments: Any) -> Any:
        assert (await there.take_budget(high)).granted
        return await read(engine, statement, *arguments)

    monkeypatch.setattr(Engine, "read", read_late)
    use = await here.take_budget(low)
    assert (use.used, use.limit, use.granted) == (2, 1, False)
    await here.close()
    await there.close()
