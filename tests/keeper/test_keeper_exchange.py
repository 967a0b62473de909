"""Login codes, which the platforms take once (docs/spec/platforms.md; threat K95)."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.exchange import _tuple, exchange
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP, SAMPLE_MINI, SandboxOptions
from tests.keeper.harness import (
    GETTOKEN,
    OAUTH,
    OUTSIDE,
    SESSION,
    Harness,
    data_of,
    failure_of,
    staged,
)

ROUTE = "/AccessToken/getOauthAccessToken"
LOGIN = f"/v1/exchanges/wecom/{SAMPLE_CORP.corpid}"
LOGIN_CALL = "/cgi-bin/auth/getuserinfo"


async def body_of(harness: Harness, **wanted: bool) -> dict[str, str]:
    code = (await harness.upstream.code(SAMPLE_APP.appid, **wanted))["code"]
    return {"code": code, "wx_app_id": SAMPLE_APP.appid, "wx_app_secret": SAMPLE_APP.secret}


async def test_the_same_caller_gets_the_same_answer_again(own: Harness) -> None:
    body = await body_of(own)
    first = data_of(await own.post(ROUTE, body, peer=OUTSIDE))
    own.clock.advance(29)
    assert data_of(await own.post(ROUTE, body, peer=OUTSIDE)) == first
    assert await own.upstream.calls(OAUTH) == 1
    own.clock.advance(1)
    assert failure_of(await own.post(ROUTE, body, peer=OUTSIDE))[0] == 40163


async def test_the_same_secret_from_another_address_is_refused_a_used_code(own: Harness) -> None:
    body = await body_of(own)
    assert data_of(await own.post(ROUTE, body, peer="2001:db8::1"))["openid"]
    assert failure_of(await own.post(ROUTE, body, peer="2001:db8:0:1::1"))[0] == 40163
    assert data_of(await own.post(ROUTE, body, peer="2001:db8::2"))["openid"]  # one customer's network


@pytest.mark.parametrize(("seconds", "again"), [(0, False), (120, True)])
async def test_how_long_a_used_code_answers_is_a_setting(
    tmp_path: Path, seconds: float, *, again: bool
) -> None:
    async with staged(tmp_path, keeper={"exchange_repeats": seconds}) as harness:
        await harness.add_app()
        body = await body_of(harness)
        first = data_of(await harness.post(ROUTE, body))
        harness.clock.advance(seconds - 1 if seconds else 0)
        repeated = (await harness.post(ROUTE, body)).json
        assert (repeated["data"] == first) is again
        harness.clock.advance(1)
        assert failure_of(await harness.post(ROUTE, body))[0] == 40163


async def test_another_caller_gets_the_platforms_refusal(own: Harness) -> None:
    body = await body_of(own)
    keys = [await own.add_caller(name) for name in ("mine", "theirs")]
    del body["wx_app_secret"]
    assert data_of(await own.post(ROUTE, body, bearer=keys[0]))["openid"]
    assert failure_of(await own.post(ROUTE, body, bearer=keys[1]))[0] == 40163
    assert failure_of(await own.post(ROUTE, body))[0] == 40163
    assert data_of(await own.post(ROUTE, body, bearer=keys[0]))["openid"]
    assert await own.upstream.calls(OAUTH) == 3


async def test_a_secret_that_a_code_has_proven_is_no_guess(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"unproven_by_peer_a_minute": 2}) as harness:
        for _ in range(5):
            body = await body_of(harness)
            assert data_of(await harness.post(ROUTE, body))["openid"]
        assert await harness.upstream.calls(OAUTH) == 5
        wrongs = [{**await body_of(harness), "wx_app_secret": guess * 32} for guess in "00012"]
        codes = [failure_of(await harness.post(ROUTE, each))[0] for each in wrongs]
        assert codes == [40125, 40125, 40125, 40125, 429]  # one that is repeated counts once
        assert await harness.upstream.calls(OAUTH) == 7
        assert data_of(await harness.post(ROUTE, await body_of(harness)))["openid"]


async def test_the_same_code_at_once_makes_one_call(own: Harness) -> None:
    body = await body_of(own)
    await own.upstream.fault(OAUTH, "slow:0.1")
    answers = await asyncio.gather(*(own.post(ROUTE, body) for _ in range(50)))
    assert len({data_of(answer)["access_token"] for answer in answers}) == 1
    assert await own.upstream.calls(OAUTH) == 1


@pytest.mark.parametrize("fault", ["reset", "drop", "http500", "empty"])
async def test_a_lost_answer_is_not_asked_for_again(own: Harness, fault: str) -> None:
    await own.post(ROUTE, await body_of(own))  # a connection is kept, which a client may try to use again
    body = await body_of(own)
    await own.upstream.fault(OAUTH, fault, after=True)
    code, message = failure_of(await own.post(ROUTE, body))
    assert code == 1
    assert "may have been used" in message
    assert await own.upstream.calls(OAUTH) == 2
    assert (
        failure_of(await own.post(ROUTE, body))[0] == 40163
    )  # the caller's own try, and the platform's word


async def test_a_silent_platform_is_asked_once(tmp_path: Path) -> None:
    async with staged(tmp_path, SandboxOptions(hang_limit=5), upstream_timeout=0.2) as harness:
        await harness.add_app()
        await harness.upstream.fault(OAUTH, "timeout")
        assert failure_of(await harness.post(ROUTE, await body_of(harness)))[0] == 1
        assert await harness.upstream.calls(OAUTH) == 1


async def test_an_exchange_ends_before_its_claim_does(own: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another request would send the code a second time."""

    async def silent(*_args: object, **_more: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("lingpai.keeper.exchange.call_platform", silent)
    monkeypatch.setattr(own.keeper, "options", dataclasses.replace(own.keeper.options, lease=0.1))
    async with asyncio.timeout(20):
        with pytest.raises(LingpaiError, match="took too long") as failed:
            await exchange(own.keeper, own.app_of(), "oauth", "c0de")
    assert failed.value.kind is Kind.UPSTREAM_UNAVAILABLE


async def test_a_caller_that_went_away_finds_the_answer_later(own: Harness) -> None:
    code = (await own.upstream.code(SAMPLE_APP.appid))["code"]
    await own.upstream.fault(OAUTH, "slow:0.1")
    gone = asyncio.create_task(exchange(own.keeper, own.app_of(), "oauth", code))
    while not await own.upstream.calls(OAUTH):
        assert not gone.done()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert (await exchange(own.keeper, own.app_of(), "oauth", code))["openid"]
    assert await own.upstream.calls(OAUTH) == 1


@pytest.mark.threat("K95")
async def test_a_crash_in_between_frees_the_code_after_the_lease(own: Harness) -> None:
    """The process that claimed the code is no more; whether it sent the code, only the platform knows."""
    app = own.app_of()
    code = (await own.upstream.code(SAMPLE_APP.appid))["code"]
    digest = own.keeper.digest_code(_tuple(app.name, app.digest.hex(), "oauth", app.asker, app.peer, code))
    ends_at = own.clock.now() + 300
    lease = own.keeper.options.lease
    assert (await own.keeper.store.claim_exchange(digest, "crashed", lease, ends_at)).claimed
    waiting = asyncio.create_task(exchange(own.keeper, app, "oauth", code))
    while own.clock.steady() < own.keeper.options.patience:
        assert not waiting.done()
        await asyncio.wait([waiting], timeout=0.02)
        own.clock.advance(2)
    with pytest.raises(LingpaiError) as refused:
        await waiting
    assert refused.value.kind is Kind.UPSTREAM_UNAVAILABLE
    own.clock.advance(lease)
    assert (await exchange(own.keeper, app, "oauth", code))["openid"]


async def test_an_answer_that_cannot_be_kept_is_given_all_the_same(own: Harness) -> None:
    """The code is used up: to withhold the answer because the store is down would lose the login."""
    code = (await own.upstream.code(SAMPLE_APP.appid))["code"]
    await own.upstream.fault(OAUTH, "slow:0.2")
    asking = asyncio.create_task(exchange(own.keeper, own.app_of(), "oauth", code))
    while not await own.upstream.calls(OAUTH):
        assert not asking.done()
    await own.keeper.store.close()
    assert (await asking)["openid"]


async def test_fields_are_passed_on_in_the_documented_order_and_only_when_sent(own: Harness) -> None:
    data = data_of(await own.post(ROUTE, await body_of(own)))
    assert list(data) == ["access_token", "expires_in", "refresh_token", "openid", "scope", "unionid"]
    data = data_of(await own.post(ROUTE, await body_of(own, snapshot=True)))
    assert list(data)[-1] == "is_snapshotuser"
    await own.upstream.switch(SAMPLE_APP.appid, open_platform="")
    code = (await own.upstream.code(SAMPLE_APP.appid, user="bob"))["code"]
    assert "unionid" not in data_of(await own.post(ROUTE, {"code": code, "wx_app_id": SAMPLE_APP.appid}))


async def test_a_session_without_unionid_has_an_empty_one(own: Harness) -> None:
    await own.upstream.switch(SAMPLE_MINI.appid, open_platform="")
    code = (await own.upstream.code(SAMPLE_MINI.appid, user="bob"))["code"]
    query = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret, "code": code}
    data = data_of(await own.get("/xcx/jscode2session", **query))
    assert data["unionid"] == ""
    assert data["openid"]
    assert await own.upstream.calls(SESSION) == 1


