import asyncio

import msgspec
import pytest

from lingpai.core.audit import Actor, AdminKey, AuditRow, Change
from lingpai.core.clock import VirtualClock
from lingpai.core.console_records import ConsoleSession
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import App, Resource
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Caller
from lingpai.core.seals import Digester
from lingpai.operating.audit import verify_audit
from lingpai.store.administration import content_of
from lingpai.store.administration_port import AuditFilter, Kept
from lingpai.store.opening import issuer_beside
from lingpai.store.port import Store
from tests.store.conftest import OpenStore
from tests.store.sample import account

ANN = Actor("cli", "ann@host", "10.0.0.9", "trace-1")
ANY = AuditFilter()


async def rows_of(store: Store, wanted: AuditFilter = ANY) -> list[AuditRow]:
    return [*await store.list_audit(wanted, None, 100)]


async def test_a_change_and_its_row_are_one_transaction(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    change = Change.between("account.add", "wechat/wx1", None, {"mode": "", "secret": "1a2b"})
    assert await store.recording(ANN, change).replace_account(None, account())
    (row,) = await rows_of(store)
    assert (row.id, row.at, row.actor_kind, row.actor, row.address, row.trace_id) == (
        1,
        clock.now(),
        *ANN[:4],
    )
    assert (row.action, row.target, row.reason, row.outcome) == ("account.add", "wechat/wx1", "", "done")
    assert msgspec.json.decode(row.changes) == {"before": {}, "after": {"mode": "", "secret": "1a2b"}}
    assert row.previous == b""
    assert row.digest == Digester(ring, "audit trail")(content_of(row))


async def test_what_changes_nothing_leaves_no_row(store: Store) -> None:
    recorded = store.recording(ANN, Change("caller.revoke", "shop"))
    assert not await recorded.revoke_caller("shop")
    assert not await recorded.remove_account("wechat", "wx1", "")
    assert not await recorded.replace_account(account(secret="other"), account())
    assert await rows_of(store) == []


async def test_who_asks_decides_whether_something_happened(store: Store) -> None:
    change = Change("account.add", "wechat/wx1")
    await store.save_account(account())
    assert not await store.recording(ANN, change, happened=lambda added: not added).save_account(account())
    assert [row.action for row in await rows_of(store)] == ["account.add"]


async def test_a_change_that_fails_leaves_no_row(store: Store) -> None:
    issuer = issuer_beside(store)
    recorded = issuer.recording(ANN, Change("app.import", "yzb/1"), happened=lambda _count: True)
    with pytest.raises((LingpaiError, TypeError, AttributeError)):
        await recorded.import_open_ids([None])  # type: ignore[list-item]
    assert await rows_of(store) == []


async def test_the_issuers_changes_are_recorded_too(store: Store) -> None:
    issuer = issuer_beside(store)
    added = await issuer.recording(ANN, Change("app.add", "yzb/1")).add_app(App(realm="yzb", app_id="1"))
    assert added is not None
    assert await issuer.recording(ANN, Change("app.remove", "yzb/1")).remove_app(added.id)
    assert [row.action for row in await rows_of(store)] == ["app.remove", "app.add"]


async def test_rows_are_chained_and_have_no_gaps_whoever_writes_them(
    store: Store, open_store: OpenStore, ring: KeyRing
) -> None:
    other = await open_store()
    await asyncio.gather(
        *(each.note(ANN, Change("token.clear", f"{n}")) for n in range(8) for each in (store, other))
    )
    rows = await store.read_audit(0, 100)
    assert [row.id for row in rows] == [*range(1, 17)]
    assert [row.previous for row in rows[1:]] == [row.digest for row in rows[:-1]]
    assert await store.audit_head() == (16, rows[-1].digest)
    found = await verify_audit(other, ring)
    assert found == (16, 1, 16, rows[-1].digest.hex(), "")


async def test_rows_are_found_by_actor_action_target_and_time(store: Store, clock: VirtualClock) -> None:
    bob = Actor("admin", "bob")
    await store.note(ANN, Change("app.add", "yzb/1"))
    await store.note(bob, Change("app.change", "yzb/12"))
    clock.advance(10)
    await store.note(bob, Change("app.change", "mall/1"))
    for wanted, ids in (
        (AuditFilter(actor="bob"), [3, 2]),
        (AuditFilter(action="app.add"), [1]),
        (AuditFilter(target="yzb/1"), [1]),
        (AuditFilter(target="yzb/*"), [2, 1]),
        (AuditFilter(since=clock.now()), [3]),
        (AuditFilter(actor="bob", target="mall/*"), [3]),
        (AuditFilter(actor="nobody"), []),
    ):
        assert [row.id for row in await rows_of(store, wanted)] == ids, wanted
    assert [row.id for row in await store.list_audit(ANY, 3, 1)] == [2]
    assert [row.id for row in await store.read_audit(1, 1)] == [2]


async def test_old_rows_are_purged_from_the_oldest_on(
    store: Store, clock: VirtualClock, ring: KeyRing
) -> None:
    for n in range(5):
        await store.note(ANN, Change("token.clear", f"{n}"))
        clock.advance(10)
    assert await store.purge_administration(clock.now() - 25, 2) == 2
    assert await store.purge_administration(clock.now() - 25, 2) == 1
    assert await store.purge_administration(clock.now() - 25, 2) == 0
    assert [row.id for row in await store.read_audit(0, 10)] == [4, 5]
    found = await verify_audit(store, ring)
    assert (found.rows, found.first, found.last, found.problem) == (2, 4, 5, "")


async def test_an_admin_key_is_found_by_its_id_and_its_name_stays_taken(
    store: Store, clock: VirtualClock
) -> None:
    key = AdminKey(
        key_id="ab12",
        name="ann",
        role="owner",
        rights=("admin",),
        networks=("10.0.0.0/8",),
        created_at=clock.now(),
        ends_at=clock.now() + 60,
    )
    assert await store.find_admin_key("ab12") is None
    assert await store.add_admin_key(key, b"digest")
    assert not await store.add_admin_key(msgspec.structs.replace(key, key_id="cd34"), b"other")
    found = await store.find_admin_key("ab12")
    assert found is not None
    assert (msgspec.structs.replace(found[0], id=0), found[1]) == (key, b"digest")
    await store.touch_admin_key(found[0].id, 50.0)
    await store.touch_admin_key(found[0].id, 40.0)
    (listed,) = await store.list_admin_keys()
    assert listed.used_at == 50.0
    assert await store.remove_admin_key("ann")
    assert not await store.remove_admin_key("ann")
    again = await store.find_admin_key("ab12")
    assert again is not None
    assert again[0].removed_at == clock.now()


async def test_a_repeated_request_finds_the_answer_of_the_first(store: Store, clock: VirtualClock) -> None:
    ends = clock.now() + 86_400
    assert await store.claim_answer(b"d", b"body", b"nonce", clock.now() + 60) is None
    assert await store.claim_answer(b"d", b"other", b"n2", ends) == Kept(b"body", None, "", b"nonce")
    await store.keep_answer(b"d", 201, '{"a":1}', ends)
    assert await store.claim_answer(b"d", b"body", b"n2", ends) == Kept(b"body", 201, '{"a":1}', b"nonce")
    clock.advance(601)
    assert await store.claim_answer(b"d", b"body", b"n2", ends) == Kept(b"body", 201, '{"a":1}', b"")
    await store.purge_administration(0.0, 10)
    clock.advance(86_400)
    assert await store.claim_answer(b"d", b"body", b"n3", ends + 86_400) is None
    await store.drop_answer(b"d")
    assert await store.claim_answer(b"d", b"body", b"n4", ends + 86_400) is None


async def test_a_claim_without_an_answer_ends_early(store: Store, clock: VirtualClock) -> None:
    assert await store.claim_answer(b"d", b"body", b"nonce", clock.now() + 60) is None
    clock.advance(59)
    assert await store.claim_answer(b"d", b"body", b"n2", clock.now() + 60) is not None
    clock.advance(2)
    assert await store.claim_answer(b"d", b"body", b"n3", clock.now() + 60) is None


async def test_sessions_of_the_console_are_listed_with_their_digests(store: Store) -> None:
    made = [
        ConsoleSession(link=bool(n), name=f"s{n}", role="owner", created_at=1.0, used_at=1.0, ends_at=9.0 + n)
        for n in range(3)
    ]
    for n, session in enumerate(made):
        await store.add_console_session(session, bytes([n]))
    assert await store.list_console_sessions(2) == ((b"\x02", made[2]), (b"\x01", made[1]))


async def test_one_of_all_who_claim_a_request_gets_it(store: Store, open_store: OpenStore) -> None:
    other, ends = await open_store(), 9e9
    claims = await asyncio.gather(
        *(each.claim_answer(b"d", b"b", bytes([n]), ends) for n in range(4) for each in (store, other))
    )
    assert claims.count(None) == 1


async def test_an_account_is_replaced_only_as_it_is_known(store: Store) -> None:
    first = account()
    second = msgspec.structs.replace(first, secret="another", domains=("x.cn",))
    assert not await store.replace_account(second, first)
    assert await store.replace_account(None, first)
    assert not await store.replace_account(None, second)
    assert not await store.replace_account(second, second)
    assert await store.replace_account(first, second)
    labelled = msgspec.structs.replace(first, label="crm")
    assert await store.replace_account(None, labelled)
    assert await store.find_accounts("wechat", "wx1") == (second, labelled)


async def test_a_caller_is_replaced_only_as_it_is_known(store: Store) -> None:
    shop = Caller(name="shop", created_at=1.0)
    assert await store.find_caller_named("shop") is None
    assert not await store.replace_caller(shop, shop)
    await store.add_caller(shop, b"digest")
    changed = msgspec.structs.replace(shop, rights=("token",))
    assert await store.replace_caller(shop, changed)
    assert not await store.replace_caller(shop, changed)
    assert await store.find_caller_named("shop") == changed
    await store.revoke_caller("shop")
    revoked = await store.find_caller_named("shop")
    assert revoked is not None
    assert not await store.replace_caller(revoked, changed)


async def test_a_resource_is_replaced_only_as_it_is_known(store: Store) -> None:
    issuer = issuer_beside(store)
    first = Resource(realm="oidc", uri="https://api.example.com/", created_at=5)
    second = msgspec.structs.replace(first, name="API")
    assert await issuer.replace_resource(second, first) is None
    assert await issuer.replace_resource(None, first) == first
    assert await issuer.replace_resource(None, second) is None
    assert await issuer.replace_resource(first, second) == second
    assert await issuer.find_resource("oidc", first.uri) == second
