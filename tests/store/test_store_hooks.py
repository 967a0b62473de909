"""Webhooks in the store: added once, replaced only as they were read, their secrets sealed."""

import msgspec
import pytest

from lingpai.core.hooks import ASIDE, Hook
from lingpai.core.keyring import KeyRing
from lingpai.store.port import Store
from tests.store.conftest import OpenStore

HOOK = Hook(
    name="ops",
    url="https://ops.example/hook?a=1",
    apps=("wechat/wx1", "*"),
    types=("token.renewed",),
    secret="whsec_b25l",
    created_at=5.0,
)


async def test_a_hook_is_kept_as_it_is(store: Store) -> None:
    assert await store.add_hook(HOOK)
    assert not await store.add_hook(msgspec.structs.replace(HOOK, url="https://other.example"))
    assert await store.find_hook("ops") == HOOK
    assert await store.find_hook("none") is None
    other = msgspec.structs.replace(HOOK, name="b", former_secret="whsec_dHdv", former_ends_at=9.5)
    assert await store.add_hook(other)
    assert await store.list_hooks() == (other, HOOK)
    assert await store.remove_hook("b")
    assert not await store.remove_hook("b")


async def test_it_is_replaced_only_as_it_was_read(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await here.add_hook(HOOK)
    known = await there.find_hook("ops")
    assert known is not None
    moved = msgspec.structs.replace(known, position=7, failures=2, next_at=3.5, problem="no", state=ASIDE)
    assert await there.replace_hook(known, moved)
    assert not await here.replace_hook(known, known)
    assert await here.find_hook("ops") == msgspec.structs.replace(moved, revision=1)
    await here.remove_hook("ops")
    assert not await there.replace_hook(msgspec.structs.replace(moved, revision=1), known)


@pytest.mark.parametrize("former", ["", "whsec_dHdv"])
async def test_its_secrets_are_sealed_anew(open_store: OpenStore, ring: KeyRing, former: str) -> None:
    store = await open_store()
    hook = msgspec.structs.replace(HOOK, former_secret=former)
    await store.add_hook(hook)
    counts = await store.sealed_counts()
    assert sum(counts.values()) == (2 if former else 1)
    assert await store.unopened() == ()
    ring.rotate(1.0)
    assert await store.reseal(10) == (2 if former else 1)
    assert await store.find_hook("ops") == hook
    assert set(await store.sealed_counts()) == {ring.newest.id}
