"""What waits in the store: pushed requests, devices; and grants bound to a key. Of all who come at once, one does."""

import asyncio

import msgspec

from lingpai.core.authorization_records import Device, Pushed
from lingpai.core.issuer_records import GrantState
from lingpai.issuer.sign_ins import bound_key, read_sign_in
from lingpai.issuer.verbs.bind import bind_key
from lingpai.store.issuer_port import RequestKey, SignedRequest
from tests.issuer.engines import rows_of
from tests.issuer.harness import Harness
from tests.store.issuer.issuer_races import NOW, code, new_salt

ONCE = SignedRequest(1, 0, b"digest", NOW + 600)


def pushed(app: int) -> Pushed:
    return Pushed(app=app, salt=new_salt(), params='{"state":"令牌"}', created_at=NOW, ends_at=NOW + 90)


def device(app: int, user_code: bytes = b"digest") -> Device:
    own = {"user_code": user_code, "params": "{}", "created_at": NOW, "ends_at": NOW + 600}
    return Device(app=app, salt=new_salt(), **own)  # type: ignore[arg-type]  # of several types


async def test_a_pushed_request_is_read_as_it_was_added(harness: Harness) -> None:
    store = harness.issuer.store
    added = await asyncio.gather(*(store.add_pushed(pushed(harness.app.id)) for _ in range(8)))
    assert len({each.id for each in added if each is not None}) == 8
    for each in added:
        assert each is not None
        assert await store.read_pushed(each.id) == each
    assert await store.read_pushed(10**9) is None


async def test_a_signed_push_counts_once(harness: Harness) -> None:
    store = harness.issuer.store
    added = await asyncio.gather(*(store.add_pushed(pushed(harness.app.id), request=ONCE) for _ in range(8)))
    assert sum(each is not None for each in added) == 1
    assert len(await rows_of(store, "SELECT id FROM issuer_pushed_requests")) == 1
    assert await store.knows_request(ONCE)


async def test_a_user_code_is_of_one_device(harness: Harness) -> None:
    store = harness.issuer.store
    added = await asyncio.gather(*(store.add_device(device(harness.app.id)) for _ in range(8)))
    (won,) = (each for each in added if each is not None)
    assert await store.read_device(won.id) == await store.find_device(b"digest") == won
    assert await store.find_device(b"other") is None
    assert await store.read_device(10**9) is None


async def test_a_request_is_answered_once_whoever_comes(harness: Harness) -> None:
    store, key = harness.issuer.store, RequestKey(b"pushed", NOW + 600)
    answers = await asyncio.gather(*(store.answer_request(key, code(harness.app.id)) for _ in range(8)))
    assert len({answer.grant for answer in answers}) == 1
    assert len(await rows_of(store, "SELECT id FROM issuer_grants")) == 1


async def test_of_those_who_bind_a_code_at_once_one_key_stays(harness: Harness) -> None:
    issuer = harness.issuer
    grant = await issuer.store.add_grant(code(harness.app.id))
    bound = await asyncio.gather(*(bind_key(issuer, grant, f"key {n}", renew=False) for n in range(8)))
    (won,) = (each for each in bound if each is not None)
    view = await issuer.store.read_grant(grant.id)
    assert view is not None
    assert view.grant == won
    assert bound_key(view.grant).startswith("key ")
    assert view.grant.generation == 0


async def test_a_new_key_moves_the_generation_each_time(harness: Harness) -> None:
    issuer = harness.issuer
    grant = (await harness.tokens()).grant
    bound = await asyncio.gather(*(bind_key(issuer, grant, f"key {n}", renew=True) for n in range(4)))
    assert all(bound)
    view = await issuer.store.read_grant(grant.id)
    assert view is not None
    assert view.grant.generation == grant.generation + 4
    assert read_sign_in(view.grant).since == view.grant.generation
    same = await bind_key(issuer, view.grant, bound_key(view.grant), renew=True)
    assert same == view.grant


async def test_a_grant_that_is_over_is_not_bound(harness: Harness) -> None:
    issuer = harness.issuer
    grant = (await harness.tokens()).grant
    await issuer.store.end_grant(grant, issuer.now(), "test")
    assert await bind_key(issuer, grant, "key", renew=True) is None
    other = msgspec.structs.replace(grant, salt=new_salt(), state=GrantState.LIVE)
    assert not await issuer.store.bind_grant(other, "{}", 9)
