import msgspec
import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.keyring import KeyRing
from lingpai.core.records import CredentialKey, CredentialStatus, Generation
from lingpai.store.port import Store
from tests.store.conftest import OpenStore
from tests.store.sample import (
    LIFETIME,
    OVERLAP,
    RENEW_IN,
    TTL,
    account,
    fetched,
    key_of,
    lease_on,
    renew,
    trouble,
)


@pytest.fixture
def key(ring: KeyRing) -> CredentialKey:
    return key_of(ring, account())


async def test_there_is_none_before_the_first_lease(store: Store, key: CredentialKey) -> None:
    assert await store.read_credential(key) is None
    lease, credential = await store.acquire_lease(key, "a", 0, TTL)
    assert lease is not None
    assert (lease.credential_id, lease.holder) == (credential.id, "a")
    assert (credential.key, credential.version, credential.current) == (key, 0, None)
    assert await store.read_credential(key) == credential


async def test_the_first_value(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    kept = await renew(store, clock, key, "令牌 one")
    assert kept.current == Generation(
        version=1,
        value="令牌 one",
        end=end_after(clock, LIFETIME),
        lifetime=LIFETIME,
        fetched_at=clock.now(),
    )
    assert (kept.version, kept.previous, kept.suspect, kept.trouble) == (1, None, False, None)
    assert kept.renew == end_after(clock, 3600)
    assert await store.read_credential(key) == kept
    assert await store.find_credential("令牌 one") == kept


async def test_a_new_value_leaves_the_former_its_overlap(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    first = await renew(store, clock, key, "one")
    clock.advance(3600)
    second = await renew(store, clock, key, "two")
    assert first.current is not None
    assert second.version == 2
    assert second.previous == msgspec.structs.replace(first.current, end=end_after(clock, OVERLAP))
    assert await store.find_credential("one") == second
    assert await store.find_credential("two") == second


async def test_the_former_value_never_outlives_its_own_end(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    first = await renew(store, clock, key, "one")
    clock.advance(LIFETIME - 10)
    second = await renew(store, clock, key, "two")
    assert second.previous == first.current


async def test_the_former_value_goes_when_its_end_has_come(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    await renew(store, clock, key, "one")
    second = await renew(store, clock, key, "two")
    clock.advance(OVERLAP - 1)
    assert await store.read_credential(key) == second
    clock.advance(1)
    alone = msgspec.structs.replace(second, previous=None)
    assert await store.read_credential(key) == alone
    assert (await store.acquire_lease(key, "b", 0, TTL)).credential == alone
    # Who still has it is answered where it came from, and that it is not the current one.
    assert await store.find_credential("one") == alone


async def test_only_two_generations_are_kept(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    for value in ("one", "two", "three"):
        kept = await renew(store, clock, key, value)
    assert kept.previous is not None
    assert (kept.previous.value, kept.previous.version, kept.version) == ("two", 2, 3)
    assert await store.find_credential("one") is None


async def test_the_same_value_again_is_no_new_version(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    await renew(store, clock, key, "one")
    before = await renew(store, clock, key, "two")
    clock.advance(100)
    lease = await lease_on(store, key)
    after = await store.save_generation(lease, fetched(clock, "two", 500.0), end_after(clock, 1), None)
    assert after is not None
    assert after.current == Generation(
        version=2, value="two", end=end_after(clock, 500), lifetime=500.0, fetched_at=clock.now()
    )
    assert (after.previous, after.renew) == (before.previous, None)


async def test_the_former_value_back_again_is_a_new_version(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    for value in ("one", "two", "one"):
        kept = await renew(store, clock, key, value)
    assert kept.version == 3
    assert await store.find_credential("one") == kept
    assert await store.find_credential("two") == kept


async def test_suspicion_lasts_until_the_next_value(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    assert not await store.mark_suspect(key, 0)
    await lease_on(store, key)
    assert not await store.mark_suspect(key, 0)
    await renew(store, clock, key, "one")
    assert not await store.mark_suspect(key, 2)
    assert await store.mark_suspect(key, 1)
    assert not await store.mark_suspect(key, 1)
    marked = await store.read_credential(key)
    assert marked is not None
    assert marked.suspect
    assert not (await renew(store, clock, key, "one")).suspect
    assert await store.mark_suspect(key, 1)


async def test_a_value_that_was_found_dead_has_ended_until_it_comes_again(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    assert not await store.end_generation(key, 0)
    await renew(store, clock, key, "one")
    kept = await renew(store, clock, key, "two")
    assert kept.current is not None
    assert not kept.current.found_dead
    assert not await store.end_generation(key, 1)  # which is not the current one
    assert await store.end_generation(key, 2)
    assert not await store.end_generation(key, 2)
    ended = await store.read_credential(key)
    assert ended is not None
    assert ended.current is not None
    assert ended.current.value == "two"
    assert ended.current.found_dead
    assert ended.current.end.remaining(clock) <= 0
    assert ended.previous == kept.previous
    again = await renew(store, clock, key, "two")
    assert again.current is not None
    assert (again.version, again.current.found_dead) == (2, False)
    assert again.current.end.remaining(clock) > 0


async def test_trouble_leaves_the_values_and_goes_with_success(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    before = await renew(store, clock, key, "one")
    lease = await lease_on(store, key)
    seen = trouble(clock, permanent=True)
    assert await store.save_trouble(lease, seen, None)
    troubled = await store.read_credential(key)
    assert troubled == msgspec.structs.replace(before, trouble=seen, renew=None)
    assert (await renew(store, clock, key, "two")).trouble is None


async def test_trouble_can_be_forgotten(store: Store, clock: VirtualClock, key: CredentialKey) -> None:
    assert not await store.forget_trouble(key)
    await store.save_trouble(await lease_on(store, key), trouble(clock), end_after(clock, 60))
    assert await store.forget_trouble(key)
    assert not await store.forget_trouble(key)
    credential = await store.read_credential(key)
    assert credential is not None
    assert credential.trouble is None


async def test_a_trouble_without_an_answer_is_kept_too(
    store: Store, clock: VirtualClock, key: CredentialKey
) -> None:
    unreachable = msgspec.structs.replace(trouble(clock), code=None, message="")
    await store.save_trouble(await lease_on(store, key), unreachable, None)
    credential = await store.read_credential(key)
    assert credential is not None
    assert credential.trouble == unreachable


async def test_statuses_show_everything_but_the_values(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    held, troubled, fresh = account("wx1"), account("wx2", label="b"), account("wx3")
    for each in (held, troubled, fresh):
        await store.save_account(each)
    foreign = account("wx4", secret="not configured")
    for value in ("one", "two"):
        await renew(store, clock, key_of(ring, held), value)
    await store.mark_suspect(key_of(ring, held), 2)
    await renew(store, clock, key_of(ring, foreign, "jsapi_ticket"), "three")
    await store.save_trouble(await lease_on(store, key_of(ring, troubled)), trouble(clock), None)
    none = CredentialStatus(
        platform="wechat",
        account="wx3",
        label="",
        kind="access_token",
        version=0,
        end=None,
        fetched_at=None,
        lifetime=None,
        suspect=False,
        trouble=None,
    )
    two = msgspec.structs.replace(
        none,
        account="wx1",
        version=2,
        suspect=True,
        end=end_after(clock, LIFETIME),
        fetched_at=clock.now(),
        lifetime=LIFETIME,
        previous_end=end_after(clock, OVERLAP),
        renew=end_after(clock, RENEW_IN),
    )
    assert await store.list_statuses() == (
        two,
        msgspec.structs.replace(none, account="wx2", label="b", trouble=trouble(clock)),
        msgspec.structs.replace(none, renew=end_after(clock, 0)),
        msgspec.structs.replace(
            two,
            account="wx4",
            label=None,
            kind="jsapi_ticket",
            suspect=False,
            version=1,
            previous_end=None,
        ),
    )


async def test_a_row_that_names_another_kind_or_secret_is_another_credential(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    token = key_of(ring, account())
    ticket = key_of(ring, account(), "jsapi_ticket")
    other = key_of(ring, account(secret="another"))
    kept = {
        key: await renew(store, clock, key, f"value {key.kind}{key.secret_digest!r}")
        for key in (token, ticket)
    }
    assert await store.read_credential(other) is None
    assert {key: await store.read_credential(key) for key in kept} == kept
    assert kept[token].id != kept[ticket].id


async def test_no_verb_answers_for_a_removed_credential(
    open_store: OpenStore, clock: VirtualClock, key: CredentialKey
) -> None:
    store = await open_store()
    await store.save_account(account())
    lease = await lease_on(store, key)
    await store.remove_account("wechat", "wx1", "")
    await store.save_account(account())
    await lease_on(store, key, "b")
    assert await store.save_generation(lease, fetched(clock, "x"), end_after(clock, 1), None) is None
    assert not await store.save_trouble(lease, trouble(clock), None)
    assert not await store.release_lease(lease)
    assert await store.find_credential("x") is None


async def test_troubles_of_secrets_that_nobody_configured_are_forgotten_by_the_id(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    configured, brought = account(), account(secret="brought")
    await store.save_account(configured)
    keys = [key_of(ring, configured), key_of(ring, brought), key_of(ring, account("wx2"))]
    for key in keys:
        await store.save_trouble(await lease_on(store, key), trouble(clock), None)
    assert await store.forget_troubles("wechat", "wx1") == ("access_token",)
    assert await store.forget_troubles("wechat", "wx1") == ()
    left = [await store.read_credential(key) for key in keys]
    assert [each is not None and each.trouble is not None for each in left] == [True, False, True]
