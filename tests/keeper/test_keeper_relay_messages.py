"""Messages to many environments: one answers, the others get copies, and repeats reach nobody again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingpai.core.message_crypto import MessageCipher, is_signed, signature
from lingpai.core.message_fields import read_fields, write_fields
from lingpai.core.relays import Relay
from lingpai.keeper.relay import copying as copies
from lingpai.keeper.relay import receiving as first
from lingpai.keeper.relay.choosing import matches, place_of
from lingpai.keeper.relay.reaching import ReachError
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP
from tests.keeper.environments import (
    APP,
    KEY,
    LOCAL,
    MESSAGES,
    TOKEN,
    Receiver,
    copying,
    environment,
    event,
    push,
    push_bytes,
    push_sealed,
    receiving,
    relayed,
    signed,
    text,
)
from tests.keeper.harness import Harness, staged

OTHER_KEY = KEY[::-1]
ECHO = {"echostr": "5927782489442352469"}


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Harness]:
    async with staged(tmp_path, keeper=LOCAL) as harness:
        await harness.add_app()
        yield harness


@pytest.fixture
async def prod() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest.fixture
async def dev() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def waiting(harness: Harness) -> dict[str, int]:
    return {name: each.count for name, each in (await harness.keeper.store.waiting_copies()).items()}


async def attempts(harness: Harness) -> list[int]:
    """How often messages were refused that still wait for the environment dev."""
    return [each.attempts for each in await harness.keeper.store.due_copies("dev", 1e12, 9)]


async def failures(harness: Harness) -> int:
    """How often in a row the environment dev was not reached."""
    known = await harness.keeper.store.find_environment("dev")
    assert known is not None
    return known.failures


async def nobody_waits(harness: Harness) -> None:
    async with asyncio.timeout(20):
        while await waiting(harness):  # noqa: ASYNC110  the store says nothing
            await asyncio.sleep(0.01)


async def test_the_primary_answers_and_the_others_get_copies(
    relay: Harness, prod: Receiver, dev: Receiver
) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    await environment(relay, "dev", dev)
    prod.answer = lambda _body: "<xml><Content>hi</Content></xml>"
    async with copying(relay):
        query = signed(relay) | {"openid": "oAlice"}
        answer = await push(relay, text("one"), query=query)
        assert (answer.status_code, answer.text) == (200, "<xml><Content>hi</Content></xml>")
        assert answer.headers["content-type"].startswith("text/xml")
        await dev.until(1)
        await nobody_waits(relay)
    # As it came, so that an environment verifies it as if the platform had called.
    assert prod.got == dev.got == [(query, prod.got[0][1])]
    assert prod.contents == ["one"]
    assert is_signed(query["signature"], TOKEN, query["timestamp"], query["nonce"])


async def test_the_check_of_the_address_is_answered_here(relay: Harness, prod: Receiver) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    answer = await relay.get(MESSAGES, **signed(relay), **ECHO)
    assert (answer.status_code, answer.text) == (200, ECHO["echostr"])
    assert answer.headers["content-type"].startswith("text/plain")
    assert prod.got == []
    forged = await relay.get(MESSAGES, **signed(relay, "othertoken"), **ECHO)
    assert forged.status_code == 403
    assert ECHO["echostr"] not in forged.text


async def test_wecom_checks_the_address_by_an_encrypted_text(relay: Harness) -> None:
    app = f"wecom/{SAMPLE_CORP.corpid}/agent"
    await relay.add_corp()
    await relay.keeper.store.replace_relay(None, Relay(app=app, token=TOKEN, aes_key=KEY))
    sealed = MessageCipher(KEY).encrypt(b"1616140317555161061", SAMPLE_CORP.corpid)
    query = signed(relay, TOKEN, sealed) | {"echostr": sealed}
    del query["signature"]
    answer = await relay.get(f"/relay/{app}/messages", **query)
    assert (answer.status_code, answer.text) == (200, "1616140317555161061")
    query["msg_signature"] = signature("othertoken", query["timestamp"], query["nonce"], sealed)
    assert (await relay.get(f"/relay/{app}/messages", **query)).status_code == 403


@pytest.mark.parametrize("own", [{}, {"token": "devtoken"}, {"token": "devtoken", "aes_key": OTHER_KEY}])
async def test_encrypted_messages_are_passed_on_or_encrypted_anew(
    relay: Harness, prod: Receiver, own: dict[str, str]
) -> None:
    """Each environment reads what it gets by the token and key that it has, and answers by them."""
    await relayed(relay, aes_key=KEY)
    await environment(relay, "prod", prod, primary=True, **own)
    token, key = own.get("token", TOKEN), own.get("aes_key", "" if own else KEY)

    def answer(_body: bytes) -> str:
        plain = write_fields({"Content": "hi"})
        sealed = MessageCipher(key).encrypt(plain, SAMPLE_APP.appid) if key else ""
        return write_fields({"Encrypt": sealed}).decode() if key else plain.decode()

    prod.answer = answer
    answered = await push_sealed(relay, text("secret"))
    query, body = prod.got[0]
    if key:
        sealed = read_fields(body)["Encrypt"]
        assert is_signed(query["msg_signature"], token, query["timestamp"], query["nonce"], sealed)
        body, receiver = MessageCipher(key).decrypt(sealed)
        assert receiver == SAMPLE_APP.appid
    assert is_signed(query["signature"], token, query["timestamp"], query["nonce"])
    assert read_fields(body)["Content"] == "secret"
    reply = read_fields(answered.content)
    assert read_fields(MessageCipher(KEY).decrypt(reply["Encrypt"]).message) == {"Content": "hi"}
    if own:
        parts = (TOKEN, reply["TimeStamp"], reply["Nonce"], reply["Encrypt"])
        assert is_signed(reply["MsgSignature"], *parts)


async def test_the_key_before_decrypts_too(relay: Harness, prod: Receiver) -> None:
    await relayed(relay, aes_key=KEY, former_aes_key=OTHER_KEY)
    await environment(relay, "prod", prod, primary=True)
    assert (await push_sealed(relay, text(), OTHER_KEY)).status_code == 200
    assert len(prod.got) == 1


async def test_messages_in_json_are_messages_too(relay: Harness, prod: Receiver) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True, types=("event/user_enter_tempsession",))
    body = json.dumps(
        {"FromUserName": "o1", "CreateTime": 1, "MsgType": "event", "Event": "user_enter_tempsession"}
    )
    for _ in range(2):
        assert (await push_bytes(relay, body.encode(), signed(relay))).text == "success"
    assert [each for _, each in prod.got] == [body.encode()]


async def test_repeats_get_the_first_answer_and_reach_nobody_again(
    relay: Harness, prod: Receiver, dev: Receiver
) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    await environment(relay, "dev", dev)
    prod.answer = lambda _body: f"<xml><Content>{len(prod.got)}</Content></xml>"
    async with copying(relay):
        for fields in (text("one"), event("subscribe"), text("two"), event("CLICK", "k")):
            answers = [await push(relay, fields) for _ in range(4)]
            assert len({each.content for each in answers}) == 1
        await dev.until(4)
        await nobody_waits(relay)
    assert len(prod.got) == len(dev.got) == 4


async def test_a_repeat_that_comes_meanwhile_waits_for_the_first_answer(
    relay: Harness, prod: Receiver
) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    release = asyncio.Event()
    prod.before = release.wait
    prod.answer = lambda _body: "<xml><Content>hi</Content></xml>"
    fields = text()
    asking = [asyncio.create_task(push(relay, fields)) for _ in range(3)]
    await prod.until(1)
    release.set()
    assert {(await each).text for each in asking} == {"<xml><Content>hi</Content></xml>"}
    assert len(prod.got) == 1


async def test_messages_of_one_second_are_different_ones(relay: Harness, prod: Receiver) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    for fields in (
        event("CLICK", "a"),
        event("CLICK", "b"),
        event("VIEW", "a"),
        event("CLICK", "a", FromUserName="oBob"),
    ):
        await push(relay, fields)
    assert len(prod.got) == 4


async def test_a_primary_that_is_late_gets_it_once(
    relay: Harness, prod: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first, "ANSWER_WITHIN", 0.2)
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    release = asyncio.Event()
    prod.before = release.wait
    fields = text()
    assert (await push(relay, fields)).text == "success"
    assert (await push(relay, fields)).text == "success"
    release.set()
    await nobody_waits(relay)
    async with copying(relay):
        relay.clock.advance(3600)
        await push(relay, text("next"))
    assert len(prod.got) == 2


@pytest.mark.parametrize("how", ["answers 500", "is not there", "redirects"])
async def test_a_primary_that_is_dead_gets_it_later(relay: Harness, prod: Receiver, how: str) -> None:
    await relayed(relay)
    url = prod.url.replace("/messages", "/nothing") if how == "redirects" else prod.url
    prod.status = 500
    if how == "is not there":
        gone = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{gone.sockets[0].getsockname()[1]}/messages"
        gone.close()
        await gone.wait_closed()
    await environment(relay, "prod", prod, primary=True)
    known = await relay.keeper.store.find_environment("prod")
    assert known is not None
    await relay.keeper.store.replace_environment(known, msgspec.structs.replace(known, url=url))
    before = len(prod.got)
    assert (await push(relay, text("one"))).text == "success"
    assert await waiting(relay) == {"prod": 1}
    prod.status = 200
    known = await relay.keeper.store.find_environment("prod")
    assert known is not None
    await relay.keeper.store.replace_environment(known, msgspec.structs.replace(known, url=prod.url))
    relay.clock.advance(first.PRIMARY_AGAIN + 1)
    attempts = len(prod.got) - before
    async with copying(relay):
        await nobody_waits(relay)
    assert prod.contents[attempts:] == ["one"]


async def test_what_a_dying_worker_was_taking_to_the_primary_arrives(relay: Harness, prod: Receiver) -> None:
    """The message is kept before anything is sent: another worker delivers it."""
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    real = relay.keeper.reach

    begun, ended = asyncio.Event(), asyncio.Event()

    async def die(*_: Any) -> Any:
        begun.set()
        await ended.wait()
        raise ReachError("it died")

    relay.keeper.reach = die
    asking = asyncio.create_task(push(relay, text("one")))
    await begun.wait()
    assert await waiting(relay)
    relay.keeper.reach = real
    relay.clock.advance(first.PRIMARY_AGAIN + 1)
    async with copying(relay):
        await prod.until(1)
        await nobody_waits(relay)
    assert prod.contents == ["one"]
    ended.set()
    assert (await asking).text == "success"


async def test_a_dead_secondary_delays_the_primary_by_nothing(
    relay: Harness, prod: Receiver, dev: Receiver
) -> None:
    """A storm while one environment hangs, another is not there, and a third has no address."""
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    release = asyncio.Event()
    dev.before = release.wait
    await environment(relay, "dev", dev)
    await environment(relay, "gone", None, url="http://127.0.0.1:9/messages")
    await environment(relay, "nameless", None, url="https://nowhere.invalid/messages")
    storm = 120
    async with copying(relay):
        times = list[float]()

        async def one(number: int) -> None:
            began = time.monotonic()
            assert (await push(relay, text(str(number)))).text == "success"
            times.append(time.monotonic() - began)

        await asyncio.gather(*(one(number) for number in range(storm)))
        assert sorted(prod.contents, key=int) == [str(number) for number in range(storm)]
        assert (await waiting(relay))["dev"] == storm  # none of them has been answered
        assert max(times) < 4.5
        release.set()
        dev.before = None
        await dev.until(storm)
    assert sorted(dev.contents, key=int) == [str(number) for number in range(storm)]


async def test_an_environment_that_comes_back_gets_all_of_it(relay: Harness, dev: Receiver) -> None:
    await relayed(relay)
    await environment(relay, "dev", dev)
    dev.status = 503
    async with copying(relay):
        for number in range(20):
            assert (await push(relay, text(str(number)))).text == "success"
        await dev.until(1)
        async with asyncio.timeout(20):
            while True:
                known = await relay.keeper.store.find_environment("dev")
                if known is not None and known.failures:
                    break
                await asyncio.sleep(0.01)
        assert known.problem == "it answers 503"
        before = len(dev.got)
        dev.status = 200
        relay.clock.advance(copies.SHORTEST * 1.2)
        await nobody_waits(relay)
    assert sorted(dev.contents[before:], key=int) == [str(number) for number in range(20)]
    known = await relay.keeper.store.find_environment("dev")
    assert known is not None
    assert (known.failures, known.problem) == (0, "")


async def test_a_message_that_crashes_an_environment_delays_no_other(
    relay: Harness, dev: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy that answers 502 for it, as for one that is away."""
    monkeypatch.setattr(copies, "DELAYS", (5.0, 60.0))
    await relayed(relay)
    await environment(relay, "dev", dev)

    async def crash() -> None:
        dev.status = 502 if dev.contents[-1] == "bad" else 200

    dev.before = crash
    async with copying(relay):
        await push(relay, text("bad"))
        async with asyncio.timeout(20):
            while not await failures(relay):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for number in range(5):
            await push(relay, text(str(number)))
        async with asyncio.timeout(20):
            while await waiting(relay):
                relay.clock.advance(copies.SHORTEST * 1.2)
                await asyncio.sleep(0.01)
    assert {each for each in dev.contents if each != "bad"} == {str(number) for number in range(5)}
    assert len([each for each in dev.contents if each != "bad"]) == 5
    assert dev.contents.count("bad") <= 4
    assert not await failures(relay)


