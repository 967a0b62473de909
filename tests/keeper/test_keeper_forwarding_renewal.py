"""A thousand callers whose calls are forwarded while the token is renewed, and while it dies."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.records import RIGHTS
from lingpai.keeper.renewal import renew_due
from lingpai.sandbox import SAMPLE_APP
from tests.keeper.harness import PROBE, STABLE, Harness, staged

CALLERS = 1000
USERS = "/cgi-bin/user/get"


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[tuple[Harness, list[str]]]:
    """A harness, and the phantom token of each caller. No call waits so long for its turn that it is refused."""
    async with staged(tmp_path, forward={"queue": 110}) as harness:
        await harness.add_app()
        keys = await asyncio.gather(
            *(
                harness.add_caller(f"c{number}", rights=(*RIGHTS, "forward"), hand_out="phantom")
                for number in range(CALLERS)
            )
        )
        yield harness, await asyncio.gather(*(_phantom(harness, key) for key in keys))


async def _phantom(harness: Harness, key: str) -> str:
    fields = {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": key}
    return str((await harness.get("/cgi-bin/token", **fields)).json["access_token"])


async def _users(harness: Harness, phantom: str) -> int:
    """Return the error number of one forwarded call, each on a connection of its own; 0 for an answer."""
    answer = await harness.get(USERS, access_token=phantom)
    assert answer.status_code == 200
    return int(answer.json.get("errcode", 0))


async def test_a_renewal_costs_one_fetch_and_no_caller_an_error(crowd: tuple[Harness, list[str]]) -> None:
    harness, phantoms = crowd
    assert len(set(phantoms)) == CALLERS
    before = (await harness.held()).version
    await harness.fall_due()
    calls = [asyncio.create_task(_users(harness, each)) for each in phantoms]
    await calls[0]  # the others are under way
    await renew_due(harness.keeper)
    assert await asyncio.gather(*calls) == [0] * CALLERS
    assert (await harness.held()).version == before + 1
    assert await harness.upstream.calls(USERS) == CALLERS
    assert await harness.upstream.calls(STABLE) == 2  # the first one, and the renewal


async def test_a_dead_token_costs_one_question_one_fetch_and_no_caller_an_error(
    crowd: tuple[Harness, list[str]],
) -> None:
    harness, phantoms = crowd
    current = (await harness.held()).current
    assert current is not None
    await harness.upstream.kill(current.value)
    assert await asyncio.gather(*(_users(harness, each) for each in phantoms)) == [0] * CALLERS
    assert await harness.upstream.calls(PROBE) == 1
    assert await harness.upstream.calls(STABLE) == 2
