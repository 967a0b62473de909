"""The life of a held value, in virtual time (docs/architecture.md, threats K94, K95)."""

from pathlib import Path

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI, SandboxOptions
from tests.keeper.harness import (
    AGENT_SECRET,
    APP,
    CLASSIC,
    CORP,
    GETTOKEN,
    HELD,
    PROBE,
    QYAPI,
    STABLE,
    TICKET,
    XCX,
    Harness,
    data_of,
    played,
    staged,
    upstream_of,
)

LIFE = 7200
OVERLAP = 300


async def rest_of(harness: Harness, path: str = XCX, **query: str) -> int:
    return int(data_of(await harness.get(path, **(query or APP)))["expires_in"])


async def test_stable_mode_serves_one_token_until_the_overlap_then_the_next(own: Harness) -> None:
    """Every minute of a day: what is handed out lives, says how long, and costs as many fetches as it must."""
    seen: list[str] = []
    for _ in range(24 * 60):
        await own.pass_time(60, step=20)
        token = (await own.get(HELD)).json
        assert 0 < token["expires_in"] <= LIFE
        if token["value"] not in seen:
            assert await own.upstream.lives(token["value"])
            seen.append(token["value"])
        assert token["expires_in"] >= OVERLAP - 80  # the platform gives no new one sooner
    days_lives = 24 * 3600 / (LIFE - OVERLAP)
    assert days_lives <= len(seen) <= days_lives + 2
    assert await own.upstream.calls(STABLE) <= len(seen) + 1
    assert await own.upstream.calls(CLASSIC) == 0


@pytest.mark.parametrize("left", [345, 2000, 7100])
async def test_a_stable_token_fetched_late_in_its_life_is_renewed_as_early(own: Harness, left: int) -> None:
    """As after a move here, when the platform gives what another server fetched before."""
    first = await own.upstream.token()
    own.clock.advance(LIFE - left)
    assert await rest_of(own) in {left - 1, left}
    least = LIFE
    while await own.token() == first:
        least = min(least, await rest_of(own))
        await own.pass_time(1)
    assert least >= min(OVERLAP * 0.85, left * 0.4)
    assert await own.upstream.calls(STABLE) <= 4


async def test_classic_mode_renews_at_half_life_and_never_falls_below(harness: Harness) -> None:
    """Clients that subtract 1,500 s from `expires_in` must not end up below nothing (docs/spec/platforms.md)."""
    await harness.add_app(mode="classic")
    for _ in range(12 * 60):
        await harness.pass_time(60, step=20)
        assert await rest_of(harness) >= LIFE * 0.4 - 60
    fetched = await harness.upstream.calls(CLASSIC)
    assert 12 * 3600 / (LIFE * 0.6) <= fetched <= 12 * 3600 / (LIFE * 0.5) + 1
    assert await harness.upstream.calls(STABLE) == 0


async def test_both_generations_are_shown_through_the_overlap_and_not_after(harness: Harness) -> None:
    await harness.add_app(mode="classic")
    first = (await harness.get(HELD)).json
    assert first["previous"] is None
    while (second := (await harness.get(HELD)).json)["version"] == 1:
        await harness.pass_time(20)
    assert second["previous"]["value"] == first["value"]
    assert second["previous"]["version"] == 1
    while (previous := (await harness.get(HELD)).json["previous"]) is not None:
        assert 1 <= previous["expires_in"] <= OVERLAP
        assert await harness.upstream.lives(previous["value"])
        harness.clock.advance(1)
    harness.clock.advance(1)
    assert not await harness.upstream.lives(first["value"])


async def test_a_ticket_may_be_had_with_the_token_before_while_that_lives(harness: Harness) -> None:
    await harness.add_app(mode="classic")
    first = await harness.token()
    await harness.pass_time(LIFE * 0.6, step=600)
    assert await harness.token() != first
    assert (await harness.get(TICKET, access_token=first)).json["errcode"] == 0
    harness.clock.advance(OVERLAP)
    assert (await harness.get(TICKET, access_token=first)).json["errcode"] == 40001


