"""Third-party platforms in the store: what accounts have besides, what was pushed, values that come by themselves."""

import asyncio
from typing import Any

import msgspec
import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.keyring import KeyRing
from lingpai.core.records import CredentialKey
from lingpai.core.third_parties import Push, Via
from lingpai.store.port import Store
from tests.store.conftest import OpenStore
from tests.store.sample import TTL, account, fetched, key_of, lease_on, renew, trouble

CALLBACK = {
    "callback_token": "t0ken",
    "encoding_key": "k" * 43,
    "former_encoding_key": "f" * 43,
    "next_urls": ("https://app.example/done",),
}
VIA = Via(platform="wechat_component", account="wx0", rights=(1, 15), since=5.5, name="商户")
PUSH = Push(
    digest=b"0123456789abcdef",
    platform="wechat_component",
    account="wx0",
    content='{"code":"c"}',
    at=5,
    next_at=20,
)


@pytest.fixture
def key(ring: KeyRing) -> CredentialKey:
    return key_of(ring, account(), "verify_ticket")


@pytest.mark.parametrize("fields", [CALLBACK, {"via": VIA}, {}])
async def test_what_an_account_has_besides_is_kept_as_it_is(store: Store, fields: dict[str, Any]) -> None:
    wanted = msgspec.structs.replace(account(), **fields)
    await store.save_account(wanted)
    assert await store.find_accounts(wanted.platform, wanted.account) == (wanted,)
    assert await store.list_accounts() == (wanted,)
    changed = msgspec.structs.replace(wanted, via=VIA, encoding_key="")
    assert await store.replace_account(wanted, changed)
    assert wanted == changed or not await store.replace_account(wanted, changed)
    assert await store.list_accounts() == (changed,)


async def test_it_is_sealed_anew(open_store: OpenStore, ring: KeyRing) -> None:
    store = await open_store()
    await store.save_account(msgspec.structs.replace(account(), encoding_key="k" * 43))
    assert await store.keep_push(PUSH)
    counts = await store.sealed_counts()
    assert sum(counts.values()) == 3
    assert await store.unopened() == ()
    ring.rotate(1.0)
    assert await store.reseal(10) == 3
    assert set(await store.sealed_counts()) == {ring.newest.id}
    assert (await store.list_accounts())[0].encoding_key == "k" * 43
    assert [each.content for each in await store.due_pushes(20, 9)] == [PUSH.content]


async def test_a_push_is_kept_once_whoever_gets_it(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    kept = await asyncio.gather(here.keep_push(PUSH), there.keep_push(PUSH), here.keep_push(PUSH))
    assert [each for each in kept if each] == [msgspec.structs.replace(PUSH, id=1)]
    assert await there.find_push(PUSH.digest) == msgspec.structs.replace(PUSH, id=1)
    assert await there.find_push(b"none") is None


async def test_one_begins_with_a_push_that_is_due(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await here.keep_push(PUSH)
    assert await here.due_pushes(19.9, 9) == ()
    (due,) = await there.due_pushes(20, 9)
    begun = await asyncio.gather(here.claim_push(due, 40), there.claim_push(due, 40))
    (claimed,) = filter(None, begun)
    assert (claimed.attempts, claimed.next_at) == (1, 40)
    assert await here.due_pushes(39, 9) == ()
    assert not await here.postpone_push(due, 50, "late")
    assert await here.postpone_push(claimed, 50, "no answer")
    assert [each.outcome for each in await there.due_pushes(50, 9)] == ["no answer"]


async def test_what_is_done_is_known_and_has_no_content(store: Store) -> None:
    kept = await store.keep_push(PUSH)
    assert kept is not None
    assert await store.settle_push(kept, "wechat/wx1")
    assert not await store.settle_push(kept, "again")
    assert await store.due_pushes(99, 9) == ()
    assert await store.claim_push(kept, 99) is None
    assert await store.keep_push(PUSH) is None
    found = await store.find_push(PUSH.digest)
    assert found == msgspec.structs.replace(kept, content="", outcome="wechat/wx1")


async def test_pushes_are_forgotten_after_a_week(store: Store, clock: VirtualClock) -> None:
    await store.keep_push(msgspec.structs.replace(PUSH, at=clock.now()))
    await store.purge(9)
    assert await store.find_push(PUSH.digest)
    clock.advance(7 * 86_400 + 1)
    assert await store.purge(9) == 1
    assert await store.find_push(PUSH.digest) is None


async def test_a_value_that_comes_by_itself_needs_no_lease(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    first = await store.put_generation(key, fetched(clock, "one"), end_after(clock, 9), end_after(clock, 5))
    assert first is not None
    assert (first.version, first.current and first.current.value) == (1, "one")
    clock.advance(1)
    second = await store.put_generation(key, fetched(clock, "two"), end_after(clock, 9), None)
    assert second is not None
    assert (second.version, second.previous and second.previous.value) == (2, "one")
    assert await store.read_credential(key) == second


async def test_the_newest_wins_in_whichever_order_they_come(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    old = fetched(clock, "old")
    clock.advance(1)
    new = fetched(clock, "new")
    kept = await store.put_generation(key, new, new.end, None)
    assert await store.put_generation(key, old, old.end, None) is None
    assert await store.put_generation(key, new, new.end, None) == kept
    assert await store.read_credential(key) == kept


async def test_the_version_decides_where_it_is_known(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    """The one that was sent later may be the older: what decides is which version its sender had seen."""
    early = fetched(clock, "early")
    clock.advance(1)
    late = fetched(clock, "late")
    await store.put_generation(key, late, late.end, None)
    assert await store.put_generation(key, late, late.end, None, seen=0) is None
    kept = await store.put_generation(key, early, early.end, None, seen=1)
    assert kept is not None
    assert (kept.version, kept.current and kept.current.value) == (2, "early")
    assert await store.put_generation(key, fetched(clock, "overtaken"), late.end, None, seen=1) is None
    assert await store.read_credential(key) == kept


async def test_it_overtakes_who_has_the_lease(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    await renew(store, clock, key, "before")
    slow = await lease_on(store, key, "slow")
    assert await store.put_generation(key, fetched(clock, "pushed"), end_after(clock, 9), None)
    assert await store.save_generation(slow, fetched(clock, "late"), end_after(clock, 9), None) is None
    assert not await store.save_trouble(slow, trouble(clock), None)
    assert (await store.acquire_lease(key, "next", 99, TTL)).lease is not None


async def test_it_ends_trouble(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    await store.save_trouble(await lease_on(store, key), trouble(clock), None)
    kept = await store.put_generation(key, fetched(clock, "pushed"), end_after(clock, 9), None)
    assert kept is not None
    assert kept.trouble is None


async def test_of_many_at_once_the_newest_stays(
    open_store: OpenStore, clock: VirtualClock, key: CredentialKey
) -> None:
    here, there = await open_store(), await open_store()
    values = []
    for number in range(12):
        clock.advance(1)
        values.append(fetched(clock, f"v{number}"))
    await asyncio.gather(
        *((here, there)[n % 2].put_generation(key, each, each.end, None) for n, each in enumerate(values))
    )
    kept = await here.read_credential(key)
    assert kept is not None
    assert kept.current is not None
    assert kept.current.value == "v11"
