"""wechatpy, unmodified, on both sides of the relay: an environment parses and answers messages with it as ever."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import xmltodict  # type: ignore[import-untyped]
from wechatpy import create_reply, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.utils import WeChatSigner, check_signature

from lingpai.sandbox import SAMPLE_APP
from tests.keeper.environments import (
    KEY,
    LOCAL,
    TOKEN,
    Receiver,
    environment,
    push_bytes,
    receiving,
    relayed,
)
from tests.keeper.harness import Harness, staged

OWN_TOKEN, OWN_KEY = "environmentstoken", "A" * 43
MESSAGE = (
    "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oAlice]]></FromUserName>"
    "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType>"
    "<Content><![CDATA[你好 <&>]]></Content><MsgId>64</MsgId></xml>"
)


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Harness]:
    async with staged(tmp_path, keeper=LOCAL) as harness:
        harness.clock.advance(
            time.time() - harness.clock.now()
        )  # wechatpy stamps its answers by its own clock
        await harness.add_app()
        yield harness


@pytest.fixture
async def prod() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def answers(receiver: Receiver, token: str, key: str) -> None:
    """Let an environment answer as wechatpy's own examples do."""

    def answer(body: bytes) -> str:
        query = receiver.got[-1][0]
        check_signature(token, query["signature"], query["timestamp"], query["nonce"])
        if not key:
            return str(create_reply("echo: " + parse_message(body).content, parse_message(body)).render())
        crypto = WeChatCrypto(token, key, SAMPLE_APP.appid)
        plain = crypto.decrypt_message(body, query["msg_signature"], query["timestamp"], query["nonce"])
        message = parse_message(plain)
        reply = create_reply("echo: " + message.content, message).render()
        return str(crypto.encrypt_message(reply, query["nonce"], query["timestamp"]))

    receiver.answer = answer


def signature_of(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


def pushed(relay: Harness, key: str) -> tuple[bytes, dict[str, str]]:
    """A message as the platform pushes it, made by wechatpy: body and parameters."""
    stamp, nonce = str(int(relay.keeper.clock.now())), "n0nce"
    query = {"signature": signature_of(TOKEN, stamp, nonce), "timestamp": stamp, "nonce": nonce}
    if not key:
        return MESSAGE.encode(), query
    body = WeChatCrypto(TOKEN, key, SAMPLE_APP.appid).encrypt_message(MESSAGE, nonce, stamp)
    sealed = body.partition("<Encrypt><![CDATA[")[2].partition("]]>")[0]
    query |= {"encrypt_type": "aes", "msg_signature": signature_of(TOKEN, stamp, nonce, sealed)}
    return body.encode(), query


@pytest.mark.parametrize("key", ["", KEY])
@pytest.mark.parametrize(("own_token", "own_key"), [("", ""), (OWN_TOKEN, ""), (OWN_TOKEN, OWN_KEY)])
async def test_wechatpy_answers_what_wechatpy_pushed(
    relay: Harness, prod: Receiver, key: str, own_token: str, own_key: str
) -> None:
    """In clear or encrypted, with the platform's token and key or the environment's own."""
    await relayed(relay, aes_key=key)
    await environment(relay, "prod", prod, primary=True, token=own_token, aes_key=own_key)
    answers(prod, own_token or TOKEN, own_key if own_token else key)
    body, query = pushed(relay, key)
    answer = await push_bytes(relay, body, query)
    assert answer.status_code == 200, answer.text
    plain = answer.text
    if key:
        sealed = xmltodict.parse(plain)["xml"]
        crypto = WeChatCrypto(TOKEN, key, SAMPLE_APP.appid)
        plain = crypto.decrypt_message(plain, sealed["MsgSignature"], sealed["TimeStamp"], sealed["Nonce"])
    reply = xmltodict.parse(plain)["xml"]
    assert (reply["Content"], reply["ToUserName"]) == ("echo: 你好 <&>", "oAlice")
    assert len(prod.got) == 1


async def test_wechatpy_refuses_what_an_environment_with_another_token_gets(
    relay: Harness, prod: Receiver
) -> None:
    """Its failure is answered to the platform with success, and the message waits for it."""
    await relayed(relay)
    await environment(relay, "prod", prod, primary=True)
    answers(prod, "another", "")
    body, query = pushed(relay, "")
    assert (await push_bytes(relay, body, query)).text == "success"
    assert (await relay.keeper.store.waiting_copies())["prod"].count == 1
