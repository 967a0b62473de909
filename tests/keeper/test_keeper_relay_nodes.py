"""The relay on three nodes of both engines: a push that repeats at each of them, and logins that change nodes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from tests.helpers.postgres import database_at
from tests.keeper.environments import (
    APP,
    LOCAL,
    copying,
    environment,
    push,
    receiving,
    relayed,
    signed,
    text,
)
from tests.keeper.harness import Harness, played, upstream_of
from tests.keeper.test_keeper_relay_logins import PROD, Browser, sent_to


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
    return name


@pytest.fixture
async def nodes(engine: str, tmp_path: Path) -> AsyncIterator[list[Harness]]:
    changes = {"store": await database_at(tmp_path)} if engine == "postgresql" else {}
    clock = VirtualClock()
    with upstream_of(clock) as url:
        async with contextlib.AsyncExitStack() as opened:
            session = await opened.enter_async_context(aiohttp.ClientSession())
            yield [
                await opened.enter_async_context(
                    played(tmp_path, clock, url, session, keeper=LOCAL, **changes)
                )
                for _ in range(3)
            ]


async def test_repeats_at_every_node_reach_each_environment_once(nodes: list[Harness]) -> None:
    one = nodes[0]
    await one.add_app()
    await relayed(one)
    async with receiving() as prod, receiving() as dev, contextlib.AsyncExitStack() as running:
        await environment(one, "prod", prod, primary=True)
        await environment(one, "dev", dev)
        await environment(one, "dead", None, url="http://127.0.0.1:9/messages")
        prod.answer = lambda body: body.decode()
        for node in nodes:
            await running.enter_async_context(copying(node))
        query = signed(one)
        messages = [text(str(number)) for number in range(15)]
        answers = await asyncio.gather(
            *(push(node, fields, query=query) for fields in messages for node in nodes * 2)
        )
        assert {each.status_code for each in answers} == {200}
        for number in range(0, len(answers), 6):
            assert len({each.content for each in answers[number : number + 6]}) == 1
        one.clock.advance(5)  # on PostgreSQL each node has read the database's time at another moment
        await dev.until(15)
        assert sorted(dev.contents, key=int) == sorted(prod.contents, key=int) == [str(n) for n in range(15)]


async def test_a_login_changes_nodes(nodes: list[Harness]) -> None:
    one, two, three = nodes
    await one.add_app()
    await environment(one, "prod", redirect_uris=(PROD,))
    browser = Browser(one)
    state = await browser.begin(PROD, "mine")
    browser.harness = two
    assert sent_to(await browser.finish(state, "c1")) == (PROD, [("code", "c1"), ("state", "mine")])
    browser.harness = three
    assert (await browser.finish(state, "c2")).status_code == 403
    assert (await browser.finish(state, "c1")).status_code == 303
    assert APP in (await two.get("/metrics")).text
