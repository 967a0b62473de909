"""Reports of dead tokens, and clearing: both bring about a renewal, and neither can storm (threat K89)."""

import asyncio
import dataclasses
from pathlib import Path

import msgspec
import pytest

from lingpai.keeper.fetching import fetch_token
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.reporting import report
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from tests.keeper.harness import (
    AGENT_SECRET,
    APP,
    APP_SECRET,
    CLASSIC,
    CLEAR_XCX,
    GETTOKEN,
    HELD,
    OUTSIDE,
    PROBE,
    QYAPI,
    STABLE,
    TICKET,
    XCX,
    Harness,
    data_of,
    failure_of,
    staged,
)

REPORT = "/keeper/report"


async def outcome_of(harness: Harness, token: str, **how: str) -> str:
    answer = await harness.post(REPORT, {"access_token": token, **how})
    return str(data_of(answer)["outcome"])


@pytest.mark.threat("K89")
async def test_a_thousand_reports_make_one_verification_and_one_renewal(own: Harness) -> None:
    dead = await own.token()
    await own.upstream.kill(dead)
    credential = await own.keeper.store.find_credential(dead)
    assert credential is not None
    await own.upstream.fault(PROBE, "slow:0.1")
    app = own.app_of()
    outcomes = await asyncio.gather(*(report(own.keeper, app, credential, dead) for _ in range(1000)))
    assert outcomes.count("renewed") == 1
    assert set(outcomes) == {"renewed", "checked"}
    assert await own.upstream.calls(PROBE) == 1
    assert await own.upstream.calls(STABLE) == 2
    assert await own.upstream.lives(await own.token())


@pytest.mark.threat("K89")
async def test_a_report_of_the_token_before_does_nothing(own: Harness) -> None:
    await own.add_app(mode="classic")
    first = await own.token()
    while (await own.get(HELD)).json["version"] == 1:
        await own.pass_time(20)
    calls = await own.upstream.calls()
    assert await outcome_of(own, first) == "old"
    assert await own.upstream.calls() == calls
    assert (await own.get(HELD)).json["version"] == 2


@pytest.mark.threat("K89")
async def test_a_report_of_a_live_token_costs_a_probe_and_no_more(own: Harness) -> None:
    token = await own.token()
    assert await outcome_of(own, token) == "alive"
    for _ in range(10):
        own.clock.advance(2)
        assert await outcome_of(own, token) == "checked"
    assert await own.upstream.calls(PROBE) == 1
    own.clock.advance(10)
    assert await outcome_of(own, token) == "alive"
    assert await own.upstream.calls(PROBE) == 2
    assert await own.token() == token


@pytest.mark.parametrize("offset", [0, 7, 15, 29])
async def test_the_cool_down_counts_from_the_first_report_whatever_the_hour(
    own: Harness, offset: int
) -> None:
    token = await own.token()
    own.clock.advance(offset)
    await outcome_of(own, token)
    own.clock.advance(29)
    assert await outcome_of(own, token) == "checked"
    own.clock.advance(1)
    assert await outcome_of(own, token) == "alive"


async def test_a_new_token_that_dies_at_once_may_be_reported_at_once(own: Harness) -> None:
    for _ in range(2):
        token = await own.token()
        await own.upstream.kill(token)
        assert await outcome_of(own, token) == "renewed"


async def test_what_the_upstream_does_not_know_changes_nothing(own: Harness) -> None:
    token = await own.token()
    await own.upstream.fault(PROBE, "http500")
    assert await outcome_of(own, token) == "unverified"
    own.clock.advance(30)
    await own.upstream.fault(PROBE, "errcode:-1")
    assert await outcome_of(own, token) == "unverified"
    own.clock.advance(30)
    await own.upstream.fault(PROBE, "errcode:48001")  # refused, but not for the token
    assert await outcome_of(own, token) == "alive"
    assert await own.upstream.calls(STABLE) == 1
    assert await own.token() == token


