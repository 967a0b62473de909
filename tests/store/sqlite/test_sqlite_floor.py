"""A floor of free space: the issuer adds nothing below it, and all else goes on."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Account
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yzb
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked, open_request
from lingpai.issuer.verbs.authorize import authorize, begin_authorization
from lingpai.issuer.verbs.login import login
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.store.sqlite import SqliteStore
from lingpai.store.sqlite.issuer import SqliteIssuerStore
from lingpai.store.sqlite.space import LOOK_SECONDS, Floor, demand_space
from tests.helpers.passwords import CHEAP
from tests.issuer.harness import Harness, make_world

MIB = 1024 * 1024


class Disk:
    """The disk under every file, as far as `statvfs` tells; `free` and `size` in bytes, `now` in seconds."""

    def __init__(self) -> None:
        self.free = 1000 * MIB
        self.size = 100_000 * MIB
        self.now = 0.0

    def statvfs(self, _path: Path) -> SimpleNamespace:
        return SimpleNamespace(f_bavail=self.free, f_frsize=1, f_blocks=self.size)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk()
    monkeypatch.setattr(os, "statvfs", made.statvfs)
    return made


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(
        tmp_path / "lingpai.db", KeyRing.ephemeral(), VirtualClock(), floor=64 * MIB
    )
    yield opened
    await opened.close()


async def refused(verb: object) -> LingpaiError:
    with pytest.raises(LingpaiError) as error:
        await verb  # type: ignore[misc]  # a coroutine of any verb
    assert error.value.kind is Kind.STORE_UNAVAILABLE
    assert error.value.retry_after is not None
    return error.value


async def test_below_the_floor_nothing_is_added_and_all_else_goes_on(store: SqliteStore, disk: Disk) -> None:
    clock, ring = VirtualClock(), KeyRing.ephemeral()
    beside = SqliteIssuerStore.beside(store)
    issuer = await Issuer.open("yzb", yzb.POLICY, beside, ring, clock, Passwords(CHEAP))
    harness: Harness = await make_world(issuer, ring)
    store._engine._floor._monotonic = lambda: disk.now
    code, tokens = await harness.code(), await harness.tokens()
    disk.free = 64 * MIB - 1
    disk.now += LOOK_SECONDS
    request = open_request(issuer, begin_authorization(issuer, harness.app, "cookie", Asked()))
    await refused(login(issuer, "ann", "correct horse", "192.0.2.1"))
    await refused(login(issuer, "ann", "wrong", "192.0.2.1"))
    await refused(authorize(issuer, request, harness.app, harness.user))
    await refused(harness.code())
    assert "bytes are free" in str((await refused(issue_app_token(issuer, harness.app))).detail)
    await store.save_account(Account(platform="wechat", account="wx1", secret="secret"))
    await store.ping()
    assert (await redeem(issuer, harness.app, code)).grant.id > 0
    tokens = await refresh(issuer, harness.app, tokens.refresh_token)
    assert await issuer.store.end_grant(tokens.grant, issuer.now(), "ended by the user")
    disk.free = 64 * MIB
    await refused(harness.code())  # looked at once a second
    disk.now += LOOK_SECONDS
    await harness.code()
    assert (await login(issuer, "ann", "correct horse", "192.0.2.1")).user.id == harness.user.id


def test_a_small_disk_needs_a_share(disk: Disk, tmp_path: Path) -> None:
    disk.size, disk.free = 100 * MIB, 4 * MIB
    floor = Floor(tmp_path / "lingpai.db", 64 * MIB, lambda: disk.now)
    floor.demand()
    disk.free -= 1
    disk.now += LOOK_SECONDS
    with pytest.raises(LingpaiError):
        floor.demand()
    demand_space(tmp_path / "lingpai.db")  # the node is ready: what must go on has room
    Floor(tmp_path / "lingpai.db", 0).demand()
