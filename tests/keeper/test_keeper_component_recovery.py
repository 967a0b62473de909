"""A third-party platform whose process is killed between any two steps, on two nodes, and beside wechatpy's client."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from wechatpy.component import WeChatComponent

from lingpai.core.errors import LingpaiError
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.third_parties.adopting import forget, recover
from lingpai.keeper.third_parties.pushes import GRANTED, Task, accept, settle_due
from lingpai.sandbox import SAMPLE_COMPONENT
from tests.keeper.component import (
    INFO,
    MERCHANT,
    PROVIDER,
    QUERY_AUTH,
    Provided,
    provided,
)
from tests.keeper.dying import Killed, another, kill_at
from tests.keeper.harness import Harness


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with provided(tmp_path) as one:
        await one.harness.get(f"/v1/tokens/wechat_component/{PROVIDER}")
        yield one


async def is_used(harness: Harness) -> None:
    """The merchant's account has a token that the platform takes."""
    answer = await harness.get("/AccessToken/getXcx", appid=MERCHANT)
    assert answer.json["code"] == 0, answer.json
    assert await harness.upstream.lives(answer.json["data"]["access_token"])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 6))
async def test_an_authorization_outlives_its_process(
    made: Provided, tmp_path: Path, step: int, after: bool
) -> None:
    await made.harness.upstream.switch(PROVIDER, callback="")
    task = Task(GRANTED, made.harness.clock.now(), await made.authorise(), MERCHANT)
    provider = made.provider
    async with another(made, tmp_path) as dying:
        kill_at(dying, step, after=after)
        with contextlib.suppress(Killed):
            await accept(dying.keeper, provider, task)
        await dying.keeper.background.settle()
    made.harness.clock.advance(made.harness.keeper.options.lease + 1)
    await settle_due(made.harness.keeper)
    await accept(made.harness.keeper, provider, task)  # the platform repeats what was not answered
    await made.harness.keeper.background.settle()
    await is_used(made.harness)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 4))
async def test_a_renewal_outlives_its_process(made: Provided, tmp_path: Path, step: int, after: bool) -> None:
    await made.authorise()
    account = await made.adopted()
    await made.harness.upstream.switch(PROVIDER, callback="")
    async with another(made, tmp_path) as dying:
        held = await dying.keeper.store.read_credential(dying.keeper.app_of(account).key(ACCESS_TOKEN))
        assert held is not None
        assert held.current is not None
        await dying.keeper.store.end_generation(held.key, held.current.version)
        kill_at(dying, step, after=after)
        with contextlib.suppress(Killed, LingpaiError):
            await dying.keeper.credentials.fetch_once(dying.keeper.app_of(account), ACCESS_TOKEN)
    made.harness.clock.advance(made.harness.keeper.options.lease + 1)
    await is_used(made.harness)


async def test_a_refresh_token_that_was_lost_is_read_back(made: Provided) -> None:
    await made.authorise()
    await made.adopted()
    await made.harness.upstream.control("POST", "authorizations", {"account": MERCHANT, "lose": True})
    before = await made.harness.upstream.calls(INFO)
    await made.harness.pass_time(6_500, 100)
    await is_used(made.harness)
    assert await made.harness.upstream.calls(INFO) == before + 1


async def test_a_push_that_reaches_two_nodes_at_once_is_done_once(made: Provided, tmp_path: Path) -> None:
    await made.harness.upstream.switch(PROVIDER, callback="")
    task = Task(GRANTED, made.harness.clock.now(), await made.authorise(), MERCHANT)
    async with another(made, tmp_path) as other:
        await asyncio.gather(
            *(accept(each.keeper, made.provider, task) for each in (made.harness, other, made.harness, other))
        )
        for each in (made.harness, other):
            await each.keeper.background.settle()
        await is_used(other)
    assert await made.harness.upstream.calls(QUERY_AUTH) == 1


async def test_what_was_forgotten_comes_back_only_when_it_is_asked_for(made: Provided) -> None:
    await made.authorise()
    account = await made.adopted()
    assert await forget(made.harness.keeper, account)
    assert await recover(made.harness.keeper, made.provider) == []
    assert await recover(made.harness.keeper, made.provider, again=True) == [f"wechat/{MERCHANT}"]
    await is_used(made.harness)


async def test_wechatpys_client_takes_the_sandbox_for_the_platform(made: Provided) -> None:
    await made.authorise()
    await made.adopted()
    held = await made.harness.keeper.store.read_credential(made.provider.key("verify_ticket"))
    assert held is not None
    assert held.current is not None
    client = WeChatComponent(
        PROVIDER, SAMPLE_COMPONENT.secret, SAMPLE_COMPONENT.token, SAMPLE_COMPONENT.encoding_key
    )
    client.API_BASE_URL = f"{made.harness.upstream.url}/cgi-bin"
    client.session.set("component_verify_ticket", held.current.value)
    assert (await asyncio.to_thread(client.create_preauthcode))["pre_auth_code"]
    listed = await asyncio.to_thread(client.get_authorizer_list)
    assert [each["authorizer_appid"] for each in listed["list"]] == [MERCHANT]
    found = await asyncio.to_thread(client.get_authorizer_info, MERCHANT)
    refresh_token = found["authorization_info"]["authorizer_refresh_token"]
    token = await asyncio.to_thread(client.refresh_authorizer_token, MERCHANT, refresh_token)
    assert await made.harness.upstream.lives(token["authorizer_access_token"])