@pytest.mark.threat("K88")
async def test_what_was_found_dead_is_given_out_no_more(own: Harness) -> None:
    """Neither while no other can be had, nor because the platform gives it again."""
    token = await own.token()
    await own.upstream.fault(PROBE, "errcode:40001")
    await own.upstream.switch(SAMPLE_APP.appid, frozen=True)
    assert await outcome_of(own, token) == "unverified"
    for _ in range(3):
        assert failure_of(await own.get(XCX, **APP))[0] == 40243  # the cause
    await own.upstream.switch(SAMPLE_APP.appid, frozen=False)
    await own.pass_time(400, step=5)
    renewed = await own.token()  # by force, as the platform still gives the dead one otherwise
    assert renewed != token
    assert await own.upstream.lives(renewed)


async def dead_but_repeated(harness: Harness) -> str:
    """A token that the probe finds dead, and that the platform gives again."""
    token = await harness.token()
    await harness.upstream.fault(PROBE, "errcode:40001")
    return token


async def test_a_forced_refresh_only_when_the_dead_one_comes_again(own: Harness) -> None:
    token = await dead_but_repeated(own)
    assert await outcome_of(own, token) == "renewed"
    received = (await own.upstream.control("GET", "received", path=STABLE))["received"]
    assert len(received) == 3  # the first fetch, the repeat, the forced one
    answer = (await own.get(HELD)).json
    assert answer["value"] != token
    assert answer["previous"] is None  # it was found dead


async def test_a_forced_refresh_stays_within_its_budget(own: Harness) -> None:
    """The platform allows 20 a day, 30 s apart; we take no more than 15, a minute apart."""
    for _ in range(40):
        token = await dead_but_repeated(own)
        await outcome_of(own, token)
        await own.upstream.mend()
        own.clock.advance(61)
    assert (await own.held()).version == 1 + 15
    used = [use for use in await own.keeper.store.list_budgets() if use.name == "forced"]
    assert [use.used for use in used] == [15]


