import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Budget, Caller, CredentialKey, RoleHolder
from lingpai.store.port import Store
from lingpai.store.validity import Validity
from lingpai.store.vault import UnreadableError
from tests.store.conftest import OpenStore
from tests.store.sample import LIFETIME, TTL, account, key_of, lease_on, renew, trouble

DAY = 86_400.0


async def test_purging_takes_what_is_over_and_nothing_else(store: Store, clock: VirtualClock) -> None:
    for n in range(5):
        await store.take_budget(Budget("s", "n", str(n), 1, clock.now() + n))
        await store.claim_exchange(bytes([n]), "a", TTL, clock.now() + n)
        await store.finish_exchange(bytes([n]), "a", "answer", clock.now() + n)
    assert await store.purge(10) == 2
    clock.advance(3)
    assert await store.purge(2) == 4
    assert await store.purge(2) == 2
    assert await store.purge(2) == 0
    assert [use.window for use in await store.list_budgets()] == ["4"]
    assert (await store.claim_exchange(bytes([4]), "b", TTL, clock.now() + 9)).answer == "answer"


async def test_purging_leaves_a_claim_that_is_on_its_way(store: Store, clock: VirtualClock) -> None:
    await store.claim_exchange(b"code", "a", TTL, clock.now())
    clock.step(3600)
    assert await store.purge(10) == 0
    clock.advance(TTL)
    assert await store.purge(10) == 1
    assert not await store.finish_exchange(b"code", "a", "answer", clock.now() + 9)