@pytest.mark.parametrize("answer", ["not utf-8", "large", "compressed"])
async def test_of_the_answer_to_a_copy_the_status_counts_alone(
    relay: Harness, dev: Receiver, answer: str
) -> None:
    async def take(request: web.Request) -> web.Response:
        dev.got.append((dict(request.query), await request.read()))
        headers = {"content-encoding": "br"} if answer == "compressed" else {}
        body = {"not utf-8": b"\xff\xfe", "large": b"x" * 200_000, "compressed": b"\x0b\x02"}[answer]
        return web.Response(body=body, headers=headers)

    app = web.Application()
    app.router.add_post("/messages", take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await relayed(relay)
    await environment(relay, "dev", None, url=f"http://127.0.0.1:{runner.addresses[0][1]}/messages")
    async with copying(relay):
        await push(relay, text("one"))
        await nobody_waits(relay)
    await runner.cleanup()
    assert dev.contents == ["one"]
    assert not await failures(relay)


@pytest.mark.parametrize("fault", ["a long query", "another key"])
async def test_a_message_that_cannot_be_posted_delays_no_other(
    relay: Harness, dev: Receiver, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(copies, "DELAYS", (5.0,))
    known = await relayed(relay, aes_key=KEY)
    await environment(relay, "dev", dev, **({} if fault == "a long query" else {"token": "devtoken"}))
    sealed = MessageCipher(KEY).encrypt(write_fields(text("bad")), SAMPLE_APP.appid)
    further = {"openid": "o" * 2_000} if fault == "a long query" else {}
    query = signed(relay, TOKEN, sealed) | further
    await push_bytes(relay, write_fields({"ToUserName": "gh_1", "Encrypt": sealed}), query)
    assert await waiting(relay) == {"dev": 1}
    if fault == "another key":
        relays = await relay.keeper.store.list_relays()
        assert await relay.keeper.store.replace_relay(
            relays[0], msgspec.structs.replace(known, aes_key=OTHER_KEY)
        )
    async with copying(relay):
        await push_sealed(relay, text("good"), KEY if fault == "a long query" else OTHER_KEY)
        await dev.until(1)
        while await waiting(relay):
            relay.clock.advance(10)
            await asyncio.sleep(0.01)
    assert len(dev.got) == 1
    assert not await failures(relay)


async def test_odd_characters_of_a_query_are_passed_on_encoded(relay: Harness, dev: Receiver) -> None:
    await relayed(relay)
    await environment(relay, "dev", dev)
    query = urlencode(signed(relay))
    body = write_fields(text("one"))
    answer = await relay.client.ask("POST", f"{MESSAGES}?{query}&x=a|{{b}}%7C", body=body)
    assert answer.text == "success"
    async with copying(relay):
        await nobody_waits(relay)
    assert dev.got[0][0]["x"] == "a|{b}|"


async def test_a_message_that_is_refused_delays_no_other(
    relay: Harness, dev: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "DELAYS", (5.0, 60.0))
    await relayed(relay)
    await environment(relay, "dev", dev)

    async def refuse() -> None:
        dev.status = 400 if dev.contents[-1] == "bad" else 200

    dev.before = refuse
    async with copying(relay):
        await push(relay, text("bad"))
        await dev.until(1)
        await push(relay, text("good"))
        await dev.until(2)
        for count in (1, 2):
            async with asyncio.timeout(20):
                while await attempts(relay) != [count]:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            relay.clock.advance(100)
            await dev.until(count + 2)
        await nobody_waits(relay)
    assert dev.contents == ["bad", "good", "bad", "bad"]


@pytest.mark.parametrize(
    ("types", "fields", "expected"),
    [
        ((), event("CLICK", "k"), True),
        (("text",), text(), True),
        (("image", "TEXT"), text(), True),
        (("text",), event("CLICK"), False),
        (("event",), event("CLICK"), True),
        (("event/click",), event("CLICK", "k"), True),
        (("event/CLICK/menu_*",), event("CLICK", "menu_1/a"), True),
        (("event/CLICK/menu_1",), event("CLICK", "MENU_1"), False),
        (("event/sub*",), event("subscribe"), True),
        (("event/VIEW",), event("CLICK"), False),
    ],
)
async def test_rules_choose_who_receives(
    relay: Harness, dev: Receiver, types: tuple[str, ...], fields: dict[str, str], expected: bool
) -> None:
    await relayed(relay)
    await environment(relay, "dev", dev, types=types)
    path = (fields["MsgType"], fields.get("Event", ""), fields.get("EventKey", ""))
    assert (not types or any(matches(each, path) for each in types)) is expected
    await push(relay, fields)
    assert await waiting(relay) == ({"dev": 1} if expected else {})


async def test_a_part_of_the_senders_has_another_primary(
    relay: Harness, prod: Receiver, dev: Receiver
) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    await environment(relay, "canary", dev, primary=True, senders=20)
    senders = [f"o{number}" for number in range(60)]
    for sender in senders * 2:
        await push(relay, text(sender, FromUserName=sender))
    canary = {each for each in senders if place_of(each) < 20}
    assert 0 < len(canary) < 60
    assert set(dev.contents) == canary
    assert set(prod.contents) == set(senders) - canary
    assert len(dev.got) + len(prod.got) == 120


async def test_without_a_primary_and_without_anybody_the_answer_is_success(relay: Harness) -> None:
    await relayed(relay)
    assert (await push(relay, text())).text == "success"
    assert await waiting(relay) == {}


async def test_environments_of_other_accounts_receive_nothing(
    relay: Harness, prod: Receiver, dev: Receiver
) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True, app="wechat/wx0000000000000000")
    await environment(relay, "dev", dev, app=f"{APP}/other")
    assert (await push(relay, text())).text == "success"
    assert await waiting(relay) == {}
    assert prod.got == []


@pytest.mark.threat("K97")
@pytest.mark.parametrize(
    "query",
    [
        {"signature": ""},
        {"signature": "0" * 40},
        {"signature": "签名"},
        {"timestamp": ""},
        {"timestamp": "1"},
        {"timestamp": "-1"},
        {"timestamp": "٣" * 10},
        {"timestamp": "9" * 100},
        {"nonce": "other"},
        {"nonce": "n" * 5000},
    ],
)
async def test_what_the_platform_did_not_sign_reaches_nobody(
    relay: Harness, prod: Receiver, query: dict[str, str]
) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    await environment(relay, "dev", prod)
    answer = await push(relay, text(), query=signed(relay) | query)
    assert 400 <= answer.status_code < 500
    assert (await relay.get(MESSAGES, **(signed(relay) | query), **ECHO)).status_code in range(400, 500)
    assert prod.got == []
    assert await waiting(relay) == {}


@pytest.mark.threat("K97")
@pytest.mark.parametrize("off", [-601, 601])
async def test_a_push_of_another_time_is_refused(relay: Harness, off: float) -> None:
    await relayed(relay)
    query = signed(relay, at=relay.clock.now() + off)
    assert (await push(relay, text(), query=query)).status_code == 403


@pytest.mark.threat("K97")
async def test_where_messages_are_encrypted_those_in_clear_are_refused(
    relay: Harness, prod: Receiver
) -> None:
    """The signature of a message in clear does not depend on its body."""
    await relayed(relay, aes_key=KEY)
    await environment(relay, "prod", prod, primary=True)
    assert (await push(relay, text())).status_code == 403
    sealed = MessageCipher(KEY).encrypt(write_fields(text()), SAMPLE_APP.appid)
    query = signed(relay, TOKEN, sealed)
    forged = write_fields({**text("forged"), "Encrypt": MessageCipher(KEY).encrypt(b"<xml/>", "wx")})
    assert (await push_bytes(relay, forged, query)).status_code == 403
    assert (await push_sealed(relay, text(), OTHER_KEY)).status_code == 403
    assert (await push_sealed(relay, text(), KEY, "wx0000000000000000")).status_code == 403
    assert prod.got == []


async def test_an_encrypted_message_without_a_key_is_refused(relay: Harness) -> None:
    await relayed(relay)
    answer = await push_sealed(relay, text())
    assert (answer.status_code, answer.json["error"]) == (403, "not_allowed")
    assert "EncodingAESKey" in answer.json["message"]


BOMB = b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 999 + b'">]><xml>' + b"<C>&a;</C>" * 9 + b"</xml>"


@pytest.mark.threat("K97")
@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00\xff",
        b"<xml>",
        b"[]",
        b"{",
        b"{}" * 2,
        b"[" * 9999,
        b'{"a":' * 9999,
        BOMB,
        b"<xml>\xff</xml>",
    ],
)
async def test_any_bytes_are_refused(relay: Harness, body: bytes, key: str) -> None:
    await relayed(relay, aes_key=key)
    answer = await push_bytes(relay, body, signed(relay))
    assert 400 <= answer.status_code < 500


