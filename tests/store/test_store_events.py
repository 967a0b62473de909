"""What happened to accounts: added in the transactions that make it so, in order, kept for a week."""

import asyncio

import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.events import DEAD, LOW, RENEWED, TROUBLE, WELL, Event
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Budget, CredentialKey
from lingpai.store.port import Store
from tests.store.conftest import OpenStore
from tests.store.sample import account, key_of, lease_on, renew, trouble

WEEK = 7 * 86_400.0


@pytest.fixture
async def key(store: Store, ring: KeyRing) -> CredentialKey:
    configured = account()
    await store.save_account(configured)
    return key_of(ring, configured)


async def recorded(store: Store, after: int = 0) -> list[tuple[int, str, int]]:
    return [(each.id, each.type, each.version) for each in await store.list_events(after, 100)]


async def test_each_change_of_a_credential_is_an_event(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    await renew(store, clock, key, "one")
    await renew(store, clock, key, "one")  # the same again is no news
    await renew(store, clock, key, "two")
    assert await store.mark_suspect(key, 2)
    assert await store.end_generation(key, 2)
    assert not await store.end_generation(key, 2)
    for _ in range(2):  # only the first says something new
        lease = await lease_on(store, key, "a", 2)
        assert await store.save_trouble(lease, trouble(clock), None)
    await renew(store, clock, key, "three")
    assert await recorded(store) == [
        (1, RENEWED, 1), (2, RENEWED, 2), (3, DEAD, 2), (4, TROUBLE, 2), (5, RENEWED, 3), (6, WELL, 3),
    ]  # fmt: skip
    assert await recorded(store, 4) == [(5, RENEWED, 3), (6, WELL, 3)]
    assert await store.event_range() == (1, 6)
    (event, *_) = await store.list_events(3, 1)
    given = trouble(clock)
    assert event == Event(
        id=4,
        at=clock.now(),
        type=TROUBLE,
        platform=key.platform,
        account=key.account,
        label="",
        kind=key.kind,
        version=2,
        data={"permanent": given.permanent, "code": given.code, "message": given.message},
    )
    lease = await lease_on(store, key, "a", 3)
    await store.save_trouble(lease, trouble(clock), None)
    assert await store.forget_trouble(key)
    assert (await recorded(store))[-1] == (8, WELL, 3)


async def test_secrets_that_nobody_configured_are_not_reported_of(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    await renew(store, clock, key_of(ring, account()), "one")
    assert await store.take_budget(Budget("wechat/nobody", "token", "1:1", 2, clock.now() + 60))
    assert await store.event_range() == (1, 0)


async def test_a_save_that_was_overtaken_adds_none(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    late = await lease_on(store, key, "a")
    clock.advance(3600)
    await renew(store, clock, key, "one")
    assert not await store.save_trouble(late, trouble(clock), end_after(clock, 1))
    assert await recorded(store) == [(1, RENEWED, 1)]


@pytest.mark.parametrize("suffix", ["", "#0badcafe"])
async def test_a_budget_is_low_once(
    store: Store, clock: VirtualClock, key: CredentialKey, suffix: str
) -> None:
    budget = Budget(f"{key.platform}/{key.account}{suffix}", "token", "60:1", 10, clock.now() + 60)
    other = Budget(f"{key.platform}/elsewhere", "token", "60:1", 10, clock.now() + 60)
    await asyncio.gather(*(store.take_budget(each) for each in (budget, other) for _ in range(20)))
    ((event),) = await store.list_events(0, 10)
    assert (event.type, event.app, event.kind) == (LOW, f"{key.platform}/{key.account}", "")
    assert event.data == {"budget": "token", "used": 8, "limit": 10}


async def test_two_budgets_that_become_low_together_have_numbers_of_their_own(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    subject = f"{key.platform}/{key.account}"
    budgets = [Budget(subject, f"b{n}", "60:1", 5, clock.now() + 60) for n in range(5)]
    await asyncio.gather(*(store.take_budget(each) for _ in range(5) for each in budgets))
    events = await store.list_events(0, 10)
    assert [each.id for each in events] == [1, 2, 3, 4, 5]
    assert {each.data["budget"] for each in events} == {each.name for each in budgets}


async def test_ids_follow_the_commits_of_all_processes(
    open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    stores = [await open_store() for _ in range(3)]
    keys = []
    for number in range(6):
        configured = account(f"wx{number:016d}")
        await stores[0].save_account(configured)
        keys.append(key_of(ring, configured))
    seen: list[int] = []
    done = asyncio.Event()

    async def listen() -> None:
        while not done.is_set() or len(seen) < 24:
            fresh = [each.id for each in await stores[2].list_events(seen[-1] if seen else 0, 100)]
            seen.extend(fresh)
            await asyncio.sleep(0.001)

    listening = asyncio.create_task(listen())
    for turn in range(4):
        await asyncio.gather(
            *(renew(stores[n % 2], clock, each, f"{turn}-{n}") for n, each in enumerate(keys))
        )
    done.set()
    async with asyncio.timeout(20):
        await listening
    assert seen == list(range(1, 25))


async def test_events_are_kept_for_a_week(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    await renew(store, clock, key, "one")
    clock.advance(WEEK - 1)
    await renew(store, clock, key, "two")
    assert await store.event_range() == (1, 2)
    clock.advance(1)
    await store.purge(10)
    assert await store.event_range() == (2, 2)
    clock.advance(WEEK)
    await store.purge(10)
    assert await store.event_range() == (3, 2)
    await renew(store, clock, key, "three")
    assert await recorded(store, 2) == [(3, RENEWED, 3)]
