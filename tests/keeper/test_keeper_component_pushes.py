"""Pushes of a third-party platform: who is let in, what is stored, in which order; wechatpy as judge of both ways."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from wechatpy.component import ComponentUnauthorizedMessage, WeChatComponent
from wechatpy.crypto import WeChatCrypto

from lingpai.core.message_crypto import MessageCipher, signature
from lingpai.core.message_fields import read_fields, write_fields
from lingpai.keeper.renewal import renew_due
from lingpai.sandbox import SAMPLE_COMPONENT
from tests.keeper.component import (
    CALLBACK,
    MERCHANT,
    PROVIDER,
    RESTART,
    Provided,
    provided,
    provider_account,
)

KEY, TOKEN = SAMPLE_COMPONENT.encoding_key, SAMPLE_COMPONENT.token
OTHER_KEY = "A" * 43
NONCE = "n0nce"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with provided(tmp_path) as one:
        yield one


def inner(made: Provided, event: str, at: float | None = None, **members: str) -> str:
    when = str(int(made.harness.clock.now() if at is None else at))
    return write_fields({"AppId": PROVIDER, "CreateTime": when, "InfoType": event, **members}).decode()


async def send(
    made: Provided, message: str, *, crypto: Any = None, path: str = CALLBACK, **query: str
) -> Any:
    """The answer to a push that wechatpy encrypts and signs."""
    timestamp = query.pop("timestamp", str(int(made.harness.clock.now())))
    crypto = crypto or WeChatCrypto(TOKEN, KEY, PROVIDER)
    body = crypto.encrypt_message(message, NONCE, timestamp)
    sent = {
        "msg_signature": read_fields(body.encode())["MsgSignature"],
        "timestamp": timestamp,
        "nonce": NONCE,
        **query,
    }
    return await made.harness.client.ask("POST", path, params=sent, body=body)


async def ticket_of(made: Provided) -> str:
    held = await made.harness.keeper.store.read_credential(made.provider.key("verify_ticket"))
    assert held is not None
    assert held.current is not None
    return held.current.value


async def test_what_wechatpy_pushes_is_taken_and_answered_with_success(made: Provided) -> None:
    answer = await send(made, inner(made, "component_verify_ticket", ComponentVerifyTicket="t-1"))
    assert (answer.status_code, answer.text) == (200, "success")
    assert await ticket_of(made) == "t-1"


def test_what_the_sandbox_encrypts_is_read_by_wechatpy() -> None:
    members = {"AppId": PROVIDER, "CreateTime": "1", "InfoType": "unauthorized", "AuthorizerAppid": MERCHANT}
    encrypted = MessageCipher(KEY).encrypt(write_fields(members), PROVIDER)
    timestamp = str(int(time.time()))
    component = WeChatComponent(PROVIDER, "s", TOKEN, KEY)
    body = write_fields({"AppId": PROVIDER, "Encrypt": encrypted})
    signed = signature(TOKEN, timestamp, NONCE, encrypted)
    message = component.parse_message(body, signed, timestamp, NONCE)
    assert isinstance(message, ComponentUnauthorizedMessage)
    assert message.authorizer_appid == MERCHANT


@pytest.mark.parametrize("text", ["", "a", "é" * 33, "x" * 4_000])
def test_both_crypto_codes_read_each_other(text: str) -> None:
    crypto = WeChatCrypto(TOKEN, KEY, PROVIDER)
    theirs = read_fields(crypto.encrypt_message(text, NONCE, "1").encode())
    assert MessageCipher(KEY).decrypt(theirs["Encrypt"]) == (text.encode(), PROVIDER)
    ours = MessageCipher(KEY).encrypt(text.encode(), PROVIDER)
    body = write_fields({"ToUserName": PROVIDER, "Encrypt": ours})
    assert crypto.decrypt_message(body, signature(TOKEN, "1", NONCE, ours), "1", NONCE) == text


@pytest.mark.parametrize(
    ("crypto", "changed"),
    [
        (WeChatCrypto("another", KEY, PROVIDER), {}),
        (WeChatCrypto(TOKEN, OTHER_KEY, PROVIDER), {}),
        (WeChatCrypto(TOKEN, KEY, "wx0000000000000000"), {}),
        (None, {"msg_signature": "0" * 40}),
        (None, {"msg_signature": "é"}),
        (None, {"nonce": "another"}),
    ],
)
async def test_what_was_not_made_for_this_account_leaves_nothing(
    made: Provided, crypto: Any, changed: dict[str, str]
) -> None:
    before = await ticket_of(made)
    message = inner(made, "component_verify_ticket", ComponentVerifyTicket="forged")
    answer = await send(made, message, crypto=crypto, **changed)
    assert (answer.status_code, answer.json["error"]) == (403, "not_allowed")
    assert await ticket_of(made) == before


@pytest.mark.parametrize("apart", [-601, 601])
async def test_so_does_what_is_ten_minutes_off(made: Provided, apart: int) -> None:
    message = inner(made, "component_verify_ticket", ComponentVerifyTicket="old")
    answer = await send(made, message, timestamp=str(int(made.harness.clock.now()) + apart))
    assert answer.status_code == 403
    assert await ticket_of(made) != "old"


@pytest.mark.parametrize("fault", ["key", "token", "receiver", "stale"])
async def test_the_sandbox_can_push_so_too(made: Provided, fault: str) -> None:
    before = await ticket_of(made)
    assert [each["status"] for each in await made.push(fault=fault)] == [403]
    assert await ticket_of(made) == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"<xml/>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><xml><Encrypt>&b;</Encrypt></xml>",
    ],
)
async def test_any_bytes_are_refused(made: Provided, body: bytes) -> None:
    query = {"msg_signature": "x", "timestamp": "1", "nonce": "n"}
    answer = await made.harness.client.ask("POST", CALLBACK, params=query, body=body)
    assert answer.status_code == 403
    assert (await made.harness.client.ask("POST", "/callback/wechat/wx1", body=body)).status_code == 404


async def test_json_is_taken_as_xml_is(made: Provided) -> None:
    pushed = {"InfoType": "component_verify_ticket", "ComponentVerifyTicket": "j-1", "CreateTime": 1}
    message = json.dumps(pushed | {"CreateTime": int(made.harness.clock.now())})
    encrypted = MessageCipher(KEY).encrypt(message.encode(), PROVIDER)
    timestamp = str(int(made.harness.clock.now()))
    signed = signature(TOKEN, timestamp, NONCE, encrypted)
    query = {"msg_signature": signed, "timestamp": timestamp, "nonce": NONCE}
    answer = await made.harness.client.ask("POST", CALLBACK, params=query, json={"Encrypt": encrypted})
    assert answer.text == "success"
    assert await ticket_of(made) == "j-1"


@pytest.mark.parametrize("at", ["9" * 400, "9" * 5000, "-1e9", "", "\u0663"])
async def test_a_time_that_is_none_is_now(made: Provided, at: str) -> None:
    members = {"ComponentVerifyTicket": "t-2", "CreateTime": at}
    made.harness.clock.advance(1)
    assert (await send(made, inner(made, "component_verify_ticket", **members))).text == "success"  # type: ignore[arg-type]


async def test_the_key_before_is_taken_while_it_is_configured(made: Provided) -> None:
    store = made.harness.keeper.store
    changed = provider_account(encoding_key=OTHER_KEY, former_encoding_key=KEY)
    await store.save_account(changed)
    assert [each["answer"] for each in await made.push()] == ["success"]
    await store.save_account(msgspec.structs.replace(changed, former_encoding_key=""))
    assert [each["status"] for each in await made.push()] == [403]


async def test_the_platforms_question_is_answered_with_its_text_alone(made: Provided) -> None:
    encrypted = MessageCipher(KEY).encrypt(b"1616140317555161061", PROVIDER)
    timestamp = str(int(made.harness.clock.now()))
    signed = signature(TOKEN, timestamp, NONCE, encrypted)
    asked = {"timestamp": timestamp, "nonce": NONCE, "echostr": encrypted}
    for path in (CALLBACK, f"{CALLBACK}/{MERCHANT}"):
        answer = await made.harness.get(path, msg_signature=signed, **asked)
        assert (answer.status_code, answer.text) == (200, "1616140317555161061")
    assert (await made.harness.get(CALLBACK, msg_signature="x", **asked)).status_code == 403


async def test_an_older_ticket_does_not_replace_a_newer_one(made: Provided) -> None:
    now = made.harness.clock.now()
    for at, value in ((now + 2, "newest"), (now - 60, "late"), (now - 30, "later")):
        made.harness.clock.advance(3 if value == "newest" else 0)
        message = inner(made, "component_verify_ticket", at, ComponentVerifyTicket=value)
        assert (await send(made, message)).text == "success"
    assert await ticket_of(made) == "newest"
    held = await made.harness.keeper.store.read_credential(made.provider.key("verify_ticket"))
    assert held is not None
    assert held.current is not None
    assert held.current.end.remaining(made.harness.clock) == pytest.approx(43_199, abs=1)


async def test_a_late_ticket_is_trouble_and_is_asked_for(made: Provided) -> None:
    await made.harness.upstream.switch(PROVIDER, callback="")
    before = await made.harness.upstream.calls(RESTART)
    made.harness.clock.advance(1_801)
    await renew_due(made.harness.keeper)
    held = await made.harness.keeper.store.read_credential(made.provider.key("verify_ticket"))
    assert held is not None
    assert held.trouble is not None
    assert "30 minutes" in held.trouble.message
    assert await made.harness.upstream.calls(RESTART) == before + 1
    await made.harness.upstream.switch(PROVIDER, callback=made.url + CALLBACK)

    async def is_well() -> bool:
        held = await made.harness.keeper.store.read_credential(made.provider.key("verify_ticket"))
        return held is not None and held.trouble is None

    await made.until(is_well)


async def test_one_authorization_that_is_pushed_often_is_one(made: Provided) -> None:
    code = await made.authorise()
    await made.adopted()
    again = inner(made, "authorized", AuthorizerAppid=MERCHANT, AuthorizationCode=code)
    answers = await asyncio.gather(*(send(made, again) for _ in range(5)))
    assert {each.text for each in answers} == {"success"}
    assert await made.harness.upstream.calls("/cgi-bin/component/api_query_auth") == 1


async def test_a_merchant_that_leaves_is_gone_with_its_tokens(made: Provided) -> None:
    await made.authorise()
    account = await made.adopted()
    key = made.harness.keeper.app_of(account).key("access_token")
    made.harness.clock.advance(1)
    await made.withdraw()

    async def gone() -> bool:
        return await made.account() is None

    await made.until(gone)
    assert await made.harness.keeper.store.read_credential(key) is None
    answer = await made.harness.get("/AccessToken/getXcx", appid=MERCHANT)
    assert answer.json["code"] == 1
    made.harness.clock.advance(1)
    await made.authorise()
    await made.adopted()
    assert await made.harness.upstream.lives(await made.token())


async def test_a_withdrawal_that_comes_after_the_next_authorization_counts_no_more(made: Provided) -> None:
    left_at = made.harness.clock.now()
    made.harness.clock.advance(5)
    await made.authorise()
    await made.adopted()
    assert (
        await send(made, inner(made, "unauthorized", left_at, AuthorizerAppid=MERCHANT))
    ).text == "success"
    await made.harness.keeper.background.settle()
    assert await made.account() is not None
