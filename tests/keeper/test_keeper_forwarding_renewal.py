"""A thousand callers whose calls are forwarded while the token is renewed, and while it dies."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.records import RIGHTS
from lingpai.keeper.renewal import renew_due
from lingpai.sandbox import SAMPLE_APP
from tests.keeper.stage import PROBE, STABLE, Stage, staged

CALLERS = 1000
USERS = "/cgi-bin/user/get"


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[tuple[Stage, list[str]]]:
    """A stage, and the phantom token of each caller. No call waits so long for its turn that it is refused."""
    async with staged(tmp_path, forward={"queue": 110}) as stage:
        await stage.add_app()
        keys = await asyncio.gather(
            *(
                stage.add_caller(f"c{number}", rights=(*RIGHTS, "forward"), hand_out="phantom")
                for number in range(CALLERS)
            )
        )
        yield stage, await asyncio.gather(*(_phantom(stage, key) for key in keys))


async def _phantom(stage: Stage, key: str) -> str:
    fields = {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": key}
    return str((await stage.get("/cgi-bin/token", **fields)).json["access_token"])


async def _users(stage: Stage, phantom: str) -> int:
    """Return the error number of one forwarded call, each on a connection of its own; 0 for an answer."""
    answer = await stage.get(USERS, access_token=phantom)
    assert answer.status_code == 200
    return int(answer.json.get("errcode", 0))


async def test_a_renewal_costs_one_fetch_and_no_caller_an_error(crowd: tuple[Stage, list[str]]) -> None:
    stage, phantoms = crowd
    assert len(set(phantoms)) == CALLERS
    before = (await stage.held()).version
    await stage.fall_due()
    calls = [asyncio.create_task(_users(stage, each)) for each in phantoms]
    await calls[0]  # the others are under way
    await renew_due(stage.keeper)
    assert await asyncio.gather(*calls) == [0] * CALLERS
    assert (await stage.held()).version == before + 1
    assert await stage.upstream.calls(USERS) == CALLERS
    assert await stage.upstream.calls(STABLE) == 2  # the first one, and the renewal


async def test_a_dead_token_costs_one_question_one_fetch_and_no_caller_an_error(
    crowd: tuple[Stage, list[str]],
) -> None:
    stage, phantoms = crowd
    current = (await stage.held()).current
    assert current is not None
    await stage.upstream.kill(current.value)
    assert await asyncio.gather(*(_users(stage, each) for each in phantoms)) == [0] * CALLERS
    assert await stage.upstream.calls(PROBE) == 1
    assert await stage.upstream.calls(STABLE) == 2
