"""One upstream fetch for any number of callers and processes (threats K85, K86)."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from lingpai.core.clock import SystemClock
from lingpai.core.errors import LingpaiError
from lingpai.core.records import Account
from lingpai.keeper.app import App
from lingpai.keeper.generations import current_of
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI
from lingpai.service import open_keeper
from tests.helpers.postgres import database_at
from tests.keeper.harness import (
    APP,
    CLASSIC,
    GETTOKEN,
    HELD,
    OAUTH,
    PROBE,
    STABLE,
    TICKET,
    XCX,
    Harness,
    Upstream,
    data_of,
    played,
    settings_of,
    upstream_of,
)

ROOT = Path(__file__).parents[2]
PROCESSES = 4
EACH = 125
ASLEEP = 1.5
"""Seconds that a sleeper's fetch takes; whoever takes over is done long before, however busy the machine is."""


@pytest.fixture(params=["sqlite", "postgresql"], autouse=True)
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every race on both engines; processes of the test's own inherit which."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres_place")
        monkeypatch.setenv("LINGPAI_STORE", asyncio.run(database_at(tmp_path)))


class Racers:
    """Processes that all wait for the same word."""

    def __init__(self, processes: list[asyncio.subprocess.Process], log: Path) -> None:
        self._processes = processes
        self._log = log

    async def race(self, account: str, what: str, value: str = "", platform: str = "wechat") -> set[str]:
        """Everything distinct that came of `EACH` requests of every process."""
        order = {"platform": platform, "account": account, "what": what, "value": value, "times": EACH}
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(json.dumps(order).encode() + b"\n")
        lines = [await process.stdout.readline() for process in self._processes if process.stdout]
        assert all(lines), self._log.read_text("utf-8")[-8000:]
        return {each for line in lines for each in json.loads(line)}


@contextlib.asynccontextmanager
async def racers(data: Path, url: str) -> AsyncIterator[Racers]:
    """Racers that have opened the service's data and are ready."""
    log_file = data.parent / "racers.log"
    with log_file.open("wb") as log:
        processes = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.keeper.racer", str(data), url),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
            )
            for _ in range(PROCESSES)
        ]
        try:
            for process in processes:
                assert process.stdout is not None
                assert await process.stdout.readline() == b"ready\n"
            yield Racers(processes, log_file)
        finally:
            for process in processes:
                assert process.stdin is not None
                process.stdin.close()
            for process in processes:
                await process.wait()


@pytest.mark.threat("K85")
async def test_four_processes_with_125_callers_each_make_one_fetch(tmp_path: Path) -> None:
    clock = SystemClock()
    with upstream_of(clock) as url:
        async with (
            aiohttp.ClientSession() as session,
            open_keeper(settings_of(tmp_path / "data", url), clock) as keeper,
            racers(tmp_path / "data", url) as runners,
        ):
            upstream = Upstream(url, session)
            for account in (
                Account(platform="wechat", account=SAMPLE_APP.appid, secret=SAMPLE_APP.secret),
                Account(
                    platform="wechat", account=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret, mode="classic"
                ),
                Account(platform="wecom", account=SAMPLE_CORP.corpid, secret=SAMPLE_CORP.agents[0].secret),
            ):
                await keeper.store.save_account(account)
            await upstream.fault("*", "slow:0.05", 1000)

            (token,) = await runners.race(SAMPLE_APP.appid, ACCESS_TOKEN)
            assert await upstream.lives(token)
            assert await upstream.calls(STABLE) == 1
            assert len(await runners.race(SAMPLE_MINI.appid, ACCESS_TOKEN)) == 1
            assert await upstream.calls(CLASSIC) == 1
            assert len(await runners.race(SAMPLE_CORP.corpid, ACCESS_TOKEN, platform="wecom")) == 1
            assert await upstream.calls(GETTOKEN) == 1
            assert len(await runners.race(SAMPLE_APP.appid, "jsapi_ticket")) == 1
            assert await upstream.calls(TICKET) == 1

            code = (await upstream.code(SAMPLE_APP.appid))["code"]
            assert len(await runners.race(SAMPLE_APP.appid, "exchange", code)) == 1
            assert await upstream.calls(OAUTH) == 1

            await upstream.kill(token)
            outcomes = await runners.race(SAMPLE_APP.appid, "report", token)
            assert "renewed" in outcomes
            assert outcomes <= {"renewed", "checked", "old"}
            assert await upstream.calls(PROBE) == 1
            assert await upstream.calls(STABLE) == 2
            (renewed,) = await runners.race(SAMPLE_APP.appid, ACCESS_TOKEN)
            assert renewed != token
            assert await upstream.lives(renewed)


