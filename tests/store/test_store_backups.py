"""Backups of both engines: of one moment, verified, and put back so that nothing handed out since opens anything."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest

from lingpai.core.clock import end_after
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import GrantState
from lingpai.core.keyring import KeyRing, KeyRingError
from lingpai.core.seals import SealError
from lingpai.devdata.records import Samples
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code, new_grant
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.sessions import start_session
from lingpai.service import issuers_of, open_keeper
from lingpai.settings import Settings, load_settings
from lingpai.store.backups import making
from lingpai.store.backups.errors import BackupError
from lingpai.store.backups.making import back_up
from lingpai.store.backups.restoring import Restored, is_filled, restore, settle_in_place
from lingpai.store.backups.settling import AHEAD, IDS_AHEAD
from lingpai.store.copying.copy import open_copy
from lingpai.store.issuer_port import Login, RequestKey
from lingpai.store.port import Fetched
from lingpai.store.sqlite.connect import connect
from tests.helpers.postgres import Place as PostgresPlace
from tests.helpers.postgres import database_at
from tests.store.installation import MANY, make, user_tokens
from tests.store.sample import account, key_of, renew

YZB = {"base_url": "http://127.0.0.1:1"}
KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from lingpai.core.keyring import KeyRing
from lingpai.settings import load_settings
from lingpai.store.backups import restoring
from lingpai.store.copying import sides

def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
async def die_later(*arguments):
    global left
    left -= 1
    if not left: die()
    await fill(*arguments)
where, fill, left = sys.argv[3], sides.fill, 3
if where == "copied": restoring.check_store = die
elif where == "linked": Path.replace = die
elif where == "filling": sides.fill = die_later
settings = load_settings(data=Path(sys.argv[1]))
asyncio.run(restoring.restore(settings.store_address, KeyRing(settings.key_ring_file), Path(sys.argv[2]),
    lambda total: lambda done: None, end_grants=False))
"""


def quietly(_total: int) -> Callable[[int], None]:
    return lambda _done: None


class Place:
    """An installation on one engine, and where its backups go."""

    def __init__(self, settings: Settings, samples: Samples, tokens: Tokens, folder: Path) -> None:
        self.settings = settings
        self.samples = samples
        self.tokens = tokens
        self.backup = folder / "backup.db"

    @property
    def ring(self) -> KeyRing:
        return KeyRing(self.settings.key_ring_file)

    async def back_up(self) -> making.Made:
        return await back_up(self.settings.store_address, self.ring, self.backup, quietly)

    async def restore(self, *, end_grants: bool = False) -> Restored:
        return await restore(
            self.settings.store_address, self.ring, self.backup, quietly, end_grants=end_grants
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Samples, Tokens]:
    data = tmp_path_factory.mktemp("origin") / "data"
    return data, *asyncio.run(make(load_settings(data=data, yzb=YZB)))


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_place")
    return str(request.param)


@pytest.fixture
async def place(
    engine: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: tuple[Path, Samples, Tokens],
) -> Place:
    monkeypatch.chdir(tmp_path)
    origin, samples, tokens = made
    shutil.copytree(origin, tmp_path / "data")
    if engine == "postgresql":
        dsn = await database_at(tmp_path)
        monkeypatch.setenv("LINGPAI_STORE", dsn)
        file = tmp_path / "data" / "lingpai.db"
        async with open_copy(file, dsn, KeyRing(tmp_path / "data" / "keyring.json")) as copy:
            await copy.run(lambda _rows: None)
        for each in file.parent.glob("lingpai.db*"):
            each.unlink()
    return Place(load_settings(data=tmp_path / "data", yzb=YZB), samples, tokens, tmp_path)