async def test_purging_forgets_secrets_that_nobody_configured(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    """A guess at a secret leaves a row; rows of guesses must not grow for ever."""
    configured, guessed, refused = account(), account(secret="guess 1"), account(secret="guess 2")
    await store.save_account(configured)
    for each in (configured, guessed):
        await renew(store, clock, key_of(ring, each), f"token of {each.secret}")
    await store.save_trouble(await lease_on(store, key_of(ring, refused)), trouble(clock, wait=60), None)
    clock.advance(DAY + 59)
    assert await store.purge(10) == 0
    clock.advance(1)
    assert await store.purge(10) == 1
    clock.advance(LIFETIME - 60)
    lease = await lease_on(store, key_of(ring, guessed))
    assert await store.purge(10) == 0
    await store.release_lease(lease)
    clock.advance(DAY + TTL)
    assert await store.purge(10) == 1
    assert [status.label for status in await store.list_statuses()] == [""]


@pytest.mark.parametrize("step", [0.0, 3600.0])
async def test_purging_takes_roles_that_nobody_has(store: Store, clock: VirtualClock, step: float) -> None:
    for n in range(3):
        assert await store.lead(f"cool-down {n}", "a", TTL + n)
    clock.step(step)
    clock.advance(TTL)
    assert await store.purge(10) == 1
    assert not await store.lead("cool-down 1", "b", TTL)
    clock.advance(5)
    assert [await store.purge(1) for _ in range(3)] == [1, 1, 0]
    assert await store.lead("cool-down 1", "b", TTL)


async def test_who_has_a_role_is_known_until_its_end(store: Store, clock: VirtualClock) -> None:
    assert await store.list_role_holders() == ()
    assert await store.lead("renewal", "a", TTL)
    assert await store.lead("clean-up", "b", 2 * TTL)
    assert await store.list_role_holders() == (
        RoleHolder("clean-up", "b", end_after(clock, 2 * TTL)),
        RoleHolder("renewal", "a", end_after(clock, TTL)),
    )
    clock.advance(TTL)
    assert [each.role for each in await store.list_role_holders()] == ["clean-up"]
    await store.resign("clean-up", "b")
    assert await store.list_role_holders() == ()


async def fill(store: Store, clock: VirtualClock, ring: KeyRing) -> None:
    """Ten sealed values: three secrets, two generations of three tokens, one answer."""
    for n in range(3):
        await store.save_account(account(f"wx{n}"))
        for value in ("former", "current"):
            await renew(store, clock, key_of(ring, account(f"wx{n}")), f"{value} {n}")
    await store.claim_exchange(b"done", "a", TTL, clock.now() + 300)
    await store.finish_exchange(b"done", "a", "an answer", clock.now() + 300)
    await store.claim_exchange(b"on its way", "a", TTL, clock.now() + 300)


async def test_everything_can_be_sealed_anew(store: Store, clock: VirtualClock, ring: KeyRing) -> None:
    assert await store.sealed_counts() == {}
    await fill(store, clock, ring)
    assert await store.sealed_counts() == {1: 10}
    assert await store.reseal(100) == 0
    newest = ring.rotate(clock.now()).id
    assert await store.sealed_counts() == {1: 10}
    assert [await store.reseal(4) for _ in range(4)] == [4, 4, 2, 0]
    assert await store.sealed_counts() == {newest: 10}
    ring.retire(1)
    assert await store.find_accounts("wechat", "wx1") == (account("wx1"),)
    found = await store.find_credential("former 2")
    assert found is not None
    assert found.current is not None
    assert found.previous is not None
    assert (found.current.value, found.previous.value) == ("current 2", "former 2")
    assert (await store.claim_exchange(b"done", "b", TTL, 0)).answer == "an answer"


async def test_each_key_opens_a_sample_of_what_it_sealed(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    await fill(store, clock, ring)
    assert await store.unopened() == ()
    ring.rotate(clock.now())
    await store.save_account(account("wx9"))
    assert await store.unopened() == ()
    ring._keys[1] = msgspec.structs.replace(ring._keys[1], secret=bytes(32))
    store._vault._sealer._ciphers.clear()  # type: ignore[attr-defined]
    assert await store.unopened() == (1,)


async def test_after_a_rotation_new_values_need_no_sealing(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    newest = ring.rotate(clock.now()).id
    await fill(store, clock, ring)
    assert await store.sealed_counts() == {newest: 10}
    assert await store.reseal(100) == 0


async def test_what_was_sealed_with_a_retired_key_is_refused(
    open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    await fill(await open_store(), clock, ring)
    ring.rotate(clock.now())
    ring.retire(1)
    store = await open_store()
    await store.save_account(account("wx9"))
    assert await store.find_accounts("wechat", "wx9") == (account("wx9"),)
    for refused in (store.reseal(100), store.find_accounts("wechat", "wx1"), store.list_accounts()):
        with pytest.raises(UnreadableError) as raised:
            await refused
        assert raised.value.kind is Kind.STORE_UNAVAILABLE
        assert "no key 1" in raised.value.detail
        assert "key" not in raised.value.reason, "callers are strangers"


async def test_the_newest_key_that_encrypted_is_known_by_any_ring(
    open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    store = await open_store()
    assert await store.newest_seal() is None
    await fill(store, clock, ring)
    assert await store.newest_seal() == 1
    newest = ring.rotate(clock.now()).id
    assert await store.newest_seal() == 1
    await store.save_account(account("wx9"))
    assert await store.newest_seal() == newest


async def test_a_ring_rotated_elsewhere_opens_here(
    open_store: OpenStore, clock: VirtualClock, tmp_path: Path
) -> None:
    path = tmp_path / "keys" / "ring.json"
    here_ring, there_ring = (KeyRing.open_or_create(path, clock.now()) for _ in range(2))
    here, there = await open_store(ring=here_ring), await open_store(ring=there_ring)
    there_ring.rotate(clock.now())
    await there.save_account(account())
    assert await here.find_accounts("wechat", "wx1") == (account(),)


async def test_a_ping_proves_reading_and_writing(store: Store) -> None:
    await store.ping()
    await store.ping()


async def test_closing_finishes_what_waits_and_may_be_done_twice(
    open_store: OpenStore, clock: VirtualClock
) -> None:
    store = await open_store()
    waiting = [asyncio.ensure_future(store.save_account(account(f"wx{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.gather(store.close(), store.close())
    await store.close()
    assert all(await asyncio.gather(*waiting))
    assert len(await (await open_store()).list_accounts()) == 50


@pytest.mark.parametrize(
    "verb",
    [
        lambda store: store.ping(),
        lambda store: store.find_accounts("wechat", "wx1"),
        lambda store: store.due_credentials(1),
        lambda store: store.wait_change(5),
    ],
)
async def test_a_closed_store_says_so(store: Store, verb: object) -> None:
    await store.close()
    assert callable(verb)
    with pytest.raises(LingpaiError) as raised:
        await verb(store)
    assert raised.value.kind is Kind.STORE_UNAVAILABLE


async def test_a_change_wakes_whoever_waits_here_and_there(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    for store in (here, there):
        await store.list_accounts()
    async with asyncio.timeout(30):
        waiting = [asyncio.ensure_future(each.wait_change(60)) for each in (here, there, there)]
        await asyncio.sleep(0)
        await here.save_account(account())
        await asyncio.gather(*waiting)


async def test_a_change_since_the_last_read_is_not_missed(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.find_accounts("wechat", "wx1") == ()
    await there.save_account(account())
    async with asyncio.timeout(30):
        await here.wait_change(60)


async def test_a_change_that_another_task_read_wakes_all(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.find_accounts("wechat", "wx1") == ()
    async with asyncio.timeout(30):
        waiting = asyncio.ensure_future(here.wait_change(60))
        await asyncio.sleep(0)
        await there.save_account(account())
        assert await here.find_accounts("wechat", "wx1") == (account(),)
        await waiting


async def test_waiting_ends_by_itself(store: Store, clock: VirtualClock, ring: KeyRing) -> None:
    assert await store.find_accounts("wechat", "wx1") == ()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await store.wait_change(0.05)
    assert loop.time() - began >= 0.04
    lease = await lease_on(store, key_of(ring, account()))
    await store.wait_change(0)
    assert await store.release_lease(lease)


async def hear_all(store: Store, key: CredentialKey) -> None:
    """Read until no news comes any more of what was committed before: another store hears of it a moment later."""
    loop = asyncio.get_running_loop()
    quiet = False
    while not quiet:
        await store.read_credential(key)
        began = loop.time()
        await store.wait_change(0.2)
        quiet = loop.time() - began >= 0.15
    await store.read_credential(key)


async def test_what_changes_nothing_wakes_nobody(open_store: OpenStore, ring: KeyRing) -> None:
    """Waiters that each ask for the lease when woken must not wake each other in a circle."""
    here, there = await open_store(), await open_store()
    key = key_of(ring, account())
    await lease_on(here, key, "a")
    await asyncio.gather(*(hear_all(store, key) for store in (here, there)))
    waiting = [asyncio.ensure_future(each.wait_change(0.3)) for each in (here, there)]
    for store in (here, there):
        assert (await store.acquire_lease(key, "b", 0, TTL)).lease is None
    await asyncio.sleep(0.1)
    assert not any(each.done() for each in waiting)
    await asyncio.gather(*waiting)


async def test_a_cancelled_waiter_leaves_no_trace(store: Store, clock: VirtualClock) -> None:
    assert await store.find_accounts("wechat", "wx1") == ()
    waiting = asyncio.ensure_future(store.wait_change(60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await store.lead("role", "a", end_after(clock, 1).wall)


async def test_the_mark_covers_what_is_kept_of_credentials_and_who_may_ask(
    store: Store, open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    """It may tell of more, but must tell of these, whoever commits them."""
    if store.mark() is None:  # this engine cannot tell without waiting, and says so
        return
    other = await open_store()
    key = key_of(ring, account())

    async def changes() -> AsyncIterator[object]:
        yield await other.save_account(account())
        yield await renew(other, clock, key, "first")
        yield await other.mark_suspect(key, 1)
        yield await other.save_trouble(await lease_on(other, key), trouble(clock), None)
        yield await other.forget_trouble(key)
        yield await other.add_caller(Caller(name="shop"), b"digest")
        yield await other.change_caller(Caller(name="shop", apps=("*",)))
        yield await other.revoke_caller("shop")
        yield await store.save_account(account("wx2"))
        yield await other.remove_account("wechat", "wx1", "")

    marks = [store.mark()]
    async for done in changes():
        assert done
        assert store.mark() != marks[-1]
        marks.append(store.mark())
    assert len(set(marks)) == len(marks)
    assert await other.lead("renewal", "holder", TTL)
    assert store.mark() == marks[-1]


async def two_credentials(store: Store, clock: VirtualClock, ring: KeyRing) -> list[CredentialKey]:
    """The keys of two accounts' tokens, which are stored."""
    keys = []
    for name in ("wx1", "wx2"):
        await store.save_account(account(name))
        keys.append(key_of(ring, account(name)))
        await renew(store, clock, keys[-1], f"first of {name}")
    return keys


async def test_what_was_made_from_a_credential_outlives_the_renewal_of_others(
    store: Store, open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    if store.mark() is None:
        return
    other = await open_store()
    own, another = await two_credentials(store, clock, ring)

    async def valid() -> Validity:
        credential = await store.read_credential(own)
        assert credential is not None
        mark = store.mark()
        assert mark is not None
        found = store.validity(credential.id, mark)
        assert found is not None
        assert store.is_valid(found)
        return found

    async def of_others() -> AsyncIterator[object]:
        yield await renew(other, clock, another, "second of wx2")
        yield await other.mark_suspect(another, 2)
        yield await other.end_generation(another, 2)
        yield await other.save_trouble(await lease_on(other, another), trouble(clock), None)
        yield await other.lead("renewal", "holder", TTL)
        yield await lease_on(other, own)  # not yet a change of what is handed out

    async def of_it() -> AsyncIterator[object]:
        yield await renew(other, clock, own, "second of wx1")
        yield await other.mark_suspect(own, 2)
        yield await other.end_generation(own, 2)
        yield await other.save_trouble(await lease_on(other, own), trouble(clock), None)
        yield await other.forget_trouble(own)
        yield await other.save_account(account("wx3"))
        yield await other.add_caller(Caller(name="shop"), b"digest")
        yield await other.remove_account("wechat", "wx2", "")
        yield await other.remove_account("wechat", "wx1", "")

    kept = await valid()
    before = await store.read_credential(own)
    async for done in of_others():
        assert done
        assert store.is_valid(kept)
        assert await store.read_credential(own) is before
    async for done in of_it():
        assert done
        assert not store.is_valid(kept)
        if await store.read_credential(own) is not None:
            kept = await valid()
    assert await store.read_credential(own) is None


async def test_nothing_is_valid_since_before_the_last_change(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    mark = store.mark()
    if mark is None:
        return
    key = key_of(ring, account())
    await store.save_account(account())
    await renew(store, clock, key, "first")
    credential = await store.read_credential(key)
    assert credential is not None
    assert store.validity(credential.id, mark) is None


async def test_a_value_that_nobody_had_is_found_once_it_is_saved(
    store: Store, open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    other, key = await open_store(), key_of(ring, account())
    await store.save_account(account())
    await renew(store, clock, key, "first")
    assert await store.find_credential("second") is None
    assert (found := await store.find_credential("first")) is not None
    assert found.version == 1
    await renew(other, clock, key, "second")
    assert (found := await store.find_credential("second")) is not None
    assert found.version == 2


async def test_more_changes_than_are_listed_leave_nothing_valid(
    store: Store, open_store: OpenStore, clock: VirtualClock, ring: KeyRing
) -> None:
    if store.mark() is None:
        return
    other = await open_store()
    own, another = await two_credentials(store, clock, ring)
    credential = await store.read_credential(own)
    mark = store.mark()
    assert credential is not None
    assert mark is not None
    kept = store.validity(credential.id, mark)
    assert kept is not None
    await asyncio.gather(*(other.forget_trouble(another) for _ in range(3)))  # changes nothing
    assert store.is_valid(kept)
    for _ in range(500):  # some three changes each
        await renew(other, clock, another, "next")
    assert not store.is_valid(kept)
    assert (again := await store.read_credential(own)) is not None
    assert again.version == 1