async def login(harness: Harness, label: str = "agent", **wanted: bool) -> dict[str, str]:
    code = (await harness.upstream.code(SAMPLE_CORP.corpid, **wanted))["code"]
    answer = await harness.post(LOGIN, {"kind": "login", "label": label, "code": code})
    assert answer.status_code == 200, answer.text
    found: dict[str, str] = answer.json
    return found


async def test_wecom_members_and_outsiders(own: Harness) -> None:
    assert await login(own) == {"userid": "alice"}
    assert (await login(own, outsider=True)).keys() == {"openid", "external_userid"}


async def test_a_wecom_login_with_a_dead_token_renews_it_and_uses_the_code_once(own: Harness) -> None:
    await login(own)
    held = await own.held(key=own.agent_app().key("access_token"))
    assert held.current is not None
    await own.upstream.kill(held.current.value)
    assert await login(own) == {"userid": "alice"}
    assert await own.upstream.calls(GETTOKEN) == 2
    assert await own.upstream.calls(LOGIN_CALL) == 3


async def test_a_wecom_token_that_stays_dead_is_reported_and_not_looped_on(own: Harness) -> None:
    await login(own)
    await own.upstream.fault(LOGIN_CALL, "errcode:42001", 100)
    answer = await own.post(LOGIN, {"kind": "login", "label": "agent", "code": "c"})
    assert answer.json["code"] == 42001
    assert await own.upstream.calls(LOGIN_CALL) == 2
    assert await own.upstream.calls(GETTOKEN) == 2


async def test_a_success_that_names_nobody_is_none(own: Harness) -> None:
    """A proxy that answers `{}`, as in fault 11 of the original."""
    await login(own)
    await own.upstream.fault(LOGIN_CALL, "errcode:0")
    answer = await own.post(LOGIN, {"kind": "login", "label": "agent", "code": "c"})
    assert answer.json["error"] == "upstream_unavailable"
    await own.upstream.fault(OAUTH, "errcode:0")
    assert failure_of(await own.post(ROUTE, {"code": "c", "wx_app_id": SAMPLE_APP.appid}))[0] == 1


async def test_user_tokens_and_session_keys_are_not_shared_with_other_apps(own: Harness) -> None:
    """The same code for another app is another exchange."""
    body = await body_of(own)
    await own.post(ROUTE, body)
    other = {"code": body["code"], "wx_app_id": SAMPLE_MINI.appid, "wx_app_secret": SAMPLE_MINI.secret}
    assert failure_of(await own.post(ROUTE, other))[0] == 40029
