import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Account, Caller, FormerKey
from lingpai.core.seals import Digester
from lingpai.store.port import Store
from tests.store.conftest import OpenStore
from tests.store.sample import account, key_of, renew


async def test_an_account_comes_back_as_it_was_saved(store: Store) -> None:
    saved = Account(
        platform="wecom",
        account="ww1",
        label="contacts",
        secret="密钥 with \0 and \U0001f511",
        mode="classic",
        domains=("a.example.com", "例子.cn"),
        source="apply",
        hand_out="phantom",
        origins=("https://a.example.com", "http://intranet:8080"),
    )
    assert await store.save_account(saved)
    assert await store.find_accounts("wecom", "ww1") == (saved,)
    assert await store.list_accounts() == (saved,)


async def test_all_labels_of_an_account_are_found_and_no_other(store: Store) -> None:
    labels = ("", "agent", "contacts")
    for label in reversed(labels):
        await store.save_account(account("ww1", label=label, secret=f"secret {label}"))
    await store.save_account(account("ww2"))
    assert [each.label for each in await store.find_accounts("wechat", "ww1")] == list(labels)
    assert await store.find_accounts("wecom", "ww1") == ()
    assert [each.name for each in await store.list_accounts()] == [
        "wechat/ww1",
        "wechat/ww1/agent",
        "wechat/ww1/contacts",
        "wechat/ww2",
    ]


async def test_saving_again_replaces(store: Store) -> None:
    assert await store.save_account(account())
    changed = msgspec.structs.replace(
        account(), secret="another", domains=("x.cn",), origins=("https://x.cn",)
    )
    assert not await store.save_account(changed)
    assert await store.find_accounts("wechat", "wx1") == (changed,)


@pytest.mark.parametrize(
    ("again", "due"),
    [
        (account(), False),
        (msgspec.structs.replace(account(), domains=("x.cn",), source="env"), False),
        (account(mode="classic"), True),
        (account(secret="another"), True),
    ],
)
async def test_an_account_that_fetches_otherwise_than_before_is_due(
    store: Store, clock: VirtualClock, ring: KeyRing, again: Account, due: bool
) -> None:
    await store.save_account(account())
    await renew(store, clock, key_of(ring, account()), "token")
    await store.save_account(again)
    assert await store.due_credentials(10) == ((key_of(ring, again),) if due else ())