@contextlib.asynccontextmanager
async def another(harness: Harness, tmp_path: Path) -> AsyncIterator[Harness]:
    """A second service over the same folder."""
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, harness.clock, harness.upstream.url, session) as other,
    ):
        yield other


@pytest.mark.parametrize("kind", [ACCESS_TOKEN, "jsapi_ticket"])
@pytest.mark.threat("K85")
async def test_a_hundred_callers_of_one_process_share_a_fetch(own: Harness, kind: str) -> None:
    await own.upstream.fault("*", "slow:0.05", 10)
    answers = await asyncio.gather(*(own.get(HELD, kind=kind) for _ in range(100)))
    assert len({answer.json["value"] for answer in answers}) == 1
    assert await own.upstream.calls(STABLE) == 1
    assert await own.upstream.calls(TICKET) == (kind != ACCESS_TOKEN)


@pytest.mark.threat("K85")
async def test_the_background_and_a_caller_make_one_fetch_together(own: Harness) -> None:
    """An account was just added: its renewal is due at once, and the first caller asks at once."""
    await own.add_app(mode="classic")
    await own.upstream.fault(CLASSIC, "slow:0.1")
    tokens, _ = await asyncio.gather(own.token(), renew_due(own.keeper))
    assert await own.upstream.calls(CLASSIC) == 1
    assert await own.upstream.lives(tokens)


@pytest.mark.threat("K85")
async def test_a_caller_and_then_the_background(own: Harness) -> None:
    await own.add_app(mode="classic")
    await own.upstream.fault(CLASSIC, "slow:0.1")
    caller = asyncio.create_task(own.token())
    while not await own.upstream.calls(CLASSIC):
        assert not caller.done()
    await renew_due(own.keeper)
    assert await own.upstream.lives(await caller)
    assert await own.upstream.calls(CLASSIC) == 1


@pytest.mark.threat("K86")
async def test_a_holder_that_died_between_fetch_and_store_is_followed(own: Harness) -> None:
    app = own.app_of()
    key = app.key(ACCESS_TOKEN)
    dead = await own.keeper.store.acquire_lease(key, "dead", 0, own.keeper.options.lease)
    assert dead.lease is not None
    with pytest.raises(LingpaiError, match="Another worker"):
        await own.meanwhile(own.keeper.credentials.get_or_fetch(app, ACCESS_TOKEN), step=0.1, always=True)
    assert await own.upstream.calls() == 0
    own.clock.advance(own.keeper.options.lease)
    assert await own.upstream.lives(
        current_of(await own.keeper.credentials.get_or_fetch(app, ACCESS_TOKEN)).value
    )
    assert await own.upstream.calls(STABLE) == 1


@pytest.mark.threat("K86")
async def test_a_late_write_is_refused(own: Harness, tmp_path: Path) -> None:
    """A process sleeps in the middle of its fetch; another takes over; then the sleeper wakes up."""
    await own.upstream.fault(STABLE, f"slow:{ASLEEP}")
    async with another(own, tmp_path) as other:
        sleeper = asyncio.create_task(own.token())
        while not await own.upstream.calls(STABLE):
            assert not sleeper.done()
        own.clock.advance(own.keeper.options.lease + 1)
        token = await other.token()
        assert await sleeper == token
        held = await own.held()
        assert held.version == 1
        assert held.current is not None
        assert held.current.value == token
        assert not held.suspect


