"""500 callers at once, and nothing is held yet: one upstream fetch, one token for all (threat K85)."""

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.strength.harness import APP, STABLE, XCX, Harness, open_harness
from tests.strength.services import Json, ending

CALLERS = 500
SLOWLY = 0.5
"""Seconds that the upstream takes, so that the calls do meet."""

LAYOUTS = {"four services": (4, 1), "one service of four workers": (1, 4)}


@pytest.mark.parametrize("tick", [0.05, 3600], ids=["background at it too", "callers alone"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.threat("K85")
def test_parallel_first_calls_fetch_once(own_folder: Path, store: str, layout: str, tick: float) -> None:
    processes, workers = LAYOUTS[layout]
    with open_harness(own_folder, store=store) as harness:
        services = [harness.serve(workers=workers, KEEPER__TICK=tick) for _ in range(processes)]
        with ending(*services):
            urls = [service.url for service in services]
            harness.fault(f"slow:{SLOWLY}", STABLE, times=CALLERS)
            answers = asyncio.run(_at_once(harness, urls))
            assert {answer["code"] for answer in answers} == {0}
            assert len({answer["data"]["access_token"] for answer in answers}) == 1
            assert len(answers) == CALLERS
            assert harness.calls() == 1
            assert [service.stop() for service in services] == [0] * processes


async def _at_once(harness: Harness, urls: list[str]) -> list[Json]:
    barrier = asyncio.Barrier(CALLERS + 1)
    callers = [asyncio.create_task(_call(urls[number % len(urls)], barrier)) for number in range(CALLERS)]
    while barrier.n_waiting < CALLERS:  # noqa: ASYNC110  a barrier tells nobody how many wait
        await asyncio.sleep(0.01)
    await asyncio.to_thread(harness.add, APP)
    await barrier.wait()
    return await asyncio.gather(*callers)


async def _call(url: str, barrier: asyncio.Barrier) -> Json:
    at = urlsplit(url)
    reader, writer = await asyncio.open_connection(at.hostname, at.port)
    await barrier.wait()
    writer.write(f"GET {XCX} HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    await writer.wait_closed()
    found: Json = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found
