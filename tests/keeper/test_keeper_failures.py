"""What the upstream may do to us (threats K87, K88; docs/spec/platforms.md)."""

import asyncio
import io
import json
from pathlib import Path

import pytest

from lingpai.core.records import Budget
from lingpai.keeper.backoff import QUOTA_PROBE, seconds_to_midnight
from lingpai.keeper.budgets import window_of
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, Severity
from lingpai.keeper.platforms.wechat import wechat
from lingpai.keeper.platforms.wecom import wecom
from lingpai.keeper.upstream import Unreachable
from lingpai.sandbox import SAMPLE_APP, SandboxOptions
from tests.helpers.platforms import TO_CHINESE_MIDNIGHT
from tests.keeper.harness import (
    AGENT_SECRET,
    APP,
    CLASSIC,
    GETTOKEN,
    HELD,
    QYAPI,
    STABLE,
    TICKET,
    XCX,
    Harness,
    data_of,
    failure_of,
    staged,
)

BROKEN = [
    "reset",
    "drop",
    "http500",
    "html",
    "gbk",
    "empty",
    "huge",
    "no_expires_in",
    "redirect",
    "errcode:-1",
    "errcode:99999",
]
"""Whatever passes by itself; `timeout` has a test of its own, for it takes real time."""
PERMANENT = [40001, 40125, 40164, 40243, 45009, 50002, 50007, 89503]
DUE = 7200 - 250
"""Seconds after which a stable token is due for renewal and still lives."""


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.threat("K87")
async def test_a_live_token_is_served_whatever_comes(own: Harness, fault: str) -> None:
    await own.upstream.control("POST", "options", {"huge_bytes": 200_000})
    token = await own.token()
    await own.upstream.fault(STABLE, fault, 1000)
    own.clock.advance(DUE)
    while (rest := 7200 - own.clock.steady()) > 1:
        answer = data_of(await own.get(XCX, **APP))
        assert answer == {"access_token": token, "expires_in": int(rest)}
        await own.pass_time(5)
    tried = await own.upstream.calls(STABLE)
    assert 4 < tried < 60  # with backoff, denser towards the end
    held = await own.held()
    assert held.trouble is not None
    assert not held.trouble.permanent
    await own.pass_time(10)
    assert (await own.get(XCX, **APP)).json["code"] != 0
    await own.upstream.mend()
    await own.pass_time(80)
    assert await own.token() != token
    assert (await own.held()).trouble is None


@pytest.mark.parametrize("fault", BROKEN)
@pytest.mark.threat("K87")
async def test_without_a_live_token_the_cause_is_reported(own: Harness, fault: str) -> None:
    await own.upstream.control("POST", "options", {"huge_bytes": 200_000})
    await own.upstream.fault(STABLE, fault)
    code, message = failure_of(await own.get(XCX, **APP))
    number = int(fault.partition(":")[2] or 1)
    assert code == number
    assert message
    assert (await own.held()).current is None
    answer = await own.meanwhile(own.get(XCX, **APP))  # the caller waits for the second attempt
    assert data_of(answer)["expires_in"] > 7190
    assert await own.upstream.calls(STABLE) == 2


@pytest.mark.threat("K87")
async def test_a_silent_upstream(tmp_path: Path) -> None:
    async with staged(tmp_path, SandboxOptions(hang_limit=5), upstream_timeout=0.2) as harness:
        await harness.add_app()
        await harness.upstream.fault(STABLE, "timeout")
        code, message = failure_of(await harness.get(XCX, **APP))
        assert code == 1
        assert "no answer within 0.2 s" in message
        token = data_of(await harness.meanwhile(harness.get(XCX, **APP)))["access_token"]
        harness.clock.advance(DUE)
        await harness.upstream.fault(STABLE, "timeout")
        await harness.pass_time(1)
        assert await harness.token() == token


async def test_no_call_is_sent_twice_of_the_clients_own_accord(own: Harness) -> None:
    """aiohttp sends a GET anew when a kept connection breaks; a classic token would be replaced by that."""
    await own.add_app(mode="classic")
    await own.get(QYAPI, **AGENT_SECRET)  # a connection is kept
    await own.upstream.fault(CLASSIC, "drop", after=True)
    assert failure_of(await own.get(XCX, **APP))[0] == 1
    assert await own.upstream.calls(CLASSIC) == 1