async def test_a_forced_refresh_does_not_wait_for_the_repeat_before_it(
    own: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = own.app_of()
    call = dataclasses.replace(app.platform.call_of(ACCESS_TOKEN, app.mode), apart=10.0)
    monkeypatch.setattr(type(app.platform), "call_of", lambda *_: call)
    await own.get(HELD)
    before = (await own.held()).current
    assert before is not None
    for _ in range(2):
        own.clock.advance(61)
        fetched = await fetch_token(own.keeper, app, dead=before)
        assert fetched.value != before.value
        before = msgspec.structs.replace(before, value=fetched.value)


async def test_wecom_gives_the_dead_one_again_and_there_is_no_loop(own: Harness) -> None:
    token = data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"]
    await own.upstream.fault("/cgi-bin/get_api_domain_ip", "errcode:40014")
    assert await outcome_of(own, token) == "checked"
    assert await own.upstream.calls(GETTOKEN) == 2
    for _ in range(50):
        await own.get(QYAPI, **AGENT_SECRET)
        await outcome_of(own, token)
    assert await own.upstream.calls(GETTOKEN) == 2


async def test_who_may_report(own: Harness) -> None:
    token = await own.token()
    agent = data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"]
    corp = f"wecom/{SAMPLE_CORP.corpid}"
    reporter = await own.add_caller("reporter", rights=("report",), apps=(f"{corp}/agent",))
    foreign = await own.add_caller("foreign", rights=("report",), apps=(f"{corp}/contacts",))
    reader = await own.add_caller("reader", rights=("token",))

    async def code_of(reported: str, bearer: str = "", **body: str) -> int:
        answer = await own.post(REPORT, {"access_token": reported, **body}, peer=OUTSIDE, bearer=bearer)
        return int(answer.json["code"])

    assert await code_of(agent, reporter) == 0
    assert await code_of(agent, secret=reporter) == 0
    assert await code_of(agent, foreign) == 403
    assert await code_of(agent, reader) == 403
    assert await code_of(token, reporter) == 403
    assert await code_of(token) == 403
    assert await code_of("nonsense") == 403
    assert await code_of(token, "lpk_guess") == 403


async def test_an_app_that_only_brings_its_secret_may_report_with_it(harness: Harness) -> None:
    token = await harness.token(**APP_SECRET)
    await harness.upstream.kill(token)
    right = {"access_token": token, "secret": SAMPLE_APP.secret}
    assert data_of(await harness.post(REPORT, right, peer=OUTSIDE)) == {"outcome": "renewed"}
    assert await harness.upstream.lives(await harness.token(**APP_SECRET))


async def test_a_ticket_by_a_dead_token_of_such_an_app_has_its_client_fetch_another(harness: Harness) -> None:
    token = await harness.token(**APP_SECRET)
    await harness.upstream.kill(token)
    answer = await harness.get(TICKET, access_token=token, type="jsapi", peer=OUTSIDE)
    assert answer.json["errcode"] == 40001


async def test_a_reporter_without_the_right_secret_learns_nothing(own: Harness) -> None:
    token = await own.token()
    for reported in (token, "nonsense"):
        answer = await own.post(REPORT, {"access_token": reported, "secret": "wrong"}, peer=OUTSIDE)
        assert data_of(answer) == {"outcome": "unknown"}
    right = {"access_token": token, "secret": SAMPLE_APP.secret}
    assert data_of(await own.post(REPORT, right, peer=OUTSIDE)) == {"outcome": "alive"}
    other = {"access_token": token, "secret": SAMPLE_AGENT.secret}
    assert data_of(await own.post(REPORT, other, peer=OUTSIDE)) == {"outcome": "unknown"}


async def test_clear_has_the_next_request_fetch_anew(own: Harness) -> None:
    await own.add_app(mode="classic")
    token = await own.token()
    assert data_of(await own.get(CLEAR_XCX, **APP_SECRET)) == {}
    assert await own.token() != token
    assert await own.upstream.calls(CLASSIC) == 2
    await own.token()
    assert await own.upstream.calls(CLASSIC) == 2


@pytest.mark.parametrize("offset", [0, 13, 31, 59])
async def test_clear_cools_down(own: Harness, offset: int) -> None:
    await own.add_app(mode="classic")
    own.clock.advance(offset)
    await own.token()
    for _ in range(59):
        await own.get(CLEAR_XCX, **APP_SECRET)
        await own.token()
        own.clock.advance(1)
    assert await own.upstream.calls(CLASSIC) == 2
    own.clock.advance(1)
    await own.get(CLEAR_XCX, **APP_SECRET)
    await own.token()
    assert await own.upstream.calls(CLASSIC) == 3


async def test_clear_is_budgeted(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"clears_a_day": 2}) as harness:
        await harness.add_app(mode="classic")
        for _ in range(5):
            await harness.token()
            await harness.get(CLEAR_XCX, **APP_SECRET)
            harness.clock.advance(61)
        await harness.token()
        assert await harness.upstream.calls(CLASSIC) == 3


async def test_clear_costs_nobody_an_answer_while_the_upstream_is_down(own: Harness) -> None:
    token = await own.token()
    await own.upstream.fault(STABLE, "http500", 1000)
    await own.get(CLEAR_XCX, **APP_SECRET)
    for _ in range(20):
        assert data_of(await own.meanwhile(own.get(XCX, **APP)))["access_token"] == token
        own.clock.advance(5)
    await own.upstream.mend()
    own.clock.advance(70)
    await own.token()
    assert not (await own.held()).suspect


async def test_clear_makes_nobody_wait_long_while_the_upstream_is_slow(own: Harness) -> None:
    token = await own.token()
    await own.upstream.fault(STABLE, "slow:6")
    await own.get(CLEAR_XCX, **APP_SECRET)
    async with asyncio.timeout(5):
        assert await own.token() == token
    await own.keeper.background.settle()  # which brings it all the same
    assert not (await own.held()).suspect


async def test_clear_of_what_is_not_held_says_so_to_nobody(own: Harness) -> None:
    assert data_of(await own.get(CLEAR_XCX, **APP_SECRET)) == {}
    assert await own.upstream.calls() == 0
    assert failure_of(await own.post(CLEAR_XCX, body="appid=wx-unknown"))[0] == 1
