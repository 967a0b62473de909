"""What the original service did wrong, one test for each line of docs/spec/keeper.md."""

import asyncio
import hashlib
import io
import socket
from pathlib import Path

import pytest

from lingpai.keeper.upstream import Unreachable, Upstream
from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI
from tests.keeper.certificates import tls_server
from tests.keeper.harness import (
    APP,
    APP_SECRET,
    CLEAR_XCX,
    HELD,
    OAUTH,
    OUTSIDE,
    SESSION,
    STABLE,
    TICKET,
    XCX,
    Harness,
    data_of,
    failure_of,
)

OAUTH_ROUTE = "/AccessToken/getOauthAccessToken"
SIGN_ROUTE = "/JsSDK/getJsApiSign"
SESSION_ROUTE = "/xcx/jscode2session"


async def test_fault_01_no_caller_authentication(own: Harness) -> None:
    key = await own.add_caller()
    assert failure_of(await own.get(XCX, peer=OUTSIDE, **APP))[0] == 403
    assert failure_of(await own.get(XCX, peer=OUTSIDE, bearer="lpk_guess", **APP))[0] == 403
    assert await own.upstream.calls() == 0
    assert data_of(await own.get(XCX, peer=OUTSIDE, bearer=key, **APP))["expires_in"] == 7200


async def test_fault_02_a_wrong_secret_gets_a_cached_token(own: Harness) -> None:
    held = await own.token()
    for wrong in (
        SAMPLE_MINI.secret,
        SAMPLE_APP.secret[:-1],
        SAMPLE_APP.secret + "0",
        SAMPLE_APP.secret[:10],
    ):
        code, message = failure_of(await own.get(XCX, **APP, secret=wrong))
        assert code == 403
        assert held not in message
    assert await own.upstream.calls(STABLE) == 1


async def test_fault_03_clear_is_open_to_anyone(own: Harness) -> None:
    await own.token()
    assert failure_of(await own.get(CLEAR_XCX, peer=OUTSIDE, **APP))[0] == 403
    assert failure_of(await own.get(CLEAR_XCX, **APP, secret=SAMPLE_MINI.secret))[0] == 403
    assert not (await own.held()).suspect
    assert data_of(await own.get(CLEAR_XCX, peer=OUTSIDE, **APP_SECRET)) == {}
    assert (await own.held()).suspect


async def test_fault_04_no_single_flight(own: Harness) -> None:
    await own.upstream.fault(STABLE, "slow:0.1")
    tokens = await asyncio.gather(*(own.token() for _ in range(100)))
    assert len(set(tokens)) == 1
    assert await own.upstream.calls(STABLE) == 1
    assert await own.upstream.lives(tokens[0])


async def test_fault_05_no_early_renewal_so_every_caller_waits(own: Harness) -> None:
    first = await own.token()
    own.clock.advance(7200 - 299)
    await own.pass_time(35)
    await own.upstream.fault("*", "errcode:-1", 1000)  # no caller may need the upstream now
    second = await own.token()
    assert second != first
    assert await own.upstream.lives(second)
    assert data_of(await own.get(XCX, **APP))["expires_in"] > 7100


async def test_fault_06_the_ticket_is_cached_for_a_fixed_time(own: Harness) -> None:
    await own.upstream.control("POST", "options", {"ticket_lifetime": 900})
    first = (await own.get(HELD, kind="jsapi_ticket")).json
    assert first["expires_in"] == 900
    own.clock.advance(800)
    assert (await own.get(HELD, kind="jsapi_ticket")).json["expires_in"] == 100
    own.clock.advance(100)
    assert (await own.get(HELD, kind="jsapi_ticket")).json["value"] != first["value"]


async def test_fault_06_the_ticket_outlives_a_change_of_the_secret(own: Harness) -> None:
    token = await own.token()
    ticket = (await own.get(TICKET, access_token=token, type="jsapi")).json["ticket"]
    await own.upstream.switch(SAMPLE_APP.appid, secret="f" * 32)
    await own.add_app(secret="f" * 32)
    assert (await own.get(TICKET, access_token=token, type="jsapi")).json["errcode"] == 40001
    assert failure_of(await own.get(XCX, **APP_SECRET))[0] == 403
    calls = await own.upstream.calls(TICKET)
    await own.get(HELD, kind="jsapi_ticket")
    assert await own.upstream.calls(TICKET) == calls + 1
    assert ticket  # the platform gives the same one again: it is asked, not remembered


async def test_fault_07_jscode2session_returns_nothing(own: Harness) -> None:
    minted = await own.upstream.code(SAMPLE_MINI.appid)
    query = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret, "code": minted["code"]}
    data = data_of(await own.get(SESSION_ROUTE, **query))
    assert data["openid"] == minted["openid"]
    assert data["unionid"] == minted["unionid"]
    assert len(data["session_key"]) == 24