async def test_a_classic_token_that_lost_answers_have_replaced_is_given_out_no_more(own: Harness) -> None:
    await own.add_app(mode="classic")
    token = await own.token()
    await own.upstream.fault(CLASSIC, "http500", 1000, after=True)
    await own.fall_due()
    for _ in range(60):
        await own.pass_time(1)
        answer = (await own.meanwhile(own.get(XCX, **APP))).json
        lives = await own.upstream.lives(token)
        assert lives == (answer["code"] == 0), (lives, answer)
    assert not lives
    await own.upstream.mend()
    await own.pass_time(120)
    assert await own.upstream.lives(await own.token())


async def test_the_upstream_is_away_for_all_but_the_last_minute(own: Harness) -> None:
    first = await own.token()
    await own.upstream.fault(STABLE, "http500", 100_000)
    while own.clock.steady() < 7200 - 60:
        await own.pass_time(20)
        assert await own.token() == first
    await own.upstream.mend()
    for _ in range(120):
        await own.pass_time(1)
        assert await own.upstream.lives(await own.token())
    assert await own.token() != first


@pytest.mark.parametrize("code", PERMANENT)
@pytest.mark.threat("K88")
async def test_the_breaker_opens_and_callers_get_the_cause(own: Harness, code: int) -> None:
    await own.upstream.fault(STABLE, f"errcode:{code}", 1000)
    for _ in range(10):
        answer = await own.get(XCX, **APP)
        assert failure_of(answer)[0] == code
        assert int(answer.headers["retry-after"]) > 100
        await own.pass_time(5)
    assert await own.upstream.calls(STABLE) == 1
    assert (await own.held()).trouble is not None


@pytest.mark.threat("K88")
async def test_a_ticket_whose_token_is_dead_and_not_renewed_asks_now_and_then(own: Harness) -> None:
    await own.upstream.control("POST", "options", {"ticket_lifetime": 60})
    assert (await own.get(HELD, kind="jsapi_ticket")).status_code == 200
    token = await own.token()
    await own.upstream.switch(SAMPLE_APP.appid, frozen=True)
    await own.upstream.kill(token)
    before = await own.upstream.calls()
    await own.pass_time(600, step=0.5)  # nobody asks: what is due is the background's
    assert await own.upstream.calls() - before < 80
    ticket = await own.held("jsapi_ticket")
    assert ticket.trouble is not None
    assert ticket.trouble.code == 40243
    asked = await own.upstream.calls()
    for _ in range(10):
        answer = await own.meanwhile(own.get(HELD, kind="jsapi_ticket"))
        assert answer.status_code == 424
    assert await own.upstream.calls() - asked <= 2


@pytest.mark.parametrize("lifetime", ["²", "9" * 5000, "-1", "1e3", [], {}, True, None, float("nan")])
@pytest.mark.threat("K87")
def test_an_expires_in_that_is_no_number_is_no_success(own: Harness, lifetime: object) -> None:
    with pytest.raises(Unreachable, match="without a usable expires_in"):
        SentAt(own.keeper).fetched("token", lifetime)


@pytest.mark.threat("K88")
async def test_operators_learn_what_to_mend(own: Harness, log_lines: io.StringIO) -> None:
    await own.upstream.switch(SAMPLE_APP.appid, ip_allow=["192.0.2.1"])
    await own.get(XCX, **APP)
    alerts = [json.loads(line) for line in log_lines.getvalue().splitlines() if "breaker_open" in line]
    assert [(alert["level"], alert["errcode"], alert["account"]) for alert in alerts] == [
        ("error", 40164, SAMPLE_APP.appid)
    ]
    assert "127.0.0.1" in alerts[0]["reason"]
    assert alerts[0]["retry_in"] > 0


