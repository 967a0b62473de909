"""Secrets that nobody configured: the right ones pass, wrong ones cost whoever brings them."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from lingpai.keeper.concurrency_limit import AT_ONCE
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI, SandboxOptions
from lingpai.sandbox.options import WechatApp
from tests.keeper.harness import (
    CLEAR_XCX,
    GETTOKEN,
    OUTSIDE,
    QYAPI,
    SESSION,
    STABLE,
    XCX,
    Harness,
    data_of,
    failure_of,
    played,
    staged,
)

MINI_SECRET = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret}
MANY = tuple(WechatApp(appid=f"wx{n:016}", secret=f"{n:032}", name=f"App {n}") for n in range(60))
LOGIN = "/xcx/jscode2session"


def guess_of(number: int, appid: str = SAMPLE_MINI.appid) -> dict[str, str]:
    return {"appid": appid, "secret": f"guess {number}"}


@contextlib.asynccontextmanager
async def restarted(harness: Harness, tmp_path: Path, **changes: Any) -> AsyncIterator[Harness]:
    """Another process over the same store, which remembers nothing."""
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, harness.clock, harness.upstream.url, session, **changes) as other,
    ):
        yield other


@pytest.mark.parametrize("at_once", [False, True])
async def test_any_number_of_right_secrets_may_come_from_one_address(
    tmp_path: Path, *, at_once: bool
) -> None:
    async with staged(
        tmp_path, SandboxOptions(apps=MANY), keeper={"unproven_by_peer_a_minute": 3}
    ) as harness:
        asked = [harness.get(XCX, appid=each.appid, secret=each.secret) for each in MANY]
        answers = await asyncio.gather(*asked) if at_once else [await each for each in asked]
        assert len({data_of(each)["access_token"] for each in answers}) == len(MANY)
        assert await harness.upstream.calls(STABLE) == len(MANY)


async def test_a_wrong_secret_that_is_repeated_costs_one_call_and_nobody_else(harness: Harness) -> None:
    answers = [await harness.get(XCX, **guess_of(1)) for _ in range(50)]
    assert {failure_of(each) for each in answers} == {failure_of(answers[0])}
    assert failure_of(answers[0])[0] == 40125
    assert await harness.upstream.calls(STABLE) == 1
    code = (await harness.upstream.code(SAMPLE_MINI.appid))["code"]
    assert failure_of(await harness.get(LOGIN, **guess_of(1), code=code))[0] == 40125
    assert await harness.upstream.calls(SESSION) == 0  # what is known of a secret counts for its codes
    assert data_of(await harness.get(XCX, **MINI_SECRET))["access_token"]


async def test_it_is_tried_again_after_a_while(harness: Harness) -> None:
    await harness.get(XCX, **guess_of(1))
    harness.clock.advance(harness.keeper.options.probe_every * 1.25)
    assert failure_of(await harness.get(XCX, **guess_of(1)))[0] == 40125
    assert await harness.upstream.calls(STABLE) == 2


async def test_different_guesses_of_one_app_are_limited(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"unproven_a_minute": 3, "allow_unconfigured": True}) as harness:
        peers = [f"192.0.2.{n}" for n in range(5)]
        answers = [await harness.get(XCX, peer=peer, **guess_of(n)) for n, peer in enumerate(peers)]
        assert [each.json["code"] for each in answers] == [40125, 40125, 40125, 429, 429]
        assert answers[-1].headers["retry-after"] == "60"
        assert data_of(await harness.get(XCX, appid=SAMPLE_APP.appid, secret=SAMPLE_APP.secret))
        harness.clock.advance(60)
        assert failure_of(await harness.get(XCX, **guess_of(4)))[0] == 40125


async def test_guesses_from_one_address_are_limited_whatever_app_they_try(tmp_path: Path) -> None:
    async with staged(
        tmp_path, keeper={"unproven_by_peer_a_minute": 3, "allow_unconfigured": True}
    ) as harness:
        for n in range(3):
            assert failure_of(await harness.get(XCX, peer=OUTSIDE, **guess_of(n, f"wx{n}")))[0] == 40013
        assert (await harness.get(XCX, peer=OUTSIDE, **guess_of(3, "wx3"))).status_code == 429
        assert await harness.upstream.calls(STABLE) == 3
        token = data_of(await harness.get(XCX, peer="192.0.2.9", **MINI_SECRET))["access_token"]
        assert data_of(await harness.get(XCX, peer=OUTSIDE, **MINI_SECRET))["access_token"] == token


async def test_strangers_all_together_are_limited_and_trusted_networks_are_not_their_victims(
    tmp_path: Path,
) -> None:
    async with staged(
        tmp_path, keeper={"unproven_by_platform_a_minute": 20, "allow_unconfigured": True}
    ) as harness:
        asked = (
            harness.get(XCX, peer=f"198.51.{n // 250}.{n % 250}", **guess_of(n, f"wx-invented-{n}"))
            for n in range(300)
        )
        codes = [each.json["code"] for each in await asyncio.gather(*asked)]
        assert set(codes) == {40013, 429}
        assert 20 <= await harness.upstream.calls(STABLE) < 20 + AT_ONCE
        assert data_of(await harness.get(XCX, **MINI_SECRET))["access_token"]
        assert "wx-invented" not in (await harness.get("/metrics")).text
        assert await harness.keeper.store.list_statuses() != ()  # of the one that is real
        assert "invented" not in repr(await harness.keeper.store.list_statuses())
        assert "invented" not in repr(await harness.keeper.store.list_budgets())


async def test_strangers_who_guess_at_one_app_do_not_shut_its_owner_out(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"unproven_a_minute": 3, "allow_unconfigured": True}) as harness:
        asked = [await harness.get(XCX, peer=f"192.0.2.{n}", **guess_of(n)) for n in range(4)]
        assert [each.json["code"] for each in asked] == [40125, 40125, 40125, 429]
        assert data_of(await harness.get(XCX, **MINI_SECRET))["access_token"]


async def test_strangers_who_take_all_turns_do_not_keep_trusted_networks_waiting(tmp_path: Path) -> None:
    async with (
        staged(tmp_path, keeper={"patience": 0.05, "allow_unconfigured": True}) as harness,
        contextlib.AsyncExitStack() as taken,
    ):
        for _ in range(AT_ONCE):
            await taken.enter_async_context(harness.keeper.proofs.slots["wechat", False].slot(1))
        assert (await harness.get(XCX, peer=OUTSIDE, **guess_of(0))).status_code == 429
        assert data_of(await harness.get(XCX, **MINI_SECRET))["access_token"]


async def test_a_code_that_is_no_good_says_nothing_of_the_secret(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"unproven_a_minute": 3}) as harness:
        asked = [await harness.get(LOGIN, **MINI_SECRET, code=f"nonsense {n}") for n in range(4)]
        assert [failure_of(each)[0] for each in asked] == [40029, 40029, 40029, 429]
        harness.clock.advance(60)
        code = (await harness.upstream.code(SAMPLE_MINI.appid))["code"]
        assert data_of(await harness.get(LOGIN, **MINI_SECRET, code=code))["openid"]
        more = [await harness.get(LOGIN, **MINI_SECRET, code=f"nonsense {n}") for n in range(9)]
        assert {failure_of(each)[0] for each in more} == {40029}


@pytest.mark.parametrize("by", ["token", "code"])
async def test_who_was_proven_passes_after_a_restart(tmp_path: Path, by: str) -> None:
    changes: Any = {"keeper": {"unproven_by_peer_a_minute": 1, "unproven_a_minute": 1}}
    async with staged(tmp_path, **changes) as harness:
        code = (await harness.upstream.code(SAMPLE_MINI.appid))["code"]
        query = {**MINI_SECRET, "code": code}
        assert data_of(
            await (harness.get(XCX, **MINI_SECRET) if by == "token" else harness.get(LOGIN, **query))
        )
        async with restarted(harness, tmp_path, **changes) as again:
            assert (await again.get(XCX, **guess_of(1))).json["code"] == 40125
            assert (await again.get(XCX, **guess_of(2))).status_code == 429
            code = (await harness.upstream.code(SAMPLE_MINI.appid))["code"]
            assert data_of(await again.get(LOGIN, **MINI_SECRET, code=code))["openid"]
            assert data_of(await again.get(XCX, **MINI_SECRET))["access_token"]


async def test_several_processes_try_a_secret_once(harness: Harness, tmp_path: Path) -> None:
    await harness.upstream.fault(STABLE, "slow:0.2")
    async with restarted(harness, tmp_path) as other:
        answers = await asyncio.gather(  # from an address each: one caller in a hurry would be a report
            *(
                each.get(XCX, peer=f"127.0.0.{number}", **MINI_SECRET)
                for number, each in enumerate((harness, other) * 10, 1)
            )
        )
    assert len({data_of(each)["access_token"] for each in answers}) == 1
    assert await harness.upstream.calls(STABLE) == 1


async def test_who_has_the_secret_of_an_unconfigured_app_can_close_its_breaker(harness: Harness) -> None:
    await harness.get(XCX, **MINI_SECRET)
    harness.clock.advance(7300)
    await harness.upstream.fault(STABLE, "errcode:45009", 1)
    assert failure_of(await harness.get(XCX, **MINI_SECRET))[0] == 45009
    assert failure_of(await harness.get(XCX, **MINI_SECRET))[0] == 45009
    assert data_of(await harness.get(CLEAR_XCX, **MINI_SECRET)) == {}
    assert data_of(await harness.get(XCX, **MINI_SECRET))["access_token"]
    await harness.upstream.fault(STABLE, "errcode:45009", 2)
    harness.clock.advance(7300)
    for _ in range(5):  # no faster than the cool-down
        assert failure_of(await harness.get(XCX, **MINI_SECRET))[0] == 45009
        await harness.get(CLEAR_XCX, **MINI_SECRET)
    assert await harness.upstream.calls(STABLE) == 5


async def test_a_wrong_secret_of_a_corp_spares_the_right_one(harness: Harness) -> None:
    corp = {"corpid": SAMPLE_CORP.corpid}
    for _ in range(40):
        assert failure_of(await harness.get(QYAPI, **corp, secret="wrong"))[0] == 40001
    assert await harness.upstream.calls(GETTOKEN) == 1
    right = SAMPLE_CORP.agents[0].secret
    assert data_of(await harness.get(QYAPI, **corp, secret=right))["access_token"]


async def test_an_upstream_that_is_away_is_named_as_such_and_tried_again(harness: Harness) -> None:
    await harness.upstream.fault(STABLE, "http500", 1)
    assert failure_of(await harness.get(XCX, **MINI_SECRET))[0] == 1
    harness.clock.advance(2)
    assert data_of(await harness.get(XCX, **MINI_SECRET))["access_token"]


async def test_names_cannot_be_made_to_share_a_throttle(harness: Harness) -> None:
    """Each key is a tuple: what an attacker names stays one part of it."""
    wechat = harness.keeper.platforms["wechat"]
    apps = [
        harness.app_of(configured=False, peer=peer, trusted=False)
        for peer in ("", "*", "app", "wechat", "192.0.2.1", '","app","wechat')
    ]
    keys = [
        harness.keeper.proofs._budget(limit).subject
        for app in apps
        for limit in harness.keeper.proofs._limits(app)
    ]
    shared = {"everybody", "app"}  # the same for all of them
    assert len(set(keys)) == len(apps) * (4 - len(shared)) + len(shared)
    assert wechat.name not in "".join(keys)


@pytest.mark.parametrize("sample", [SAMPLE_APP, SAMPLE_MINI])
async def test_a_secret_in_the_place_of_the_appid_is_not_logged(
    harness: Harness, log_lines: io.StringIO, sample: WechatApp
) -> None:
    misplaced = {"appid": sample.secret, "secret": "not-it"}
    for path in (XCX, CLEAR_XCX, LOGIN, "/cgi-bin/token", "/sns/jscode2session", "/sns/oauth2/access_token"):
        await harness.get(path, code="c", js_code="c", grant_type="client_credential", **misplaced)
    body = {
        "wx_app_id": sample.secret,
        "wx_secret": "not-it",
        "url": "https://a.example/?a&amp;b",
        "code": "c",
    }
    for path in ("/JsSDK/getJsApiSign", "/AccessToken/getOauthAccessToken"):
        await harness.post(path, body)
    harness.keeper.audit.flush()
    assert "wechat/unknown" in log_lines.getvalue()
    assert sample.secret not in log_lines.getvalue()


async def test_who_brought_a_right_secret_is_logged_by_the_appid(
    harness: Harness, log_lines: io.StringIO
) -> None:
    await harness.get(XCX, **MINI_SECRET)
    harness.keeper.audit.flush()
    assert (
        f'"caller": "secret:wechat/{SAMPLE_MINI.appid}", "app": "wechat/{SAMPLE_MINI.appid}"'
        in log_lines.getvalue()
    )
