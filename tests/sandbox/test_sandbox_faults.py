import asyncio
import io
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI, SandboxOptions
from tests.helpers.platforms import Json, credentials
from tests.helpers.sandbox import running_sandbox

TOKEN = "/cgi-bin/token"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_sandbox(SandboxOptions(hang_limit=20, huge_bytes=1_000_000)) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(url) as client:
        await client.delete("/_sandbox/faults")
        await client.delete("/_sandbox/calls")
        yield client


async def fault(client: aiohttp.ClientSession, kind: str, **more: Any) -> None:
    async with client.post("/_sandbox/faults", json={"path": TOKEN, "fault": kind} | more) as answer:
        assert answer.status == 200


async def fetch(client: aiohttp.ClientSession, **options: Any) -> Json:
    async with client.get(TOKEN, params=credentials(), **options) as answer:
        assert answer.status == 200
        fetched: Json = await answer.json()
        return fetched


async def calls(client: aiohttp.ClientSession) -> int:
    async with client.get("/_sandbox/calls", params={"path": TOKEN}) as answer:
        return int((await answer.json())["total"])


async def live(client: aiohttp.ClientSession, token: str) -> bool:
    async with client.get("/_sandbox/valid", params={"access_token": token}) as answer:
        return bool((await answer.json())["valid"])


@pytest.mark.parametrize("kind", ["reset", "drop"])
async def test_the_connection_breaks(client: aiohttp.ClientSession, kind: str) -> None:
    await fault(client, kind)
    with pytest.raises(aiohttp.ClientError):
        async with client.post(TOKEN, params=credentials()) as answer:
            await answer.read()
    assert await calls(client) == 1
    assert "access_token" in await fetch(client)


async def test_a_client_that_asks_again_by_itself_is_counted_twice(client: aiohttp.ClientSession) -> None:
    await fault(client, "drop")
    assert "access_token" in await fetch(
        client
    )  # aiohttp repeats a GET whose connection broke before any answer
    assert await calls(client) == 2


async def test_no_client_asks_again_after_a_reset(client: aiohttp.ClientSession) -> None:
    await fetch(client)
    await fault(client, "reset")
    with pytest.raises(aiohttp.ClientError):
        await fetch(client)
    assert await calls(client) == 2


async def test_a_timeout_lasts_as_long_as_the_client_waits(client: aiohttp.ClientSession) -> None:
    await fault(client, "timeout")
    began = time.monotonic()
    with pytest.raises(asyncio.TimeoutError):
        await fetch(client, timeout=aiohttp.ClientTimeout(total=0.3))
    assert 0.25 < time.monotonic() - began < 5


async def test_a_timeout_is_bounded(client: aiohttp.ClientSession) -> None:
    async with client.post("/_sandbox/options", json={"hang_limit": 0.2}) as answer:
        assert answer.status == 200
    await fault(client, "timeout")
    with pytest.raises(aiohttp.ClientError):
        await fetch(client, timeout=aiohttp.ClientTimeout(total=10))
    async with client.post("/_sandbox/options", json={"hang_limit": 20}) as answer:
        assert answer.status == 200


async def test_answers_that_are_none(client: aiohttp.ClientSession) -> None:
    expected = {
        "http500": (500, "text/plain"),
        "html": (200, "text/html"),
        "empty": (200, "application/json"),
    }
    for kind, (status, content_type) in expected.items():
        await fault(client, kind)
        async with client.get(TOKEN, params=credentials()) as answer:
            assert (answer.status, answer.content_type) == (status, content_type)
            assert "access_token" not in await answer.text()
    assert "access_token" in await fetch(client)


async def test_an_errcode_of_choice(client: aiohttp.ClientSession) -> None:
    await fault(client, "errcode:-1", times=2)
    assert [(await fetch(client)).get("errcode") for _ in range(3)] == [-1, -1, None]


async def test_a_slow_answer(client: aiohttp.ClientSession) -> None:
    await fault(client, "slow:0.3")
    began = time.monotonic()
    assert "access_token" in await fetch(client)
    assert time.monotonic() - began >= 0.3


async def test_a_huge_answer_and_one_without_a_lifetime(client: aiohttp.ClientSession) -> None:
    await fault(client, "huge")
    async with client.get(TOKEN, params=credentials()) as answer:
        assert answer.content_length == len(await answer.read()) == 1_000_000
        assert len((await answer.json())["access_token"]) > 999_000
    await fault(client, "no_expires_in")
    assert list(await fetch(client)) == ["access_token"]


async def test_a_redirect(client: aiohttp.ClientSession) -> None:
    await fault(client, "redirect")
    async with client.get(TOKEN, params=credentials(), allow_redirects=False) as answer:
        assert answer.status == 302
        assert answer.headers["Location"].endswith("/redirected")


async def test_only_the_named_account_meets_a_fault(client: aiohttp.ClientSession) -> None:
    await fault(client, "errcode:50002", account=SAMPLE_MINI.appid)
    assert "access_token" in await fetch(client)
    other = credentials() | {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret}
    async with client.get(TOKEN, params=other) as answer:
        assert (await answer.json())["errcode"] == 50002


@pytest.mark.parametrize("kind", ["reset", "http500", "html", "empty", "errcode:-1"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_call_takes_effect_only_when_its_answer_is_lost_after(
    client: aiohttp.ClientSession, kind: str, after: bool
) -> None:
    first, second = (await fetch(client))["access_token"], (await fetch(client))["access_token"]
    assert await live(client, first)
    await fault(client, kind, after=after)
    try:
        async with client.get(TOKEN, params=credentials()) as answer:
            await answer.read()
    except aiohttp.ClientError:
        pass
    # A third token ends the first one at once.
    assert (await live(client, first), await live(client, second)) == (not after, True)


async def test_a_lost_answer_has_used_the_code_up(client: aiohttp.ClientSession) -> None:
    async with client.post("/_sandbox/codes", json={"appid": SAMPLE_APP.appid}) as answer:
        code = (await answer.json())["code"]
    path = "/sns/oauth2/access_token"
    await fault(client, "reset", path=path, after=True)
    query = credentials() | {"grant_type": "authorization_code", "code": code}
    with pytest.raises(aiohttp.ClientError):
        async with client.get(path, params=query) as answer:
            await answer.read()
    async with client.get(path, params=query) as answer:
        assert (await answer.json())["errcode"] == 40163


async def test_an_oversized_body_is_refused_as_a_platform_does(client: aiohttp.ClientSession) -> None:
    body = io.BytesIO(b" " * (32 * 2**20 + 1))
    async with client.post("/cgi-bin/stable_token", data=body) as answer:
        assert (answer.status, (await answer.json())["errcode"]) == (200, 45002)