@pytest.mark.threat("K88")
async def test_slow_probes_and_a_breaker_that_closes(own: Harness) -> None:
    await own.upstream.switch(SAMPLE_APP.appid, ip_allow=["192.0.2.1"])
    code, message = failure_of(await own.get(XCX, **APP))
    assert code == 40164
    assert "127.0.0.1" in message  # whom to allow
    await own.pass_time(3600, step=10)
    probes = await own.upstream.calls(STABLE)
    assert 3600 / 375 <= probes <= 3600 / 225 + 2
    await own.upstream.switch(SAMPLE_APP.appid, ip_allow=[])
    await own.pass_time(400, step=10)
    assert await own.upstream.lives(await own.token())


@pytest.mark.threat("K88")
async def test_an_operator_closes_the_breaker_by_hand(own: Harness) -> None:
    await own.upstream.fault(STABLE, "errcode:40125")
    await own.get(XCX, **APP)
    assert failure_of(await own.get(XCX, **APP))[0] == 40125
    assert await own.keeper.store.forget_trouble(own.app_of().key(ACCESS_TOKEN))
    assert await own.upstream.lives(await own.token())


@pytest.mark.threat("K88")
async def test_a_live_token_is_served_to_its_true_end_while_the_breaker_is_open(own: Harness) -> None:
    token = await own.token()
    await own.upstream.switch(SAMPLE_APP.appid, frozen=True)
    while own.clock.steady() < 7198:
        assert await own.token() == token
        await own.pass_time(60, step=20)
    own.clock.advance(2)
    assert failure_of(await own.get(XCX, **APP))[0] == 40243


async def test_45009_is_looked_at_now_and_then_and_at_midnight_in_china(own: Harness) -> None:
    await own.upstream.fault(STABLE, "errcode:45009", 1000)
    answer = await own.get(XCX, **APP)
    assert failure_of(answer)[0] == 45009
    assert QUOTA_PROBE * 0.75 <= int(answer.headers["retry-after"]) + 1 <= QUOTA_PROBE * 1.25 + 1
    await own.pass_time(TO_CHINESE_MIDNIGHT - 10, step=60)
    calls = await own.upstream.calls(STABLE)
    assert (
        TO_CHINESE_MIDNIGHT / QUOTA_PROBE / 1.3 - 1 <= calls <= TO_CHINESE_MIDNIGHT / QUOTA_PROBE / 0.75 + 1
    )
    await own.upstream.mend()  # as after clear_quota
    await own.pass_time(QUOTA_PROBE * 1.25 + 60, step=60)
    assert data_of(await own.get(XCX, **APP))["access_token"]
    assert await own.upstream.calls(STABLE) == calls + 1


def test_midnight_in_china() -> None:
    assert seconds_to_midnight(1_700_000_000) == TO_CHINESE_MIDNIGHT
    assert seconds_to_midnight(1_700_064_000) == 86_400
    assert seconds_to_midnight(1_700_063_999.5) == 0.5


async def test_our_own_budget_ends_before_the_platforms_quota(own: Harness) -> None:
    """A classic app whose every token dies at once: the platform's 2,000 a day are never used up."""
    await own.add_app(mode="classic")
    app = own.app_of(mode="classic")
    limit = app.platform.mode("classic").limits[0]
    assert limit.limit < 2000
    window, ends_at = window_of(own.clock.now(), limit.period.value)
    budget = Budget(app.subject, limit.name, window, limit.limit, ends_at)
    taken = await asyncio.gather(*(own.keeper.store.take_budget(budget) for _ in range(limit.limit)))
    assert all(use.granted for use in taken)
    answer = await own.get(XCX, **APP)
    code, message = failure_of(answer)
    assert code == 1
    assert str(limit.limit) in message
    assert await own.upstream.calls(CLASSIC) == 0
    assert (
        f'lingpai_budget_used{{budget="classic",subject="wechat/{SAMPLE_APP.appid}"}} {limit.limit}.0'
        in (await own.get("/metrics")).text
    )
    assert (await own.get(HELD)).json["error"] == "budget_spent"
    await own.pass_time(TO_CHINESE_MIDNIGHT + 70, step=600)
    assert data_of(await own.get(XCX, **APP))["access_token"]