async def test_a_backup_is_whole_private_and_never_overwritten(place: Place) -> None:
    async with open_keeper(place.settings) as keeper:  # while it serves
        made = await place.back_up()
        accounts = await keeper.store.list_accounts()
    assert made.rows["accounts"] == len(accounts) >= MANY - 1
    assert made.rows["issuer_grants"] >= MANY
    assert stat.S_IMODE(place.backup.stat().st_mode) == 0o600
    before = place.backup.read_bytes()
    with pytest.raises(BackupError, match="not overwritten"):
        await place.back_up()
    assert place.backup.read_bytes() == before
    place.backup.unlink()
    place.backup.symlink_to("elsewhere.db")
    with pytest.raises(BackupError, match="not overwritten"):
        await place.back_up()
    assert sorted(each.name for each in place.backup.parent.iterdir() if "backup" in each.name) == [
        "backup.db"
    ]


async def test_a_backup_needs_the_ring_of_its_store(place: Place) -> None:
    with pytest.raises((SealError, KeyRingError)):
        await back_up(place.settings.store_address, KeyRing.ephemeral(), place.backup, quietly)
    assert list(place.backup.parent.glob("*backup*")) == []


async def test_a_backup_is_of_one_moment_while_others_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: tuple[Path, Samples, Tokens]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(making, "PAGES", 1)
    shutil.copytree(made[0], tmp_path / "data")
    settings = load_settings(data=tmp_path / "data", yzb=YZB)
    with contextlib.closing(connect(settings.database, 5)) as other:

        def begin(total: int) -> Callable[[int], None]:
            def write(done: int) -> None:
                steps.append(done)
                for column in ("accounts SET source", "callers SET environment"):
                    other.execute(f"UPDATE {column} = ?", (str(len(steps)),)).fetchall()

            totals.append(total)
            return write

        steps: list[int] = []
        totals: list[int] = []
        ring = KeyRing(settings.key_ring_file)
        await back_up(settings.store_address, ring, tmp_path / "b.db", begin)
    assert sum(steps) == totals[0] == len(steps), "no commit of others began it anew"
    with contextlib.closing(apsw.Connection(str(tmp_path / "b.db"))) as copy:
        changed = copy.execute("SELECT source FROM accounts UNION SELECT environment FROM callers").fetchall()
        assert not [text for (text,) in changed if str(text).isdigit()]


async def test_what_was_handed_out_since_the_backup_opens_nothing(place: Place) -> None:
    await place.back_up()
    async with open_keeper(place.settings) as keeper:
        issuer = (await issuers_of(place.settings, keeper))["yzb"]
        later = [await user_tokens(issuer, place.samples) for _ in range(3)]
    done = await place.restore()
    assert done.settled.ids_ahead == IDS_AHEAD
    async with open_keeper(place.settings) as keeper:
        issuer = (await issuers_of(place.settings, keeper))["yzb"]
        others = [await user_tokens(issuer, place.samples) for _ in range(3)]  # who would get their ids
        for tokens in later:
            with pytest.raises(LingpaiError):
                await resolve_access_token(issuer, tokens.access_token)
        await resolve_access_token(issuer, place.tokens.access_token)  # of before the backup
        for tokens in others:
            await resolve_access_token(issuer, tokens.access_token)
        await keeper.store.save_account(account("newest", secret="secret of the newest"))
        ids = (await keeper.store.list_accounts())[-1:]
        assert ids
    again = place.backup.with_name("again.db")
    await back_up(place.settings.store_address, place.ring, again, quietly)
    with contextlib.closing(apsw.Connection(str(again))) as copy:
        for table in ("accounts", "issuer_grants"):
            assert copy.execute(f"SELECT max(id) FROM {table}").get > IDS_AHEAD
        numbered = [
            name
            for (name,) in copy.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'")
        ]
        assert len(numbered) >= 8
        for name in numbered:
            assert copy.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).get >= IDS_AHEAD, (
                name
            )