async def test_removing_takes_what_is_held_for_the_secret(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    await store.save_account(account())
    for kind in ("access_token", "jsapi_ticket"):
        await renew(store, clock, key_of(ring, account(), kind), f"value of {kind}")
    assert await store.remove_account("wechat", "wx1", "")
    assert not await store.remove_account("wechat", "wx1", "")
    assert await store.find_accounts("wechat", "wx1") == ()
    assert await store.find_credential("value of jsapi_ticket") is None
    assert await store.read_credential(key_of(ring, account())) is None
    assert await store.list_statuses() == ()
    assert await store.due_credentials(10) == ()


async def test_removing_leaves_what_another_label_has_for_the_same_secret(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    await store.save_account(account(label="one"))
    await store.save_account(account(label="two"))
    await renew(store, clock, key_of(ring, account()), "token")
    assert await store.remove_account("wechat", "wx1", "one")
    kept = await store.read_credential(key_of(ring, account()))
    assert kept is not None
    assert kept.current is not None
    assert [status.label for status in await store.list_statuses()] == ["two"]


async def test_what_was_held_for_the_former_secret_is_forgotten(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    await store.save_account(account())
    await renew(store, clock, key_of(ring, account()), "token")
    await store.save_account(account(secret="another"))
    fresh = await store.read_credential(key_of(ring, account(secret="another")))
    assert fresh is not None
    assert (fresh.version, fresh.current) == (0, None)
    assert await store.find_credential("token") is None
    assert [(each.label, each.version) for each in await store.list_statuses()] == [("", 0)]


async def test_another_label_keeps_what_is_held_for_the_secret_it_shares(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    for label in ("one", "two"):
        await store.save_account(account(label=label))
    kept = await renew(store, clock, key_of(ring, account()), "token")
    await store.save_account(account(label="one", secret="another"))
    assert await store.find_credential("token") == kept


async def test_a_caller_is_known_by_its_key(store: Store, ring: KeyRing) -> None:
    digest = Digester(ring, "caller key")
    full = Caller(
        name="订单 service",
        environment="production",
        apps=("wechat/wx1", "wecom/ww1/agent"),
        rights=("token",),
        networks=("10.0.0.0/8",),
        created_at=1.5,
    )
    plain = Caller(name="dev")
    assert await store.add_caller(full, digest("key one"))
    assert await store.add_caller(plain, digest("key two"))
    assert await store.find_caller(digest("key one")) == full
    assert await store.find_caller(digest("key two")) == plain
    assert await store.find_caller(digest("key three")) is None
    assert await store.list_callers() == (plain, full)


async def name_of(store: Store, key: bytes) -> str | None:
    """Who has a key."""
    found = await store.find_caller(key)
    return None if found is None else found.name


async def test_a_replaced_key_is_good_for_its_overlap(store: Store, clock: VirtualClock) -> None:
    await store.add_caller(Caller(name="other"), b"other")
    await store.add_caller(Caller(name="dev"), b"one")
    assert await name_of(store, b"one") == "dev"
    assert await store.rotate_caller("dev", b"two", 60)
    assert await store.find_caller(b"one") == Caller(name="dev", key_ends_at=clock.now() + 60)
    assert await store.find_caller(b"two") == Caller(name="dev")
    clock.advance(30)
    assert await store.rotate_caller("dev", b"three", 60)
    for key in (b"one", b"two", b"three"):
        assert await name_of(store, key) == "dev"
    clock.advance(30)
    assert await name_of(store, b"one") is None
    assert await name_of(store, b"two") == "dev"
    clock.advance(30)
    assert await name_of(store, b"two") is None
    assert await name_of(store, b"three") == "dev"
    assert await store.rotate_caller("dev", b"four", 0)
    assert await name_of(store, b"three") is None
    assert await name_of(store, b"other") == "other"


async def test_a_known_key_ends_at_its_moment_though_nothing_is_written(
    store: Store, clock: VirtualClock
) -> None:
    await store.add_caller(Caller(name="dev"), b"one")
    assert await store.rotate_caller("dev", b"two", 60)
    for _ in range(3):  # the second and third come from what the engine keeps decoded
        assert await name_of(store, b"one") == "dev"
    clock.advance(59.999)
    assert await name_of(store, b"one") == "dev"
    clock.advance(0.001)
    assert await name_of(store, b"one") is None


async def test_a_rotation_without_overlap_ends_every_key_before(store: Store, clock: VirtualClock) -> None:
    await store.add_caller(Caller(name="other"), b"other")
    await store.rotate_caller("other", b"other two", 60)
    await store.add_caller(Caller(name="dev"), b"one")
    await store.rotate_caller("dev", b"two", 600)
    await store.rotate_caller("dev", b"three", 60)
    ends = clock.now() + 60
    assert await store.list_former_keys() == (
        *(FormerKey("dev", ends) for _ in range(2)),
        FormerKey("other", ends),
    )
    await store.rotate_caller("dev", b"four", 0)
    assert [await name_of(store, each) for each in (b"one", b"two", b"three")] == [None] * 3
    assert await name_of(store, b"four") == "dev"
    assert await store.list_former_keys() == (FormerKey("other", ends),)
    clock.advance(60)
    assert await store.list_former_keys() == ()


async def test_a_key_that_is_somebodys_now_is_nobodys_former_one(store: Store) -> None:
    await store.add_caller(Caller(name="dev"), b"one")
    await store.rotate_caller("dev", b"two", 60)
    await store.add_caller(Caller(name="new"), b"one")
    assert await name_of(store, b"one") == "new"
    assert await store.list_former_keys() == ()


async def test_revoking_ends_replaced_keys_too(store: Store) -> None:
    await store.add_caller(Caller(name="dev"), b"one")
    assert await store.rotate_caller("dev", b"two", 60)
    assert await store.revoke_caller("dev")
    for key in (b"one", b"two"):
        found = await store.find_caller(key)
        assert found is not None
        assert found.revoked_at is not None
    assert not await store.rotate_caller("dev", b"three", 60)
    assert not await store.rotate_caller("nobody", b"three", 60)
    assert await store.find_caller(b"three") is None
    assert await store.list_former_keys() == ()


async def test_a_name_is_taken_once_and_for_all(store: Store) -> None:
    assert await store.add_caller(Caller(name="dev"), b"one")
    assert not await store.add_caller(Caller(name="dev"), b"two")
    assert await store.revoke_caller("dev")
    assert not await store.add_caller(Caller(name="dev"), b"three")
    assert await store.find_caller(b"two") is None


async def test_a_key_belongs_to_one_caller(store: Store) -> None:
    assert await store.add_caller(Caller(name="dev"), b"one")
    assert not await store.add_caller(Caller(name="prod"), b"one")
    found = await store.find_caller(b"one")
    assert found is not None
    assert found.name == "dev"


async def test_a_caller_can_be_changed_and_keeps_its_key(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    await here.add_caller(Caller(name="dev", created_at=1.5), b"one")
    assert await there.find_caller(b"one") == Caller(name="dev", created_at=1.5)
    changed = Caller(
        name="dev",
        environment="staging",
        apps=("wechat/wx1",),
        rights=("token", "sign"),
        networks=("::1/128",),
    )
    assert await here.change_caller(changed)
    assert await there.find_caller(b"one") == msgspec.structs.replace(changed, created_at=1.5)
    assert not await here.change_caller(Caller(name="nobody"))
    await here.revoke_caller("dev")
    assert not await here.change_caller(Caller(name="dev"))
    found = await there.find_caller(b"one")
    assert found is not None
    assert (found.environment, found.revoked_at is None) == ("staging", False)


async def test_revoking_is_seen_at_once_and_happens_once(open_store: OpenStore, clock: VirtualClock) -> None:
    here, there = await open_store(), await open_store()
    await here.add_caller(Caller(name="dev"), b"one")
    found = await there.find_caller(b"one")
    assert found is not None
    assert found.revoked_at is None
    assert await here.revoke_caller("dev")
    found = await there.find_caller(b"one")
    assert found is not None
    assert found.revoked_at == clock.now()
    clock.advance(5)
    assert not await there.revoke_caller("dev")
    assert not await there.revoke_caller("nobody")
    assert await here.find_caller(b"one") == found
