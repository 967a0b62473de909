"""A third-party app of WeCom whose process is killed between any two steps, and on two nodes of both engines."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.keeper.third_parties.pushes import DONE, FAILED, GRANTED, Task, accept, settle_due
from tests.helpers.postgres import database_at
from tests.keeper.component import Provided
from tests.keeper.dying import Killed, another, kill_at
from tests.keeper.harness import Harness
from tests.keeper.suite import CORP, NAME, PERMANENT_CODE, SUITE, installed, pass_a_life, token_of

EXCHANGED, STORED = 2, 4
"""The change before which the platform has answered, and the number of all changes."""


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Provided]:
    async with installed(tmp_path) as one:
        await one.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")
        yield one


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
    return name


@pytest.fixture
async def changes(engine: str, tmp_path: Path) -> dict[str, Any]:
    """The settings of the engine."""
    return {"store": await database_at(tmp_path)} if engine == "postgresql" else {}


async def granted(made: Provided) -> Task:
    """A corp has authorised, which was pushed to nobody."""
    await made.harness.upstream.switch(SUITE, callback="")
    return Task(GRANTED, made.harness.clock.now(), await made.authorise(CORP))


async def again(made: Provided, task: Task) -> str:
    """What came of it after a lease's time, when the leader took it up and the platform repeated it."""
    keeper = made.harness.keeper
    made.harness.clock.advance(keeper.options.lease + 1)
    await settle_due(keeper)
    push = await accept(keeper, made.provider, task)
    await keeper.background.settle()
    settled = await keeper.store.find_push(push.digest)
    assert settled is not None
    return settled.outcome


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, STORED + 1))
async def test_an_authorization_outlives_its_process(
    made: Provided, tmp_path: Path, step: int, after: bool
) -> None:
    task = await granted(made)
    async with another(made, tmp_path) as dying:
        kill_at(dying, step, after=after)
        with contextlib.suppress(Killed):
            await accept(dying.keeper, made.provider, task)
        await dying.keeper.background.settle()
    outcome = await again(made, task)
    if (step, after) == (EXCHANGED, False):
        # The platform gave its answer once, and nobody has it: the corp authorises again.
        assert outcome.startswith(FAILED)
        assert await made.account(CORP) is None
        task = Task(GRANTED, made.harness.clock.now(), await made.authorise(CORP))
        outcome = await again(made, task)
    assert outcome == f"{DONE} {NAME}"
    assert await made.harness.upstream.lives(await token_of(made))


async def test_a_code_that_nobody_has_stored_comes_back_when_it_is_reset(
    made: Provided, tmp_path: Path
) -> None:
    task = await granted(made)
    async with another(made, tmp_path) as dying:
        kill_at(dying, EXCHANGED, after=False)
        with contextlib.suppress(Killed):
            await accept(dying.keeper, made.provider, task)
        await dying.keeper.background.settle()
    assert (await again(made, task)).startswith(FAILED)
    await made.harness.upstream.switch(SUITE, callback=made.url + made.callback)
    await made.authorise(CORP, lose=True)
    await made.adopted(CORP)
    assert await made.harness.upstream.lives(await token_of(made))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 3))
async def test_a_renewal_outlives_its_process(made: Provided, tmp_path: Path, step: int, after: bool) -> None:
    await made.authorise(CORP)
    account = await made.adopted(CORP)
    await pass_a_life(made)
    await made.harness.get(f"/v1/tokens/wecom_suite/{SUITE}")
    async with another(made, tmp_path) as dying:
        kill_at(dying, step, after=after)
        with contextlib.suppress(Killed):
            await dying.keeper.credentials.get_or_fetch(dying.keeper.app_of(account), ACCESS_TOKEN)
        await dying.keeper.background.settle()
    made.harness.clock.advance(made.harness.keeper.options.lease + 1)
    assert await made.harness.upstream.lives(await token_of(made))


async def test_two_nodes_do_one_push_once(tmp_path: Path, changes: dict[str, Any]) -> None:
    clock = VirtualClock(time.time())  # a PostgreSQL server has no virtual time
    async with (
        installed(tmp_path, clock=clock, **changes) as made,
        another(made, tmp_path, **changes) as other,
    ):
        task = await granted(made)
        nodes = (made.harness, other, made.harness, other)
        await asyncio.gather(*(accept(each.keeper, made.provider, task) for each in nodes))
        for each in (made.harness, other):
            await each.keeper.background.settle()
        assert await made.harness.upstream.calls(PERMANENT_CODE) == 1
        assert await token_at(other) == await token_of(made)


async def test_a_ticket_that_one_node_took_serves_the_other(tmp_path: Path, changes: dict[str, Any]) -> None:
    clock = VirtualClock(time.time())  # a PostgreSQL server has no virtual time
    async with (
        installed(tmp_path, clock=clock, **changes) as made,
        another(made, tmp_path, **changes) as other,
    ):
        await made.authorise(CORP)
        await made.adopted(CORP)
        first = await token_of(made)
        await pass_a_life(made)
        second = await token_at(other)
        assert second != first
        assert await token_of(made) == second
        await asyncio.gather(renew_due(made.harness.keeper), renew_due(other.keeper))
        assert await token_at(other) == await token_of(made)


async def token_at(node: Harness) -> str:
    """The corp's token as a node gives it."""
    answer = await node.get(f"/v1/tokens/wecom/{CORP}", label=SUITE)
    assert answer.status_code == 200, answer.json
    return str(answer.json["value"])
