"""Relays in the store: settings replaced only as they were read, messages kept once, all of it sealed."""

import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.core.relays import Answered, Environment, Relay, RelayMessage, Waiting
from lingpai.store.port import Store
from tests.store.conftest import OpenStore

RELAY = Relay(app="wechat/wx1", token="t0ken", aes_key="k" * 43, former_aes_key="j" * 43, created_at=5.0)
ENVIRONMENT = Environment(
    name="dev",
    app="wechat/wx1",
    redirect_uris=("https://dev.example/back", "https://dev.example/back?a=1"),
    url="https://dev.example/messages",
    primary=True,
    types=("text", "event/CLICK"),
    senders=10,
    token="own",
    aes_key="e" * 43,
    created_at=6.0,
)
PUSH = RelayMessage(
    app="wechat/wx1", digest=b"d" * 16, query="a=1", content_type="text/xml", body="<xml>你好</xml>"
)
ANSWER = Answered(200, "text/xml", "<xml>好</xml>")


async def test_a_relay_is_kept_as_it_is(store: Store) -> None:
    assert await store.replace_relay(None, RELAY)
    assert not await store.replace_relay(None, RELAY)
    assert await store.find_relay("wechat/wx1") == RELAY
    assert await store.find_relay("wechat/wx2") is None
    other = Relay(app="wechat/wx0")
    assert await store.replace_relay(None, other)
    assert await store.list_relays() == (other, RELAY)
    wanted = msgspec.structs.replace(RELAY, token="other")
    assert await store.replace_relay(RELAY, wanted)
    assert not await store.replace_relay(RELAY, wanted)
    assert await store.find_relay("wechat/wx1") == msgspec.structs.replace(wanted, revision=1)
    assert await store.remove_relay("wechat/wx1")
    assert not await store.remove_relay("wechat/wx1")


async def test_an_environment_is_kept_as_it_is(open_store: OpenStore) -> None:
    here, there = await open_store(), await open_store()
    assert await here.replace_environment(None, ENVIRONMENT)
    assert not await there.replace_environment(None, ENVIRONMENT)
    known = await there.find_environment("dev")
    assert known == ENVIRONMENT
    troubled = msgspec.structs.replace(ENVIRONMENT, failures=2, next_at=9.5, problem="it answers 500")
    assert await there.replace_environment(known, troubled)
    assert not await here.replace_environment(known, known)
    assert await here.list_environments() == (msgspec.structs.replace(troubled, revision=1),)
    assert await here.remove_environment("dev")
    assert not await there.remove_environment("dev")
    assert await there.find_environment("dev") is None


async def test_a_message_is_kept_once_with_its_copies(store: Store) -> None:
    assert await store.take_message(PUSH, {"prod": 5.0, "dev": 3.0}) is None
    assert await store.take_message(PUSH, {"dev": 3.0}) == PUSH
    assert await store.waiting_copies() == {"prod": Waiting(1, 5.0), "dev": Waiting(1, 3.0)}
    assert await store.due_copies("dev", 2.9, 10) == ()
    (copy,) = await store.due_copies("dev", 3.0, 10)
    assert (copy.environment, copy.attempts, copy.push) == ("dev", 0, PUSH)
    await store.delay_copy(copy.id, 1, 8.0)
    assert await store.due_copies("dev", 7.0, 10) == ()
    (later,) = await store.due_copies("dev", 8.0, 10)
    assert later.attempts == 1
    await store.end_copy(later.id)
    await store.end_copy(later.id)
    assert set(await store.waiting_copies()) == {"prod"}


async def test_the_first_answer_stays(store: Store) -> None:
    await store.take_message(PUSH, {"prod": 5.0})
    assert await store.find_message(b"x" * 16) is None
    await store.answer_message(b"x" * 16, ANSWER)
    await store.answer_message(PUSH.digest, Answered(body="success"))
    assert set(await store.waiting_copies()) == {"prod"}
    await store.answer_message(PUSH.digest, ANSWER, "prod")
    found = await store.find_message(PUSH.digest)
    assert found is not None
    assert found.answer == Answered(body="success")
    assert await store.waiting_copies() == {}


async def test_of_repeats_at_once_one_is_kept(open_store: OpenStore) -> None:
    stores = [await open_store() for _ in range(3)]
    taken = await asyncio.gather(*(each.take_message(PUSH, {"dev": 1.0}) for each in stores * 5))
    assert [each for each in taken if each is None] == [None]
    assert (await stores[1].waiting_copies())["dev"].count == 1


async def test_copies_go_with_their_environment(store: Store) -> None:
    await store.replace_environment(None, ENVIRONMENT)
    await store.take_message(PUSH, {"dev": 1.0, "prod": 1.0})
    await store.remove_environment("dev")
    assert set(await store.waiting_copies()) == {"prod"}


async def test_messages_go_when_nobody_waits_for_them(store: Store, clock: VirtualClock) -> None:
    done = msgspec.structs.replace(PUSH, digest=b"e" * 16)
    await store.take_message(done, {})
    await store.take_message(PUSH, {"dev": 1.0})
    clock.advance(601)
    await store.purge(10)
    assert await store.find_message(done.digest) is None
    assert await store.find_message(PUSH.digest) == PUSH
    clock.advance(3 * 86_400)
    await store.purge(10)
    assert await store.waiting_copies() == {}
    assert await store.find_message(PUSH.digest) is None


@pytest.mark.parametrize("answer", [None, ANSWER])
async def test_it_is_sealed_and_sealed_anew(
    open_store: OpenStore, ring: KeyRing, answer: Answered | None
) -> None:
    store = await open_store()
    await store.replace_relay(None, RELAY)
    await store.replace_environment(None, ENVIRONMENT)
    await store.take_message(PUSH, {"dev": 1.0})
    if answer is not None:
        await store.answer_message(PUSH.digest, answer)
    assert sum((await store.sealed_counts()).values()) == 3
    assert await store.unopened() == ()
    ring.rotate(1.0)
    assert await store.reseal(10) == 3
    assert await store.find_relay(RELAY.app) == RELAY
    assert await store.find_environment("dev") == ENVIRONMENT
    assert await store.find_message(PUSH.digest) == msgspec.structs.replace(PUSH, answer=answer)
    assert set(await store.sealed_counts()) == {ring.newest.id}


def test_nothing_secret_is_shown() -> None:
    shown = f"{RELAY!r}{ENVIRONMENT!r}{PUSH!r}{ANSWER!r}"
    for secret in ("t0ken", "k" * 43, "own", "e" * 43, "你好", "好"):
        assert secret not in shown