async def test_fault_08_parameters_are_pasted_into_the_url(own: Harness) -> None:
    nasty = "a&secret=b#?/%00=+ü"
    await own.get(XCX, appid="wx1&grant_type=x", secret=nasty)
    await own.post(OAUTH_ROUTE, {"code": nasty, "wx_app_id": SAMPLE_APP.appid})
    (sent,) = (await own.upstream.control("GET", "received", path=OAUTH))["received"]
    assert sent["query"].keys() == {"appid", "secret", "code", "grant_type"}
    assert sent["query"]["appid"] == SAMPLE_APP.appid


async def test_fault_08_tls_is_not_verified(tmp_path: Path) -> None:
    upstream = Upstream()
    try:
        async with tls_server(tmp_path) as url:
            with pytest.raises(Unreachable, match="certificate is not trusted"):
                await upstream.call("GET", url)
    finally:
        await upstream.close()


async def test_fault_08_no_timeouts() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        upstream = Upstream(total=0.1)
        try:
            with pytest.raises(Unreachable, match="no answer within"):
                await upstream.call("GET", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        finally:
            await upstream.close()


async def test_fault_09_secrets_and_tokens_go_to_the_log(own: Harness, log_lines: io.StringIO) -> None:
    key = await own.add_caller()
    token = await own.token()
    ticket = (await own.get(TICKET, access_token=token, type="jsapi")).json["ticket"]
    code = (await own.upstream.code(SAMPLE_APP.appid))["code"]
    user = data_of(await own.post(OAUTH_ROUTE, {"code": code, "wx_app_id": SAMPLE_APP.appid}))
    await own.get(XCX, **APP, secret=key, bearer=key)
    await own.get(XCX, **APP, secret="wrong-secret-of-somebody")
    await own.get(CLEAR_XCX, **APP_SECRET)
    await own.upstream.fault(STABLE, "reset")
    await own.get(XCX, **APP)
    await own.get(TICKET, access_token="a-token-of-somebody-else", type="jsapi")
    own.clock.advance(60)
    await own.upstream.kill(token)
    await own.post("/keeper/report", {"access_token": token})
    own.keeper.audit.flush()
    log = log_lines.getvalue()
    assert '"fetch_failed"' in log
    assert '"served"' in log
    secrets = (key, token, ticket, code, user["access_token"], user["refresh_token"], SAMPLE_APP.secret)
    for secret in (*secrets, "wrong-secret-of-somebody", "a-token-of-somebody-else"):
        assert secret not in log


async def test_fault_10_signs_with_an_empty_ticket(own: Harness) -> None:
    page = {"wx_app_id": SAMPLE_APP.appid, "url": "https://shop.example/"}
    await own.upstream.fault(TICKET, "errcode:48001")
    assert failure_of(await own.post(SIGN_ROUTE, page))[0] == 48001
    own.clock.advance(400)
    for fault in ("http500", "empty"):
        await own.upstream.fault(TICKET, fault)
        assert failure_of(await own.post(SIGN_ROUTE, page))[0] == 1
        own.clock.advance(400)


async def test_fault_10_the_fragment_is_signed(own: Harness) -> None:
    page = {"wx_app_id": SAMPLE_APP.appid, "url": "https://shop.example/cart?a=1#top"}
    signed = data_of(await own.post(SIGN_ROUTE, page))
    ticket = (await own.get(HELD, kind="jsapi_ticket")).json["value"]
    text = (
        f"jsapi_ticket={ticket}&noncestr={signed['noncestr']}"
        f"&timestamp={signed['timestamp']}&url=https://shop.example/cart?a=1"
    )
    assert signed["signature"] == hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("fault", ["reset", "http500", "html", "empty"])
async def test_fault_11_success_with_nothing_when_the_upstream_is_away(own: Harness, fault: str) -> None:
    await own.upstream.fault(OAUTH, fault)
    await own.upstream.fault(SESSION, fault)
    code, message = failure_of(await own.post(OAUTH_ROUTE, {"code": "c", "wx_app_id": SAMPLE_APP.appid}))
    assert code == 1
    assert "call to the upstream platform failed" in message
    assert failure_of(await own.get(SESSION_ROUTE, **APP, code="c"))[0] == 1


async def test_fault_12_a_store_that_is_down_sends_every_request_upstream(own: Harness) -> None:
    await own.token()
    before = await own.upstream.calls()
    await own.keeper.store.close()
    for answer in (
        await own.get(XCX, **APP),
        await own.get(XCX, **APP_SECRET),
        await own.post(OAUTH_ROUTE, {"code": "c", "wx_app_id": SAMPLE_APP.appid}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert failure_of(answer)[0] == 503
    assert await own.upstream.calls() == before


async def test_fault_13_no_reaction_to_40001(own: Harness) -> None:
    dead = await own.token()
    await own.upstream.kill(dead)
    answer = await own.post("/keeper/report", {"access_token": dead})
    assert data_of(answer) == {"outcome": "renewed"}
    renewed = await own.token()
    assert renewed != dead
    assert await own.upstream.lives(renewed)