async def test_a_lost_answer_in_classic_mode_leaves_no_false_previous(own: Harness) -> None:
    """The lost answer held a token: of three, only the newest two live."""
    await own.add_app(mode="classic")
    first = await own.token()
    await own.upstream.fault(CLASSIC, "reset", after=True)
    while (await own.held()).version == 1:
        await own.pass_time(5)
    answer = (await own.get(HELD)).json
    assert answer["value"] != first
    assert answer["previous"] is None
    assert not await own.upstream.lives(first)


async def test_a_ticket_that_cannot_be_had_leaves_the_token_alone(own: Harness) -> None:
    token = await own.token()
    await own.upstream.fault(TICKET, "errcode:48001", 10)
    for _ in range(5):
        assert (await own.get(HELD, kind="jsapi_ticket")).json["code"] == 48001
    assert await own.upstream.calls(TICKET) == 1
    assert await own.token() == token


async def test_a_ticket_waits_for_a_token_that_cannot_be_had_and_not_longer(own: Harness) -> None:
    await own.get(HELD, kind="jsapi_ticket")
    await own.upstream.fault(STABLE, "errcode:40243", 1000)
    await own.pass_time(7300, step=20)
    answer = (await own.get(HELD, kind="jsapi_ticket")).json
    assert answer["code"] == 40243
    await own.upstream.mend()
    await own.keeper.store.forget_trouble(own.app_of().key(ACCESS_TOKEN))
    await own.pass_time(45)
    assert (await own.get(HELD, kind="jsapi_ticket")).json["expires_in"] > 7100


async def test_wecom_45009_waits_an_hour(own: Harness) -> None:
    await own.upstream.fault(GETTOKEN, "errcode:45009")
    answer = await own.get(QYAPI, **AGENT_SECRET)
    assert failure_of(answer)[0] == 45009
    assert 3600 * 0.75 <= int(answer.headers["retry-after"]) <= 3600 * 1.25


@pytest.mark.parametrize(
    ("platform", "code", "severity"),
    [
        ("wechat", 42007, Severity.CALLER),
        ("wecom", 42007, Severity.CALLER),
        ("wechat", 40001, Severity.DEAD_TOKEN),
        ("wecom", 40001, Severity.PERMANENT),
        ("wechat", 40014, Severity.DEAD_TOKEN),
        ("wecom", 40014, Severity.DEAD_TOKEN),
        ("wecom", 60020, Severity.PERMANENT),
        ("wecom", 301002, Severity.CALLER),
        ("wechat", 48001, Severity.CALLER),
        ("wechat", -1, Severity.TRANSIENT),
        ("wecom", 45033, Severity.TRANSIENT),
        ("wechat", 12345, Severity.TRANSIENT),
    ],
)
def test_the_same_number_means_what_its_platform_means(platform: str, code: int, severity: Severity) -> None:
    assert {"wechat": wechat(), "wecom": wecom()}[platform].fault(code).severity is severity


async def test_a_fetch_cut_off_at_the_end_leaves_no_false_previous(own: Harness) -> None:
    """As a lost answer: the service ended before it came."""
    await own.add_app(mode="classic")
    first = await own.token()
    await own.fall_due()
    await own.upstream.fault(CLASSIC, "slow:1", after=True)
    own.keeper.credentials.start_renewal(own.app_of("classic"), ACCESS_TOKEN)
    while await own.upstream.calls(CLASSIC) == 1:
        pass
    await own.keeper.close(patience=0)
    assert (await own.held()).version == 1
    while (await own.held()).version == 1:
        await own.pass_time(5)
    assert (await own.get(HELD)).json["previous"] is None
    assert not await own.upstream.lives(first)


async def test_a_fetch_under_way_at_the_end_is_kept(own: Harness) -> None:
    await own.add_app(mode="classic")
    await own.token()
    await own.fall_due()
    await own.upstream.fault(CLASSIC, "slow:0.3", after=True)
    own.keeper.credentials.start_renewal(own.app_of("classic"), ACCESS_TOKEN)
    while await own.upstream.calls(CLASSIC) == 1:
        pass
    await own.keeper.close()
    assert (await own.held()).version == 2
    assert await own.upstream.lives(await own.token())