@pytest.mark.threat("K97")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200),
    given_=st.dictionaries(st.text(max_size=12), st.text(max_size=12), max_size=4),
)
async def test_no_request_is_a_fault_of_ours(relay: Harness, body: bytes, given_: dict[str, str]) -> None:
    if await relay.keeper.store.find_relay(APP) is None:
        await relayed(relay)
    assert (await push_bytes(relay, body, signed(relay) | given_)).status_code < 500
    assert (await push_bytes(relay, body, given_)).status_code < 500


@pytest.mark.threat("K97")
@pytest.mark.threat("K97")
@pytest.mark.parametrize("key", ["", KEY])
async def test_a_message_that_is_not_utf8_is_refused(relay: Harness, key: str) -> None:
    """XML may be UTF-16; what is kept is text, and platforms send UTF-8."""
    await relayed(relay, aes_key=key)
    body = '<?xml version="1.0" encoding="UTF-16"?><xml><Content>x</Content><MsgId>1</MsgId></xml>'.encode(
        "utf-16"
    )
    assert (await push_bytes(relay, body, signed(relay))).status_code == 400


async def test_a_huge_body_is_refused(relay: Harness) -> None:
    await relayed(relay)
    answer = await push(relay, text("x" * 200_000))
    assert answer.status_code == 413


async def test_an_account_without_a_relay_has_no_such_address(relay: Harness) -> None:
    for path in (
        MESSAGES,
        "/relay/wechat/a%2Fb/messages",
        "/relay/nowhere/x/messages",
        "/relay/wechat/a/b/messages",
    ):
        answer = await push(relay, text(), path=path)
        assert answer.status_code in {400, 404}, path


async def test_answers_that_cannot_be_are_none(relay: Harness, prod: Receiver) -> None:
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True, token="devtoken", aes_key=OTHER_KEY)
    prod.answer = lambda _body: "<xml><Encrypt>nonsense</Encrypt></xml>"
    assert (await push(relay, text())).text == "success"
    known = await relay.keeper.store.find_environment("prod")
    assert known is not None
    plain = msgspec.structs.replace(known, token="", aes_key="")
    await relay.keeper.store.replace_environment(known, plain)
    prod.answer = lambda _body: "x" * 100_000
    assert (await push(relay, text())).text == "success"
    assert (await waiting(relay)) == {"prod": 2}
