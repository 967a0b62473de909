"""Drop-in routes and the generic ones (docs/architecture.md)."""

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CORP
from tests.keeper.harness import (
    AGENT_SECRET,
    APP,
    CLASSIC,
    CLEAR_XCX,
    GETTOKEN,
    HELD,
    OUTSIDE,
    QYAPI,
    STABLE,
    TICKET,
    Harness,
    data_of,
    played,
)

CREDENTIAL = {
    "grant_type": "client_credential",
    "appid": SAMPLE_APP.appid,
    "secret": SAMPLE_APP.secret,
}
AGENT = {"corpid": SAMPLE_CORP.corpid, "corpsecret": SAMPLE_AGENT.secret}


@pytest.mark.parametrize("force", [True, False, "true", 1, None])
async def test_force_refresh_is_accepted_and_does_nothing(own: Harness, force: object) -> None:
    token = await own.token()
    for _ in range(5):
        answer = await own.post(STABLE, {**CREDENTIAL, "force_refresh": force})
        assert answer.json == {"access_token": token, "expires_in": 7200}
    assert await own.upstream.calls(STABLE) == 1


async def test_a_40001_loop_of_488_fetches_asks_the_platform_once(own: Harness) -> None:
    """wechatpy asks for another token as long as the API answers 40001; that of a live one is another's fault."""
    token = await own.token()
    for _ in range(488):
        assert (await own.get(CLASSIC, **CREDENTIAL)).json["access_token"] == token
    assert await own.upstream.calls() == 2
    assert await own.upstream.calls(STABLE) == 1


async def test_the_drop_in_routes_serve_what_the_others_serve(own: Harness) -> None:
    token = await own.token()
    assert (await own.get(CLASSIC, **CREDENTIAL)).json["access_token"] == token
    assert (await own.post(CLASSIC, body="&".join(f"{k}={v}" for k, v in CREDENTIAL.items()))).json[
        "access_token"
    ] == token
    agent = data_of(await own.get(QYAPI, **AGENT_SECRET))["access_token"]
    assert (await own.get(GETTOKEN, **AGENT)).json["access_token"] == agent


async def test_a_ticket_by_token(own: Harness) -> None:
    token = (await own.get(CLASSIC, **CREDENTIAL)).json["access_token"]
    ticket = (await own.get(TICKET, access_token=token)).json
    assert ticket["errcode"] == 0
    own.clock.advance(100)
    assert (await own.get(TICKET, access_token=token, type="jsapi")).json == {
        "ticket": ticket["ticket"],
        "expires_in": 7100,
        "errcode": 0,
        "errmsg": "ok",
    }
    card = (await own.get(TICKET, access_token=token, type="wx_card")).json
    assert card["ticket"] != ticket["ticket"]
    assert await own.upstream.calls(TICKET) == 2


async def test_a_ticket_is_no_token_and_one_platforms_token_not_the_others(own: Harness) -> None:
    token = (await own.get(CLASSIC, **CREDENTIAL)).json["access_token"]
    ticket = (await own.get(TICKET, access_token=token)).json["ticket"]
    agent = (await own.get(GETTOKEN, **AGENT)).json["access_token"]
    assert (await own.get(TICKET, access_token=ticket)).json["errcode"] == 40001
    assert (await own.get(TICKET, access_token=agent)).json["errcode"] == 40001
    assert (await own.get("/cgi-bin/get_jsapi_ticket", access_token=token)).json["errcode"] == 40014


async def test_a_ticket_for_a_token_that_has_ended(own: Harness) -> None:
    token = (await own.get(CLASSIC, **CREDENTIAL)).json["access_token"]
    own.clock.advance(7200)
    assert (await own.get(TICKET, access_token=token)).json["errcode"] == 40001
    assert await own.upstream.calls(TICKET) == 0


async def test_the_tickets_of_two_agents_are_two(own: Harness) -> None:
    agent = (await own.get(GETTOKEN, **AGENT)).json["access_token"]
    contacts = data_of(
        await own.get(QYAPI, corpid=SAMPLE_CORP.corpid, secret="sample-agent-1000003-bbbbbbbbbbbbbbbbbbbbbb")
    )["access_token"]
    path = "/cgi-bin/ticket/get"
    tickets = {
        (await own.get(path, access_token=token, type="agent_config")).json["ticket"]
        for token in (agent, contacts)
    }
    assert len(tickets) == 2


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", None])
async def test_a_json_call_is_read_whatever_it_calls_itself(own: Harness, content_type: str | None) -> None:
    """As WeChat reads it: curl and PHP call JSON a form unless they are set otherwise."""
    headers = {"content-type": content_type} if content_type else {}
    answer = await own.client.ask("POST", STABLE, body=json.dumps(CREDENTIAL), headers=headers, peer=OUTSIDE)
    assert answer.json["access_token"] == await own.token()


async def test_an_unchanged_version_is_304_without_a_body(own: Harness) -> None:
    first = await own.get(HELD)
    etag = first.headers["etag"]
    again = await own.get(HELD, headers={"if-none-match": etag})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == etag
    assert again.headers["cache-control"] == "no-store"
    other = await own.get(HELD, headers={"if-none-match": '"0-0"'})
    assert other.status_code == 200
    assert other.json["value"] == first.json["value"]


