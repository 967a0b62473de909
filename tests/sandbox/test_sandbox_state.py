import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock, end_after
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SandboxOptions
from lingpai.sandbox.state import Row, StateFile, Table
from tests.helpers.platforms import Platforms, credentials

GETTICKET = "/cgi-bin/ticket/getticket"
SERVE = """
import asyncio, sys
from pathlib import Path
from lingpai.sandbox import SandboxOptions, serve
asyncio.run(serve(SandboxOptions(), "127.0.0.1", 0, Path(sys.argv[1]), lambda url: print(url, flush=True)))
"""


@contextmanager
def served(state: Path, stop: signal.Signals) -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(state)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(stop)


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGTERM])
async def test_a_token_handed_out_outlives_the_process(tmp_path: Path, stop: signal.Signals) -> None:
    state = tmp_path / "state" / "sandbox.db"
    codes = {"appid": SAMPLE_APP.appid}
    with served(state, stop) as url:
        async with aiohttp.ClientSession(url) as client:
            async with client.get("/cgi-bin/token", params=credentials()) as answer:
                token = (await answer.json())["access_token"]
            async with client.get(GETTICKET, params={"access_token": token, "type": "jsapi"}) as answer:
                ticket = (await answer.json())["ticket"]
            async with client.post("/_sandbox/codes", json=codes) as answer:
                code = (await answer.json())["code"]
    with served(state, signal.SIGTERM) as url:
        async with aiohttp.ClientSession(url) as client:
            async with client.get(GETTICKET, params={"access_token": token, "type": "jsapi"}) as answer:
                assert (await answer.json())["ticket"] == ticket
            query = credentials() | {"grant_type": "authorization_code", "code": code}
            async with client.get("/sns/oauth2/access_token", params=query) as answer:
                assert "openid" in await answer.json()


def test_quotas_switches_and_the_gap_after_a_forced_refresh_survive(tmp_path: Path) -> None:
    options, state = SandboxOptions(classic_quota=1), tmp_path / "sandbox.db"
    before = Platforms(options, state)
    before.classic()
    first = before.stable()["access_token"]
    held = before.stable(force=True)["access_token"]
    before.control("PATCH", "accounts", {"account": SAMPLE_CORP.corpid, "agentid": 1, "secret": "q" * 43})
    after = Platforms(options, state)
    assert after.classic()["errcode"] == 45009
    assert after.stable()["access_token"] == held
    assert after.wecom("q" * 43)["errcode"] == 0
    assert after.stable(force=True)["access_token"] == held != first
    after.clock.advance(30)
    assert after.stable(force=True)["access_token"] != held
    assert (after.probe(first), after.probe(held)) == (40001, 0)


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    state = tmp_path / "sandbox.db"
    Platforms(SandboxOptions(), state).classic()
    assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}


class Thing(Row):
    name: str


def test_what_ended_a_day_ago_is_forgotten(tmp_path: Path) -> None:
    clock = VirtualClock()
    file = StateFile(tmp_path / "sandbox.db", clock)
    table = Table(file, "things", Thing)
    end = SandboxOptions().code_lifetime
    table.put("a", Thing(ends=end_after(clock, end), name="a"))
    clock.advance(end + 86400)
    table.put("b", Thing(ends=end_after(clock, end), name="b"))
    table.purge()
    assert [key for key, _ in table.items()] == ["a", "b"]
    clock.advance(1)
    table.purge()
    assert [key for key, _ in table.items()] == ["b"]
    assert [key for key, _ in Table(file, "things", Thing).items()] == ["b"]
    file.close()