async def test_what_a_restored_store_cannot_know_is_over(place: Place) -> None:
    async with open_keeper(place.settings) as keeper:
        issuer = (await issuers_of(place.settings, keeper))["yzb"]
        app = await issuer.store.find_app("yzb", place.samples.issuer["yzb_app_id"])
        (user, *_) = await issuer.store.list_users("yzb", 0, 1)
        assert app is not None
        code = await issue_code(issuer, app, user, Asked())
        session = (await start_session(issuer, user)).session
        online, offline = [await new_grant(issuer, app, user, None, Asked()) for _ in range(2)]
        for grant in (online, offline):
            await issuer.store.answer_request(
                RequestKey(grant.salt.to_bytes(8), issuer.now() + 60),
                msgspec.structs.replace(grant, state=GrantState.LIVE, ends_at=issuer.now() + 600),
                Login(session, online=grant is online, notified=True),
            )
    await place.back_up()
    done = await place.restore()
    ended = done.settled.ended
    assert (ended["codes"], ended["exchanges"], ended["roles"]) == (1, 1, 1)
    assert ended["sessions"] >= 1
    assert ended["online"] == 1  # and the other one lives on
    assert "grants" not in ended
    async with open_keeper(place.settings) as keeper:
        issuer = (await issuers_of(place.settings, keeper))["yzb"]
        with pytest.raises(LingpaiError):
            await redeem(issuer, app, code.code)
        assert (await keeper.store.claim_exchange(b"code", "b", 9, keeper.clock.now() + 9)).answer is None
        assert await keeper.store.lead("role", "b", 30)


async def test_every_grant_ends_when_that_is_wanted(place: Place) -> None:
    await place.back_up()
    done = await place.restore(end_grants=True)
    assert done.settled.ended["grants"] >= MANY
    async with open_keeper(place.settings) as keeper:
        issuer = (await issuers_of(place.settings, keeper))["yzb"]
        with pytest.raises(LingpaiError):
            await resolve_access_token(issuer, place.tokens.access_token)
        await resolve_access_token(issuer, (await user_tokens(issuer, place.samples)).access_token)


async def test_held_tokens_are_fetched_anew_under_versions_that_nobody_has_seen(place: Place) -> None:
    key = key_of(place.ring, account("wx3", secret="secret 3"))
    await place.back_up()
    done = await place.restore()
    assert done.settled.fetched_anew >= MANY - 1
    async with open_keeper(place.settings) as keeper:
        held = await keeper.store.read_credential(key)
        assert held is not None
        assert held.current is not None
        assert held.previous is not None
        assert (held.current.value, held.previous.value) == ("next token 3", "token 3")
        assert held.version == held.current.version > AHEAD
        assert held.suspect, "what is held is good until the next one is there"
        lease, _ = await keeper.store.acquire_lease(key, "a", held.version, 9)
        assert lease is not None
        end = end_after(keeper.clock, 7200)
        fetched = Fetched("the newest", end, 7200, keeper.clock.now())
        await keeper.store.save_generation(lease, fetched, end, None)
        renewed = await keeper.store.read_credential(key)
        assert renewed is not None
        assert renewed.current is not None
        assert (renewed.current.value, renewed.version) == ("the newest", held.version + 1)
        assert not renewed.suspect


async def test_tokens_that_only_a_terminals_owner_can_bring_stay(place: Place) -> None:
    mine = account("wx4", secret="secret 4")
    async with open_keeper(place.settings) as keeper:
        for kind in ("terminal:7", "terminal:7/refresh"):
            await renew(
                keeper.store, keeper.clock, key_of(keeper.ring, mine)._replace(kind=kind), f"value of {kind}"
            )
    await place.back_up()
    await place.restore()
    async with open_keeper(place.settings) as keeper:
        for kind in ("terminal:7", "terminal:7/refresh"):
            held = await keeper.store.read_credential(key_of(keeper.ring, mine)._replace(kind=kind))
            assert held is not None
            assert held.current is not None
            assert (held.current.value, held.suspect) == (f"value of {kind}", False)