async def test_wecom_gives_the_same_until_the_end_and_no_sooner_another(own: Harness) -> None:
    first = data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"]
    for _ in range(LIFE // 60 - 1):
        await own.pass_time(60, step=30)
        assert data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"] == first
    assert await own.upstream.calls(GETTOKEN) == 2  # the other agent's too
    await own.pass_time(62)
    second = data_of(await own.get(QYAPI, **AGENT_SECRET))
    assert second["access_token"] != first
    assert second["expires_in"] >= LIFE - 5


async def test_a_callers_request_in_the_last_second_gets_the_next_token(own: Harness) -> None:
    first = data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"]
    own.clock.advance(LIFE - 0.5)
    answer = await own.meanwhile(own.get(QYAPI, **AGENT_SECRET))
    assert data_of(answer)["access_token"] != first


async def test_a_ticket_shrinks_and_is_asked_for_again_at_its_end(own: Harness) -> None:
    first = (await own.get(HELD, kind="jsapi_ticket")).json
    own.clock.advance(7000)
    assert (await own.get(HELD, kind="jsapi_ticket")).json["expires_in"] == 200
    assert await own.upstream.calls(TICKET) == 1
    await own.pass_time(202)
    second = (await own.get(HELD, kind="jsapi_ticket")).json
    assert second["value"] != first["value"]
    assert await own.upstream.lives(await own.token())


async def test_a_ticket_that_somebody_else_fetched_earlier_is_taken_for_what_is_left(own: Harness) -> None:
    token = await own.token()
    async with aiohttp.ClientSession() as session:
        await session.get(f"{own.upstream.url}{TICKET}", params={"access_token": token, "type": "jsapi"})
    own.clock.advance(7150)
    assert (await own.get(HELD, kind="jsapi_ticket")).json["expires_in"] == 50


async def test_a_ticket_after_the_token_died(own: Harness) -> None:
    dead = await own.token()
    await own.upstream.kill(dead)
    ticket = (await own.get(HELD, kind="jsapi_ticket")).json
    assert ticket["expires_in"] == LIFE
    assert await own.upstream.calls(TICKET) == 2
    assert await own.upstream.calls(PROBE) == 1  # verified before all callers lose their token
    assert await own.token() != dead


async def test_a_ticket_call_that_lies_about_the_token_costs_no_token(own: Harness) -> None:
    await own.add_app(mode="classic")
    token = await own.token()
    await own.upstream.fault(TICKET, "errcode:40001", 1000)
    for _ in range(20):
        answer = await own.get(HELD, kind="jsapi_ticket")
        assert answer.json["code"] == 40001
        own.clock.advance(10)
    assert await own.token() == token
    assert await own.upstream.calls(CLASSIC) == 1
    assert await own.upstream.calls(TICKET) <= 2


async def test_lifetimes_count_from_before_the_request_was_sent(own: Harness) -> None:
    await own.upstream.fault(STABLE, "slow:0.1", after=True)
    assert data_of(await own.meanwhile(own.get(XCX, **APP), always=True))["expires_in"] < LIFE
    held = await own.held()
    assert held.current is not None
    assert held.current.end.wall - held.current.fetched_at == LIFE


async def test_a_short_life_is_believed_and_served_to_its_end(tmp_path: Path) -> None:
    async with staged(tmp_path, SandboxOptions(token_lifetime=30)) as harness:
        await harness.add_app()
        for _ in range(120):
            answer = (await harness.get(HELD)).json
            assert 1 <= answer["expires_in"] <= 30
            assert await harness.upstream.lives(answer["value"])
            await harness.pass_time(1)
        assert await harness.upstream.calls(STABLE) <= 10


@pytest.mark.threat("K94")
async def test_clock_steps_change_nothing(own: Harness) -> None:
    token = await own.token()
    fetches = await own.upstream.calls(STABLE)
    for step in (3600, -3600, -3600, 3600, 86_400, -86_400):
        own.clock.step(step)
        await own.pass_time(1)
        assert await own.token() == token
        assert LIFE - 10 <= await rest_of(own) <= LIFE
    assert await own.upstream.calls(STABLE) == fetches
    own.clock.step(-3600)
    await own.pass_time(LIFE, step=60)
    assert await own.token() != token
    assert await own.upstream.lives(await own.token())


@pytest.mark.threat("K94")
async def test_after_a_reboot_with_a_wrong_clock_the_wall_decides(tmp_path: Path) -> None:
    """Another boot has another steady time; then the end is the one in wall time, in every process alike."""
    clock = VirtualClock()
    with upstream_of(clock) as url:
        async with aiohttp.ClientSession() as session:
            async with played(tmp_path, clock, url, session) as harness:
                await harness.add_app()
                await harness.token()
            reboot = VirtualClock(clock.now() + 1000)
            async with played(tmp_path, reboot, url, session) as harness:
                assert await rest_of(harness) == LIFE - 1000
                assert await harness.upstream.calls(STABLE) == 1


@pytest.mark.threat("K95")
async def test_a_restart_fetches_nothing(tmp_path: Path) -> None:
    clock = VirtualClock()
    with upstream_of(clock) as url:
        async with aiohttp.ClientSession() as session:
            async with played(tmp_path, clock, url, session) as harness:
                await harness.add_app()
                token = await harness.token()
                ticket = (await harness.get(HELD, kind="jsapi_ticket")).json["value"]
            for _ in range(3):
                clock.advance(60)
                async with played(tmp_path, clock, url, session) as harness:
                    await harness.pass_time(5)
                    assert await harness.token() == token
                    assert (await harness.get(HELD, kind="jsapi_ticket")).json["value"] == ticket
            assert await harness.upstream.calls(STABLE) == 1
            assert await harness.upstream.calls(TICKET) == 1


async def test_a_changed_secret_leaves_nothing_of_the_old_one(own: Harness) -> None:
    old = await own.token()
    await own.get(HELD, kind="jsapi_ticket")
    old_key = own.app_of().key("access_token")
    etag = (await own.get(HELD)).headers["etag"]
    await own.upstream.switch(SAMPLE_APP.appid, secret="e" * 32)
    await own.add_app(secret="e" * 32)
    assert await own.keeper.store.read_credential(old_key) is None
    assert await own.keeper.store.find_credential(old) is None
    answer = await own.get(HELD, headers={"if-none-match": etag})
    assert answer.status_code == 200  # versions begin anew, what they mean does not
    assert await own.upstream.calls(STABLE) == 2


async def test_one_changed_secret_of_a_corp_leaves_the_other_alone(own: Harness) -> None:
    await own.get(QYAPI, **AGENT_SECRET)
    agent = own.agent_app().key("access_token")
    await own.keeper.store.remove_account("wecom", SAMPLE_CORP.corpid, "contacts")
    assert await own.keeper.store.read_credential(agent) is not None
    assert data_of(await own.get(QYAPI, **CORP, secret=SAMPLE_AGENT.secret))["access_token"]


async def test_a_removed_account_is_served_no_more(own: Harness) -> None:
    token = await own.token()
    await own.keeper.store.remove_account("wechat", SAMPLE_APP.appid, "")
    assert (await own.get(XCX, **APP)).json["code"] == 1
    assert (await own.get(TICKET, access_token=token)).json["errcode"] == 40001
    await own.pass_time(LIFE, step=600)
    assert await own.upstream.calls(STABLE) == 1


async def test_an_unconfigured_app_is_renewed_only_while_it_is_asked_for(own: Harness) -> None:
    query = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret}
    first = data_of(await own.get(XCX, **query))["access_token"]
    await own.pass_time(LIFE - 200, step=600)
    calls = await own.upstream.calls(STABLE)
    assert data_of(await own.get(XCX, **query))["access_token"] == first  # nobody waits for the next
    await own.keeper.background.settle()
    assert await own.upstream.calls(STABLE) == calls + 1
    second = data_of(await own.get(XCX, **query))["access_token"]
    assert second != first
    await own.pass_time(3 * LIFE, step=600)
    key = own.app_of(secret=SAMPLE_MINI.secret).key("access_token")._replace(account=SAMPLE_MINI.appid)
    held = await own.held(key=key)
    assert held.version == 2
