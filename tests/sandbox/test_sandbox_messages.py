"""Messages that the sandbox pushes to a service, as the platforms do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.message_crypto import MessageCipher, is_signed
from lingpai.core.message_fields import read_fields
from lingpai.sandbox import SAMPLE_APP
from tests.helpers.platforms import Platforms
from tests.keeper.environments import KEY, LOCAL, MESSAGES, TOKEN, environment, receiving, relayed
from tests.keeper.harness import staged
from tests.keeper.test_keeper_relay_messages import nobody_waits


async def pushed(harness: Any, count: int) -> list[Any]:
    """The attempts, once there are so many and none is on its way."""
    async with asyncio.timeout(20):
        while True:
            found = await harness.upstream.control("GET", "messages")
            if len(found["pushed"]) >= count and not found["running"]:
                attempts: list[Any] = found["pushed"]
                return attempts
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("key", ["", KEY])
async def test_a_message_is_signed_encrypted_and_repeated(tmp_path: Path, key: str) -> None:
    async with staged(tmp_path) as harness, receiving() as service:
        wanted = {
            "account": SAMPLE_APP.appid,
            "url": service.url,
            "token": TOKEN,
            "aes_key": key,
            "repeats": 2,
        }
        await harness.upstream.control("POST", "messages", wanted)
        attempts = await pushed(harness, 3)
        assert len({each["id"] for each in attempts}) == 1
        assert [each["answer"] for each in attempts] == ["success"] * 3
        for query, came in service.got:
            body = came
            parts = (TOKEN, query["timestamp"], query["nonce"])
            assert is_signed(query["signature"], *parts)
            if key:
                sealed = read_fields(body)["Encrypt"]
                assert is_signed(query["msg_signature"], *parts, sealed)
                body, _ = MessageCipher(key).decrypt(sealed)
            assert read_fields(body)["MsgId"] == attempts[0]["id"]


async def test_what_nobody_answers_is_pushed_three_times(tmp_path: Path) -> None:
    async with staged(tmp_path) as harness:
        wanted = {"account": SAMPLE_APP.appid, "url": "http://127.0.0.1:9/", "token": TOKEN}
        await harness.upstream.control("POST", "messages", wanted)
        assert [each["status"] for each in await pushed(harness, 3)] == [0, 0, 0]


async def test_the_relay_takes_what_the_sandbox_pushes(tmp_path: Path) -> None:
    """The sandbox's storm, repeated, by HTTP: each environment gets each message once."""
    from lingpai.edge.listening import bind, url_of
    from lingpai.edge.server import Listener, Serving

    async with staged(tmp_path, keeper=LOCAL) as harness, receiving() as prod:
        await harness.add_app()
        await relayed(harness, aes_key=KEY)
        await environment(harness, "prod", prod, primary=True)
        with bind("127.0.0.1", 0) as bound:
            serving, ready = Serving([Listener(harness.app, [bound])]), asyncio.Event()
            running = asyncio.create_task(serving.run(ready.set))
            await ready.wait()
            url = url_of(bound) + MESSAGES
            wanted = {"account": SAMPLE_APP.appid, "url": url, "token": TOKEN, "aes_key": KEY}
            await harness.upstream.control("POST", "messages", {**wanted, "count": 20, "repeats": 2})
            attempts = await pushed(harness, 60)
            assert {each["answer"] for each in attempts} == {"success"}
            await nobody_waits(harness)
            assert len(prod.got) == 20
            serving.stop()
            await running


@pytest.mark.parametrize(
    "wrong",
    [{"account": "x"}, {"url": "ftp://a"}, {"count": 0}, {"repeats": 9}, {"aes_key": "x"}, {"token": 1}],
)
def test_what_cannot_be_pushed_is_refused(platforms: Platforms, wrong: dict[str, Any]) -> None:
    wanted = {"account": SAMPLE_APP.appid, "url": "http://127.0.0.1:9/", "token": TOKEN, **wrong}
    assert platforms.raw("POST", "/_sandbox/messages", json=wanted).status_code == 400


def test_the_page_that_asks_who_logs_in(platforms: Platforms) -> None:
    back = "https://login.example/return?a=1"
    query = {"appid": SAMPLE_APP.appid, "redirect_uri": back, "scope": "snsapi_login", "state": "s<1"}
    page = platforms.raw("GET", "/connect/qrconnect", query=query)
    assert page.status_code == 200
    assert "login.example" in page.text
    assert "s<1" not in page.text
    agreed = platforms.raw("GET", "/connect/qrconnect", query={**query, "user": "bob"}).headers["location"]
    assert agreed.startswith("https://login.example/return?a=1&code=")
    refused = platforms.raw("GET", "/connect/qrconnect", query={**query, "user": ""}).headers["location"]
    assert refused == "https://login.example/return?a=1&state=s%3C1"
    for wrong in ("javascript:alert(1)", "", "https:///x"):
        assert (
            platforms.raw("GET", "/connect/qrconnect", query={**query, "redirect_uri": wrong}).status_code
            == 400
        )