async def test_a_backup_of_one_engine_is_restored_into_the_other(
    place: Place, postgres_place: PostgresPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.back_up()
    monkeypatch.delenv("LINGPAI_STORE", raising=False)
    other = ""
    if place.settings.store_address.dsn is None:
        (tmp_path / "other").mkdir()
        other = await database_at(tmp_path / "other")
    there = load_settings(data=place.settings.data, store=other, yzb=YZB)
    assert not await is_filled(there.store_address)
    done = await restore(there.store_address, place.ring, place.backup, quietly, end_grants=False)
    assert done.kept is None
    async with open_keeper(there) as keeper:
        assert len(await keeper.store.list_accounts()) >= MANY - 1
        issuer = (await issuers_of(there, keeper))["yzb"]
        await resolve_access_token(issuer, place.tokens.access_token)
        app = await issuer.store.find_app("yzb", place.samples.issuer["yzb_app_id"])
        assert app is not None
        assert await issuer.store.count_members(app.id) == 1


async def test_a_store_in_use_is_left_alone(place: Place) -> None:
    await place.back_up()
    async with open_keeper(place.settings) as keeper:
        await keeper.store.list_accounts()
        await keeper.store.ping()
        with pytest.raises(BackupError, match="in use"):
            await place.restore()
        with pytest.raises(BackupError, match="in use"):
            await settle_in_place(place.settings.store_address, place.ring, end_grants=False)
        assert await keeper.store.list_accounts()
    assert await is_filled(place.settings.store_address)


async def test_a_store_that_was_put_back_by_other_means_is_settled_in_place(place: Place) -> None:
    done = await settle_in_place(place.settings.store_address, place.ring, end_grants=True)
    assert done.settled.ended["grants"] >= MANY
    async with open_keeper(place.settings) as keeper:
        held = await keeper.store.read_credential(key_of(place.ring, account("wx3", secret="secret 3")))
        assert held is not None
        assert held.version > AHEAD
        issuer = (await issuers_of(place.settings, keeper))["yzb"]
        with pytest.raises(LingpaiError):
            await resolve_access_token(issuer, place.tokens.access_token)


@pytest.mark.parametrize("content", [b"", b"no store at all " * 100])
async def test_what_is_no_store_is_not_restored(place: Place, content: bytes) -> None:
    place.backup.write_bytes(content)
    with pytest.raises(BackupError):
        await place.restore()
    async with open_keeper(place.settings) as keeper:
        assert await keeper.store.list_accounts()


async def test_a_damaged_backup_is_not_restored(place: Place) -> None:
    await place.back_up()
    content = bytearray(place.backup.read_bytes())
    for page in range(3, len(content) // 2048, 2):
        content[page * 2048 : page * 2048 + 100] = bytes(100)
    place.backup.write_bytes(content)
    with pytest.raises((BackupError, LingpaiError)):
        await place.restore()
    async with open_keeper(place.settings) as keeper:
        assert await keeper.store.list_accounts()


async def kill(place: Place, where: str) -> None:
    """Restore in a process of its own, which is killed there."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, str(place.settings.data), str(place.backup), where),
        env={**os.environ, "LINGPAI_YZB__BASE_URL": YZB["base_url"]},
    )
    assert await process.wait() == -signal.SIGKILL


async def test_a_restore_that_is_killed_leaves_the_old_store_or_none_that_serves(place: Place) -> None:
    await place.back_up()
    async with open_keeper(place.settings) as keeper:
        await keeper.store.save_account(account("later", secret="of later"))
    embedded = place.settings.store_address.dsn is None
    for where in ("copied", "linked") if embedded else ("copied",):
        await kill(place, where)
        async with open_keeper(place.settings) as keeper:
            assert "later" in {each.account for each in await keeper.store.list_accounts()}
    if not embedded:
        await kill(place, "filling")
        with pytest.raises(LingpaiError, match="not finished"):
            async with open_keeper(place.settings):
                pass
        with pytest.raises(BackupError, match="not finished"):
            await back_up(
                place.settings.store_address, place.ring, place.backup.with_name("half.db"), quietly
            )
    done = await place.restore()
    async with open_keeper(place.settings) as keeper:
        names = {each.account for each in await keeper.store.list_accounts()}
        assert "later" not in names
        assert len(names) >= MANY - 1
    assert bool(done.kept) is embedded
    assert not list(place.settings.data.glob(".*"))
