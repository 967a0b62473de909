import itertools

import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.keyring import KeyRing
from lingpai.core.records import CredentialKey
from lingpai.store.port import Store
from tests.store.conftest import OpenStore
from tests.store.sample import TTL, account, fetched, key_of, lease_on, renew, trouble

HOUR = 3600.0


@pytest.fixture
def key(ring: KeyRing) -> CredentialKey:
    return key_of(ring, account())


async def test_one_holder_at_a_time(open_store: OpenStore, clock: VirtualClock, key: CredentialKey) -> None:
    here, there = await open_store(), await open_store()
    lease = await lease_on(here, key, "a")
    assert (await there.acquire_lease(key, "b", 0, TTL)).lease is None
    clock.advance(TTL - 0.001)
    assert (await there.acquire_lease(key, "b", 0, TTL)).lease is None
    clock.advance(0.001)
    taken = await lease_on(there, key, "b")
    assert taken.fence > lease.fence


async def test_the_holder_may_ask_again(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    first = await lease_on(store, key, "a")
    clock.advance(TTL / 2)
    second = await lease_on(store, key, "a")
    assert second.fence > first.fence
    clock.advance(TTL / 2)
    assert (await store.acquire_lease(key, "b", 0, TTL)).lease is None


async def test_no_lease_when_somebody_renewed_meanwhile(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    kept = await renew(store, clock, key, "one")
    assert await store.acquire_lease(key, "b", 0, TTL) == (None, kept)
    assert (await store.acquire_lease(key, "b", 1, TTL)).lease is not None


@pytest.mark.parametrize("ending", ["save", "trouble", "release"])
async def test_a_lease_given_back_is_free_at_once(
    store: Store, clock: VirtualClock, key: CredentialKey, ending: str
) -> None:
    lease = await lease_on(store, key, "a")
    if ending == "save":
        assert await store.save_generation(lease, fetched(clock, "v"), end_after(clock, 1), None)
    elif ending == "trouble":
        assert await store.save_trouble(lease, trouble(clock), None)
    else:
        assert await store.release_lease(lease)
    assert (await lease_on(store, key, "b")).fence == lease.fence + 1


@pytest.mark.parametrize("back", [True, False])
async def test_an_overtaken_holder_changes_nothing(
    store: Store, clock: VirtualClock, key: CredentialKey, back: bool
) -> None:
    slow = await lease_on(store, key, "a")
    clock.advance(TTL)
    quick = await lease_on(store, key, "b")
    if back:
        await store.save_generation(quick, fetched(clock, "new"), end_after(clock, 1), None)
    before = await store.read_credential(key)
    assert await store.save_generation(slow, fetched(clock, "old"), end_after(clock, 1), None) is None
    assert not await store.save_trouble(slow, trouble(clock), None)
    assert not await store.release_lease(slow)
    assert await store.read_credential(key) == before
    assert await store.find_credential("old") is None
    assert ((await store.acquire_lease(key, "c", 9, TTL)).lease is not None) is back


async def test_a_late_holder_that_nobody_overtook_is_heard(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    lease = await lease_on(store, key, "a")
    clock.advance(TTL * 10)
    assert await store.save_generation(lease, fetched(clock, "v"), end_after(clock, 1), None)


async def test_who_takes_over_learns_that_something_may_be_lost(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    assert not (await lease_on(store, key, "a")).took_over
    assert not (await lease_on(store, key, "a")).took_over
    clock.advance(TTL)
    taken = await lease_on(store, key, "b")
    assert taken.took_over
    await store.release_lease(taken)
    assert not (await lease_on(store, key, "c")).took_over


async def test_fences_only_grow(store: Store, key: CredentialKey) -> None:
    fences = []
    for holder in "abcab":
        lease = await lease_on(store, key, holder)
        fences.append(lease.fence)
        await store.release_lease(lease)
    assert all(earlier < later for earlier, later in itertools.pairwise(fences))


@pytest.mark.parametrize("step", [HOUR, -HOUR, 30 * 24 * HOUR])
async def test_a_step_of_the_wall_clock_changes_no_lease_and_no_due(
    store: Store, clock: VirtualClock, ring: KeyRing, key: CredentialKey, step: float
) -> None:
    await store.save_account(account())
    await store.save_account(account("wx2"))
    await renew(store, clock, key, "one", renew_in=60)
    await renew(store, clock, key, "two", renew_in=60)
    lease = await lease_on(store, key_of(ring, account("wx2")), "a")
    clock.step(step)
    credential = await store.read_credential(key)
    assert credential is not None
    assert credential.previous is not None
    assert (await store.acquire_lease(key_of(ring, account("wx2")), "b", 0, TTL)).lease is None
    assert await store.due_credentials(10) == ()
    clock.advance(TTL - 1)
    assert await store.due_credentials(10) == ()
    clock.advance(1)
    assert await store.due_credentials(10) == (key_of(ring, account("wx2")),)
    clock.advance(30)
    assert set(await store.due_credentials(10)) == {key, key_of(ring, account("wx2"))}
    assert (await lease_on(store, key_of(ring, account("wx2")), "b")).fence == lease.fence + 1


async def test_after_a_reboot_the_wall_clock_decides(
    open_store: OpenStore, clock: VirtualClock, ring: KeyRing, key: CredentialKey
) -> None:
    before = await open_store()
    await before.save_account(account())
    await renew(before, clock, key, "one", renew_in=60)
    await lease_on(before, key, "a")
    rebooted = VirtualClock(clock.now() + 20)
    rebooted.advance(0.5)
    after = await open_store(clock=rebooted)
    assert (await after.acquire_lease(key, "b", 9, TTL)).lease is None
    rebooted.advance(TTL - 20.5)
    assert (await after.acquire_lease(key, "b", 9, TTL)).lease is not None
    assert await after.due_credentials(10) == ()
    rebooted.advance(40)
    assert await after.due_credentials(10) == (key,)


@pytest.mark.parametrize("back", [2 * HOUR, 30 * 24 * HOUR])
async def test_after_a_reboot_with_a_clock_that_was_set_back_no_lease_lasts_for_ever(
    open_store: OpenStore, clock: VirtualClock, key: CredentialKey, back: float
) -> None:
    before, after = await open_store(), await open_store(clock=VirtualClock(clock.now() - back))
    await after.save_account(account())
    slow = await lease_on(before, key, "a")
    assert await before.lead("renewal", "a", TTL)
    assert await after.due_credentials(10) == (key,)
    quick = await lease_on(after, key, "b")
    assert quick.fence > slow.fence
    assert not await before.release_lease(slow)
    assert await after.lead("renewal", "b", TTL)
    assert not await after.lead("renewal", "c", TTL)
    assert (await after.acquire_lease(key, "c", 9, TTL)).lease is None


async def test_a_wall_clock_that_differs_a_little_frees_no_lease_of_another_epoch(
    open_store: OpenStore, clock: VirtualClock, key: CredentialKey
) -> None:
    here, there = await open_store(), await open_store(clock=VirtualClock(clock.now() - TTL / 2))
    await lease_on(here, key, "a")
    assert await here.lead("renewal", "a", TTL)
    assert (await there.acquire_lease(key, "b", 9, TTL)).lease is None
    assert not await there.lead("renewal", "b", TTL)


async def test_a_new_account_is_due_until_it_is_renewed(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    await store.save_account(account())
    assert await store.due_credentials(10) == (key,)
    lease = await lease_on(store, key)
    assert await store.due_credentials(10) == ()
    await store.release_lease(lease)
    assert await store.due_credentials(10) == (key,)
    await renew(store, clock, key, "one", renew_in=60)
    assert await store.due_credentials(10) == ()
    clock.advance(60)
    assert await store.due_credentials(10) == (key,)
    await store.save_trouble(await lease_on(store, key), trouble(clock, permanent=True), None)
    clock.advance(1e6)
    assert await store.due_credentials(10) == ()


async def test_the_longest_due_come_first_whatever_their_epoch(
    open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    other = VirtualClock(clock.now())
    nodes = [(await open_store(clock=each), each) for each in (clock, other)]
    here = nodes[0][0]
    accounts = [account(f"wx{n}") for n in range(6)]
    for each, (store, own_clock) in zip(accounts, nodes * 3, strict=True):
        await store.save_account(each)
        await renew(store, own_clock, key_of(ring, each), each.name, renew_in=0)
        clock.advance(10)
        other.advance(10)
    keys = tuple(key_of(ring, each) for each in accounts)
    assert await here.due_credentials(10) == keys
    assert await here.due_credentials(3) == keys[:3]
    assert await here.due_credentials(0) == ()


async def test_only_what_is_configured_is_due(store: Store, clock: VirtualClock, ring: KeyRing) -> None:
    await renew(store, clock, key_of(ring, account()), "one", renew_in=0)
    assert await store.due_credentials(10) == ()
    await store.save_account(account())
    ticket = key_of(ring, account(), "jsapi_ticket")
    await renew(store, clock, ticket, "two", renew_in=0)
    assert set(await store.due_credentials(10)) == {key_of(ring, account()), ticket}
    await store.save_account(account(secret="another"))
    assert await store.due_credentials(10) == (key_of(ring, account(secret="another")),)