async def test_wait_answers_as_soon_as_there_is_another_version(own: Harness) -> None:
    await own.add_app(mode="classic")
    first = await own.get(HELD)
    etag = {"if-none-match": first.headers["etag"]}
    waiting = asyncio.create_task(own.get(HELD, headers=etag, wait="60"))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    await own.post(CLEAR_XCX, **APP)
    await own.token()
    answer = await asyncio.wait_for(waiting, 5)
    assert answer.json["version"] == 2
    assert answer.headers["etag"] != first.headers["etag"]


async def test_wait_sees_another_process_store_a_version(own: Harness, tmp_path: Path) -> None:
    await own.add_app(mode="classic")
    first = await own.get(HELD)
    etag = {"if-none-match": first.headers["etag"]}
    waiting = asyncio.create_task(own.get(HELD, headers=etag, wait="60"))
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, own.clock, own.upstream.url, session) as other,
    ):
        done, _ = await asyncio.wait([waiting], timeout=0.1)
        assert not done
        await other.post(CLEAR_XCX, **APP)
        await other.token()
        answer = await asyncio.wait_for(waiting, 5)
    assert answer.json["version"] == 2


@pytest.mark.threat("K91")
async def test_who_waits_and_is_revoked_gets_nothing_new(own: Harness) -> None:
    await own.add_app(mode="classic")
    key = await own.add_caller(apps=("*",))
    first = await own.get(HELD, bearer=key, peer=OUTSIDE)
    etag = {"if-none-match": first.headers["etag"]}
    waiting = asyncio.create_task(own.get(HELD, bearer=key, peer=OUTSIDE, headers=etag, wait="60"))
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    assert await own.keeper.store.revoke_caller("shop")
    await own.post(CLEAR_XCX, **APP)
    await own.token()
    answer = await asyncio.wait_for(waiting, 5)
    assert answer.status_code == 401
    assert "value" not in answer.json


@pytest.mark.parametrize("form", ["W/{}", '"0-0", {}', '{} , W/"7-7"', "*"])
async def test_a_version_is_known_however_proxies_write_it(own: Harness, form: str) -> None:
    etag = form.format((await own.get(HELD)).headers["etag"])
    assert (await own.get(HELD, headers={"if-none-match": etag})).status_code == 304


async def test_wait_ends_with_304_when_nothing_changes(own: Harness) -> None:
    etag = {"if-none-match": (await own.get(HELD)).headers["etag"]}
    answer = await own.meanwhile(own.get(HELD, headers=etag, wait="0.2"), step=0.1, always=True)
    assert answer.status_code == 304


async def test_wait_ends_when_the_service_does(own: Harness) -> None:
    etag = {"if-none-match": (await own.get(HELD)).headers["etag"]}
    waiting = [asyncio.create_task(own.get(HELD, headers=etag, wait="60")) for _ in range(3)]
    done, _ = await asyncio.wait(waiting, timeout=0.2)
    assert not done
    own.keeper.waits.end()
    async with asyncio.timeout(5):
        assert [(await each).status_code for each in waiting] == [304, 304, 304]
        assert (await own.get(HELD, headers=etag, wait="60")).status_code == 304
        assert (await own.get(HELD)).status_code == 200


async def test_wait_without_a_version_answers_at_once(own: Harness) -> None:
    assert (await own.get(HELD, wait="60")).status_code == 200


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "x"])
async def test_wait_is_bounded(own: Harness, wait: str) -> None:
    assert (await own.get(HELD, wait=wait)).status_code == 400


@pytest.mark.parametrize("form", ["query", "form", "json"])
async def test_drop_in_calls_take_post_as_push_scripts_send_it(own: Harness, form: str) -> None:
    async def ask(path: str, **fields: str) -> Any:
        if form == "query":
            return (await own.post(path, **fields)).json
        if form == "form":
            return (await own.post(path, body=urlencode(fields))).json
        return (await own.post(path, fields)).json

    agent = {"corpid": SAMPLE_CORP.corpid, "corpsecret": SAMPLE_AGENT.secret}
    token = (await ask("/cgi-bin/gettoken", **agent))["access_token"]
    assert (await ask("/cgi-bin/get_jsapi_ticket", access_token=token))["errcode"] == 0
    assert (await ask("/cgi-bin/ticket/get", access_token=token, type="agent_config"))["errcode"] == 0
    app = {"appid": SAMPLE_APP.appid, "secret": SAMPLE_APP.secret}
    token = (await ask("/cgi-bin/token", grant_type="client_credential", **app))["access_token"]
    assert (await ask("/cgi-bin/ticket/getticket", access_token=token, type="jsapi"))["errcode"] == 0
    code = (await own.upstream.code(SAMPLE_APP.appid))["code"]
    assert (await ask("/sns/oauth2/access_token", code=code, **app))["openid"]
    assert (await ask("/sns/jscode2session", js_code="nonsense", **app))["errcode"] == 40029
