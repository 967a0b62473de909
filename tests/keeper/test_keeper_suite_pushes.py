"""Pushes to a third-party app of WeCom: wechatpy's enterprise crypto as judge of both ways, events in any order."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from wechatpy.enterprise.crypto import WeChatCrypto

from lingpai.core.message_crypto import MessageCipher, signature
from lingpai.core.message_fields import read_fields, write_fields
from lingpai.sandbox import SAMPLE_SUITE
from tests.keeper.component import Provided
from tests.keeper.suite import (
    CORP,
    NAME,
    PERMANENT_CODE,
    SUITE,
    installed,
    pass_a_life,
    suite_account,
    token_of,
)

KEY, TOKEN, PROVIDER = SAMPLE_SUITE.encoding_key, SAMPLE_SUITE.token, SAMPLE_SUITE.corpid
NONCE = "n0nce"


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with installed(tmp_path) as one:
        yield one


def inner(made: Provided, event: str, at: float | None = None, **members: str) -> str:
    when = str(int(made.harness.clock.now() if at is None else at))
    return write_fields({"SuiteId": SUITE, "InfoType": event, "TimeStamp": when, **members}).decode()


async def send(made: Provided, message: str, *, receiver: str = SUITE, path: str = "") -> Any:
    """The answer to a push that wechatpy encrypts and signs."""
    timestamp = str(int(made.harness.clock.now()))
    body = WeChatCrypto(TOKEN, KEY, receiver).encrypt_message(message, NONCE, timestamp)
    signed = read_fields(body.encode())["MsgSignature"]
    sent = {"msg_signature": signed, "timestamp": timestamp, "nonce": NONCE}
    return await made.harness.client.ask("POST", path or made.callback, params=sent, body=body)


async def ask(made: Provided, receiver: str, path: str = "") -> Any:
    """The answer to the question whether the callback is right, encrypted for a receiver."""
    timestamp = str(int(made.harness.clock.now()))
    echostr = MessageCipher(KEY).encrypt(b"1616140317555161061", receiver)
    signed = signature(TOKEN, timestamp, NONCE, echostr)
    return await made.harness.get(
        path or made.callback, msg_signature=signed, timestamp=timestamp, nonce=NONCE, echostr=echostr
    )


async def ticket_of(made: Provided) -> str:
    held = await made.harness.keeper.store.read_credential(made.provider.key("suite_ticket"))
    assert held is not None
    assert held.current is not None
    return held.current.value


async def permanent_code_of(made: Provided) -> str:
    account = await made.account(CORP)
    assert account is not None
    return account.secret


async def test_what_wechatpy_pushes_is_taken_and_answered_with_success(made: Provided) -> None:
    answer = await send(made, inner(made, "suite_ticket", SuiteTicket="t-1"))
    assert (answer.status_code, answer.text) == (200, "success")
    assert await ticket_of(made) == "t-1"


def test_what_the_sandbox_encrypts_is_read_by_wechatpy() -> None:
    message = write_fields(
        {"SuiteId": SUITE, "InfoType": "suite_ticket", "SuiteTicket": "t", "TimeStamp": "1"}
    )
    encrypted = MessageCipher(KEY).encrypt(message, SUITE)
    timestamp = str(int(time.time()))
    signed = signature(TOKEN, timestamp, NONCE, encrypted)
    crypto = WeChatCrypto(TOKEN, KEY, SUITE)
    body = write_fields({"ToUserName": SUITE, "Encrypt": encrypted})
    assert crypto.decrypt_message(body, signed, timestamp, NONCE) == message.decode()
    assert crypto.check_signature(signed, timestamp, NONCE, encrypted) == message.decode()


@pytest.mark.parametrize("receiver", [SUITE, PROVIDER])
async def test_the_platforms_question_is_answered_for_suite_and_provider(
    made: Provided, receiver: str
) -> None:
    answer = await ask(made, receiver)
    assert (answer.status_code, answer.text) == (200, "1616140317555161061")


async def test_so_does_the_sandbox_ask(made: Provided) -> None:
    assert await made.push("echostr") == [{"status": 200, "answer": "success"}]
    assert [each["status"] for each in await made.push("echostr", fault="key")] == [403]


@pytest.mark.parametrize("receiver", ["", CORP, "ww0000000000000000"])
async def test_what_is_for_another_receiver_is_refused(made: Provided, receiver: str) -> None:
    before = await ticket_of(made)
    answer = await send(made, inner(made, "suite_ticket", SuiteTicket="x"), receiver=receiver)
    assert (answer.status_code, answer.json["error"]) == (403, "not_allowed")
    assert (await ask(made, receiver)).status_code == 403
    assert await ticket_of(made) == before


async def test_what_is_about_a_corp_is_for_that_corp(made: Provided) -> None:
    about = f"{made.callback}/{CORP}"
    message = write_fields({"ToUserName": CORP, "MsgType": "text", "Content": "hello"}).decode()
    assert (await send(made, message, receiver=CORP, path=about)).text == "success"
    assert (await ask(made, CORP, about)).text == "1616140317555161061"
    assert (await send(made, message, receiver="ww0000000000000000", path=about)).status_code == 403
    assert (await ask(made, "ww0000000000000000", about)).status_code == 403


@pytest.mark.parametrize("fault", ["key", "token", "receiver", "stale"])
async def test_spoilt_pushes_of_the_sandbox_leave_nothing(made: Provided, fault: str) -> None:
    before = await ticket_of(made)
    assert [each["status"] for each in await made.push(fault=fault)] == [403]
    assert await ticket_of(made) == before


async def test_other_events_are_answered_and_left(made: Provided) -> None:
    for event in ("change_contact", "share_agent_change", "change_auth", "create_auth", "cancel_auth"):
        assert (await send(made, inner(made, event))).text == "success"
    assert await made.account(CORP) is None


async def test_one_authorization_that_is_pushed_often_is_one(made: Provided) -> None:
    code = await made.authorise(CORP)
    await made.adopted(CORP)
    again = inner(made, "create_auth", AuthCode=code)
    answers = await asyncio.gather(*(send(made, again) for _ in range(5)))
    assert {each.text for each in answers} == {"success"}
    assert await made.harness.upstream.calls(PERMANENT_CODE) == 1


async def test_a_change_is_read_from_the_platform(made: Provided) -> None:
    await made.authorise(CORP)
    await made.adopted(CORP)
    await made.harness.upstream.switch(CORP, name="Renamed corp")
    assert (await send(made, inner(made, "change_auth", AuthCorpId=CORP))).text == "success"
    await made.harness.keeper.background.settle()
    account = await made.account(CORP)
    assert account is not None
    assert account.via is not None
    assert (account.via.name, account.via.rights) == ("Renamed corp", (1_000_101,))


async def test_a_corp_that_leaves_is_gone_and_may_come_back(made: Provided) -> None:
    await made.authorise(CORP)
    account = await made.adopted(CORP)
    key = made.harness.keeper.app_of(account).key("access_token")
    made.harness.clock.advance(1)
    await made.withdraw(CORP)

    async def gone() -> bool:
        return await made.account(CORP) is None

    await made.until(gone)
    assert await made.harness.keeper.store.read_credential(key) is None
    made.harness.clock.advance(1)
    await made.authorise(CORP)
    await made.adopted(CORP)
    assert await permanent_code_of(made) != account.secret
    assert await made.harness.upstream.lives(await token_of(made))


async def test_a_withdrawal_that_comes_after_the_next_authorization_counts_no_more(made: Provided) -> None:
    left_at = made.harness.clock.now()
    made.harness.clock.advance(5)
    await made.authorise(CORP)
    await made.adopted(CORP)
    assert (await send(made, inner(made, "cancel_auth", left_at, AuthCorpId=CORP))).text == "success"
    await made.harness.keeper.background.settle()
    assert await made.account(CORP) is not None


async def test_a_permanent_code_that_is_reset_is_replaced(made: Provided) -> None:
    await made.authorise(CORP)
    before = (await made.adopted(CORP)).secret
    await made.authorise(CORP, lose=True)

    async def is_replaced() -> bool:
        return await permanent_code_of(made) != before

    await made.until(is_replaced)
    await pass_a_life(made)
    assert await made.harness.upstream.lives(await token_of(made))


async def test_a_code_that_is_none_any_more_is_the_corps_trouble_and_leaves_its_account(
    made: Provided,
) -> None:
    await made.authorise(CORP)
    account = await made.adopted(CORP)
    reset = msgspec.structs.replace(account, secret="reset, and the push was lost")
    assert await made.harness.keeper.store.replace_account(account, reset)
    answer = await made.harness.get(f"/v1/tokens/wecom/{CORP}", label=SUITE)
    assert (answer.status_code, answer.json["code"]) == (424, 40084), answer.json
    assert await made.account(CORP) == reset


async def test_an_account_of_our_own_of_that_name_is_not_replaced(made: Provided) -> None:
    own = suite_account().secret
    await made.harness.keeper.store.save_account(
        made.configured.__class__(platform="wecom", account=CORP, label=SUITE, secret=own)
    )
    await made.authorise(CORP)
    await made.harness.keeper.background.settle()
    await asyncio.sleep(0)
    found = await made.harness.keeper.store.find_accounts("wecom", CORP)
    assert [(each.name, each.secret) for each in found] == [(NAME, own)]