@pytest.mark.threat("K86")
async def test_in_classic_mode_what_was_overtaken_may_be_the_newest(own: Harness, tmp_path: Path) -> None:
    """The sleeper's call reached the platform last, so the token that is stored lives for the overlap only."""
    await own.add_app(mode="classic")
    await own.upstream.fault(CLASSIC, f"slow:{ASLEEP}")
    async with another(own, tmp_path) as other:
        sleeper = asyncio.create_task(own.token())
        while not await own.upstream.calls(CLASSIC):
            assert not sleeper.done()
        own.clock.advance(own.keeper.options.lease + 1)
        token = await other.token()
        await sleeper
        assert (await own.held()).suspect
        newest = await other.token()
        assert newest != token
        own.clock.advance(301)
        assert await own.upstream.lives(newest)
        assert await own.token() == newest


async def test_a_renewal_is_started_once_however_often(own: Harness) -> None:
    app = await _due_app(own)
    await own.upstream.fault(CLASSIC, "slow:0.05")
    assert len({own.keeper.credentials.start_renewal(app, ACCESS_TOKEN) for _ in range(10)}) == 1
    await own.keeper.credentials.start_renewal(app, ACCESS_TOKEN)
    assert await own.upstream.calls(CLASSIC) == 2


async def test_what_was_found_due_and_is_renewed_by_then_is_left_alone(own: Harness) -> None:
    """Two fetches at once would kill the token that clients still hold: only the newest two live."""
    app = await _due_app(own)
    before = await own.token()
    assert app.key(ACCESS_TOKEN) in await own.keeper.store.due_credentials(9)
    await renew_due(own.keeper)  # another process
    await own.keeper.credentials.start_renewal(app, ACCESS_TOKEN)
    assert await own.upstream.calls(CLASSIC) == 2
    assert await own.upstream.lives(before)
    assert await own.token() != before


async def test_what_was_found_due_and_has_failed_by_then_waits_for_its_next_try(own: Harness) -> None:
    app = await _due_app(own)
    await own.upstream.fault(CLASSIC, "http500", times=2)
    await renew_due(own.keeper)  # another process
    await own.keeper.credentials.start_renewal(app, ACCESS_TOKEN)
    assert await own.upstream.calls(CLASSIC) == 2
    trouble = (await own.held()).trouble
    assert trouble is not None
    assert trouble.count == 1
    await own.pass_time(5)
    assert (await own.held()).version == 2


async def _due_app(own: Harness) -> App:
    """The sample app in classic mode, with a token that is due to be renewed."""
    await own.add_app(mode="classic")
    await own.token()
    await own.fall_due()
    return own.app_of("classic")


async def test_callers_that_go_away_do_not_end_the_flight(own: Harness) -> None:
    await own.upstream.fault(STABLE, "slow:0.1")
    impatient = [asyncio.create_task(own.get(XCX, **APP)) for _ in range(5)]
    patient = asyncio.create_task(own.get(XCX, **APP))
    while not await own.upstream.calls(STABLE):
        assert not patient.done()
    for task in impatient:
        task.cancel()
    await asyncio.gather(*impatient, return_exceptions=True)
    assert data_of(await patient)["expires_in"] == 7200
    assert await own.upstream.calls(STABLE) == 1


async def test_closing_frees_the_lease_for_the_next_process(own: Harness, tmp_path: Path) -> None:
    async with another(own, tmp_path) as other:
        await own.upstream.fault(STABLE, "slow:0.5")
        asking = asyncio.create_task(other.keeper.credentials.get_or_fetch(other.app_of(), ACCESS_TOKEN))
        while not await own.upstream.calls(STABLE):
            assert not asking.done()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert await own.upstream.lives(await own.token())
