"""Forwarded calls against the sandbox: who may, what goes out, what comes back, dead tokens (threat K92)."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from lingpai.core.records import RIGHTS
from lingpai.http_client.pool import HttpRequest, split_url
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP, SAMPLE_CONTACTS, SAMPLE_CORP
from tests.helpers.direct import Result
from tests.keeper.harness import (
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
    staged,
)

WECHAT = f"/v1/forward/wechat/{SAMPLE_APP.appid}"
WECOM = f"/v1/forward/wecom/{SAMPLE_CORP.corpid}"
SEND = "/cgi-bin/message/custom/send"
USERS = "/cgi-bin/user/get"
FORWARDING = {"rights": ("forward",)}
PHANTOM = {"rights": (*RIGHTS, "forward"), "hand_out": "phantom"}


@pytest.fixture
async def key(own: Harness) -> str:
    """The key of a caller that may have everything forwarded."""
    return await own.add_caller("forwarder", **FORWARDING)


@pytest.fixture
async def phantom(own: Harness) -> str:
    """A phantom token of the sample app."""
    return await phantom_of(own, await own.add_caller("ghost", **PHANTOM))


async def phantom_of(harness: Harness, key: str) -> str:
    fields = {"grant_type": "client_credential", "appid": SAMPLE_APP.appid, "secret": key}
    answer = (await harness.get("/cgi-bin/token", **fields)).json
    assert answer["expires_in"] > 0
    return str(answer["access_token"])


async def openid_of(harness: Harness) -> str:
    return str((await harness.upstream.code(SAMPLE_APP.appid, user="alice"))["openid"])


async def seen(harness: Harness, path: str) -> list[dict[str, Any]]:
    """What the sandbox got."""
    received: list[dict[str, Any]] = (await harness.upstream.control("GET", "received", path=path))[
        "received"
    ]
    return received


async def test_a_call_is_made_with_the_token_that_is_here(own: Harness, key: str) -> None:
    answer = await own.get(f"{WECHAT}{USERS}", bearer=key, next_openid="")
    assert answer.status_code == 200
    assert answer.json == {"total": 0, "count": 0, "next_openid": ""}
    sent = await own.post(f"{WECHAT}{SEND}", {"touser": "nobody"}, bearer=key)
    assert sent.json["errcode"] == 40003
    assert await own.upstream.calls(STABLE) == 1
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["trace-id"]


async def test_the_label_chooses_among_several_secrets(own: Harness, key: str) -> None:
    path = f"{WECOM}/cgi-bin/agent/get"
    many = await own.get(path, bearer=key, agentid=str(SAMPLE_AGENT.agentid))
    assert (many.status_code, many.json["error"]) == (409, "ambiguous_account")
    for label, agent in (("agent", SAMPLE_AGENT), ("contacts", SAMPLE_CONTACTS)):
        answer = await own.get(path, bearer=key, headers={"Lingpai-Label": label}, agentid=str(agent.agentid))
        assert answer.json["name"] == agent.name


@pytest.mark.parametrize(
    ("bearer", "peer", "status", "error"),
    [
        ("", "127.0.0.1", 401, "missing_key"),
        ("", OUTSIDE, 401, "missing_key"),
        ("lpk_unknown", OUTSIDE, 401, "wrong_key"),
        ("lpk_plain_0123456789abcdef", OUTSIDE, 403, "not_allowed"),
        ("lpk_other_0123456789abcdef", OUTSIDE, 403, "not_allowed"),
        ("lpk_there_0123456789abcdef", OUTSIDE, 403, "not_allowed"),
    ],
)
async def test_only_a_caller_key_with_the_right_forwards(
    own: Harness, bearer: str, peer: str, status: int, error: str
) -> None:
    await own.add_caller("plain")
    await own.add_caller("other", **FORWARDING, apps=("wecom/ww0",))
    await own.add_caller("there", **FORWARDING, networks=("10.0.0.0/8",))
    answer = await own.get(f"{WECHAT}{USERS}", bearer=bearer, peer=peer)
    assert (answer.status_code, answer.json["error"]) == (status, error)
    assert answer.json["errcode"]
    assert await own.upstream.calls() == 0


async def test_patterns_limit_the_paths(own: Harness) -> None:
    key = await own.add_caller("narrow", **FORWARDING, forward=("/cgi-bin/message/*", "/cgi-bin/user/get"))
    assert (await own.get(f"{WECHAT}{USERS}", bearer=key)).status_code == 200
    assert (await own.post(f"{WECHAT}{SEND}", {}, bearer=key)).status_code == 200
    for path in (
        "/cgi-bin/user/get2",
        "/cgi-bin/user/info",
        "/cgi-bin/messages",
        "/wxa/x",
        "/cgi-bin/USER/get",
    ):
        answer = await own.get(f"{WECHAT}{path}", bearer=key)
        assert (answer.status_code, answer.json["errcode"]) == (403, 48001)


NEVER = (
    "/cgi-bin/token",
    "/cgi-bin/%74oken",
    "/cgi-bin/TOKEN",
    "/cgi-bin/stable_token",
    "/cgi-bin/gettoken",
    "/cgi-bin/ticket/getticket",
    "/cgi-bin/get_jsapi_ticket",
    "/cgi-bin/ticket/get",
    "/cgi-bin/clear_quota",
    "/cgi-bin/clear_quota/v2",
    "/cgi-bin/openapi/quota/clear",
    "/cgi-bin/component/api_component_token",
    "/cgi-bin/service/get_suite_token",
    "/cgi-bin/corpgroup/corp/gettoken",
    "/sns/oauth2/access_token",
    "/sns/oauth2/refresh_token",
    "/evil",
    "/v1/tokens/x",
    "/cgi-bin",
)


@pytest.mark.parametrize("path", NEVER)
async def test_what_gives_or_costs_what_is_kept_here_is_never_forwarded(
    own: Harness, key: str, path: str
) -> None:
    answer = await ask_raw(own, "POST", f"{WECHAT}{path}", key)
    assert (answer.status_code, answer.json["errcode"]) == (403, 48001)
    assert await own.upstream.calls() == 0


async def ask_raw(harness: Harness, method: str, target: str, key: str = "", *lines: str) -> Result:
    """Ask for a target exactly as it is written."""
    bearer = [f"authorization: Bearer {key}"] if key else []
    head = "\r\n".join(
        [f"{method} {target} HTTP/1.1", "host: 127.0.0.1", "content-length: 0", *bearer, *lines, "", ""]
    )
    return await harness.client.ask_bytes(head.encode("latin-1"))


REFUSED = (
    "/cgi-bin/../evil",
    "/cgi-bin/user/./get",
    "/cgi-bin//user/get",
    "//evil.example/cgi-bin/user/get",
    "/cgi-bin/user/get/",
    "/cgi-bin/user%2fget",
    "/cgi-bin/user%5Cget",
    "/cgi-bin/%2e%2e/evil",
    "/cgi-bin/user/get%00",
    "/cgi-bin/user/get%0d%0aX-Evil:1",
    "/cgi-bin/user/get%252e",
    "/cgi-bin/user/get;x=1",
    "/cgi-bin/user/get%3bx",
    "/cgi-bin/user/get%3fx",
    "/cgi-bin/user/get%23x",
    "/cgi-bin/user/get%zz",
    "/cgi-bin/user\\get",
    "/cgi-bin/user/get?a=%0d%0a",
    "/cgi-bin/user/get?a=\\",
    "/cgi-bin/user/get?a=%",
)


@pytest.mark.threat("K92")
@pytest.mark.parametrize("path", REFUSED)
async def test_what_two_servers_could_read_in_two_ways_is_refused(own: Harness, key: str, path: str) -> None:
    answer = await ask_raw(own, "GET", f"{WECHAT}{path}", key)
    assert answer.status_code == 400
    assert await own.upstream.calls(USERS) == 0


@pytest.mark.threat("K92")
async def test_an_absolute_form_is_refused(own: Harness, key: str) -> None:
    for host in ("127.0.0.1", "evil.example"):
        answer = await ask_raw(own, "GET", f"http://{host}{WECHAT}{USERS}", key)
        assert answer.status_code == 400
    assert await own.upstream.calls() == 0


@pytest.mark.parametrize(
    "query",
    [
        "access_token=x",
        "a=1&access_token=x",
        "access%5Ftoken=x",
        "ACCESS_TOKEN=x",
        "access.token=x",
        "access_token[]=x",
        "a=1;access_token=x",
        "%61ccess_token=x",
        "access_token",
    ],
)
async def test_no_token_comes_beside_ours(own: Harness, key: str, phantom: str, query: str) -> None:
    answer = await ask_raw(own, "GET", f"{WECHAT}{USERS}?{query}", key)
    assert (answer.status_code, answer.json["error"]) == (400, "repeated_parameter")
    twice = await ask_raw(own, "GET", f"{USERS}?access_token={phantom}&{query}")
    assert (twice.status_code, twice.json["errcode"]) == (400, 40097)
    assert await own.upstream.calls(USERS) == 0


async def test_path_and_query_go_out_byte_for_byte(own: Harness, key: str, phantom: str) -> None:
    echo = "/cgi-bin/echo/a%20b/%E4%BD%A0"
    query = "z=1&&y=%2F%2f+%20&x&=&z=2&%41=b"
    async with spying(own) as targets:
        await ask_raw(own, "GET", f"{WECHAT}{echo}?{query}", key)
        await ask_raw(own, "GET", f"{echo}?a=1&access_token={phantom}&{query}")
        await ask_raw(own, "GET", f"{WECHAT}{echo}", key)
    real = (await own.held()).current
    assert real is not None
    assert targets == [
        f"{echo}?{query}&access_token={real.value}",
        f"{echo}?a=1&access_token={real.value}&{query}",
        f"{echo}?access_token={real.value}",
    ]


def spying(harness: Harness) -> Any:
    return _Spying(harness)


class _Spying:
    """The targets of the calls that are sent to the platform."""

    def __init__(self, harness: Harness) -> None:
        self._upstream: Any = harness.keeper.upstream
        self._send = self._upstream.send

    async def __aenter__(self) -> list[str]:
        targets: list[str] = []

        async def send(request: HttpRequest, **options: Any) -> Any:
            targets.append(split_url(request.url)[1])
            return await self._send(request, **options)

        self._upstream.send = send
        return targets

    async def __aexit__(self, *error: object) -> None:
        self._upstream.send = self._send


@pytest.mark.threat("K92")
async def test_headers_go_out_by_a_list(own: Harness, key: str) -> None:
    lines = (
        "content-type: text/x; charset=gbk",
        "content-disposition: x",
        "accept: a/b",
        "accept-language: zh",
        "accept-encoding: br",
        "range: bytes=1-",
        "if-none-match: x",
        "cookie: a=1",
        "forwarded: for=1.2.3.4",
        "x-forwarded-for: 1.2.3.4",
        "x-real-ip: 1.2.3.4",
        "proxy-authorization: Basic x",
        "te: trailers",
        "lingpai-label: ",
        "user-agent: mine",
        "connection: keep-alive, x-secret",
        "x-secret: 1",
    )
    await ask_raw(own, "POST", f"{WECHAT}{SEND}", key, *lines)
    (got,) = await seen(own, SEND)
    headers = got["headers"]
    agent, host = headers.pop("user-agent"), headers.pop("host")
    assert "mine" not in agent
    assert host == own.upstream.url.removeprefix("http://")
    assert headers == {
        "content-type": "text/x; charset=gbk",
        "content-disposition": "x",
        "accept": "a/b",
        "accept-language": "zh",
        "accept-encoding": "identity",
        "range": "bytes=1-",
        "if-none-match": "x",
        "content-length": "0",
    }


async def test_a_phantom_token_looks_and_ends_as_the_real_one_and_is_not_it(own: Harness) -> None:
    key = await own.add_caller("ghost", **PHANTOM)
    token = await phantom_of(own, key)
    assert token == await phantom_of(own, key)
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(token) <= 512
    held = (await own.get(HELD, bearer=key)).json
    plain = data_of(await own.get(XCX, appid=SAMPLE_APP.appid, secret=key))
    assert {held["value"], plain["access_token"]} == {token}
    real = (await own.held()).current
    assert real is not None
    assert held["expires_in"] == int(real.end.remaining(own.clock))
    assert real.value not in token
    assert not await own.upstream.lives(token)
    for again in range(3):  # by the cached answer too
        assert data_of(await own.get(XCX, appid=SAMPLE_APP.appid, secret=key))["access_token"] == token, again
    corp = await own.add_caller("corp", **PHANTOM, apps=(f"wecom/{SAMPLE_CORP.corpid}/agent",))
    answer = (await own.get(GETTOKEN, corpid=SAMPLE_CORP.corpid, corpsecret=corp)).json
    assert not await own.upstream.lives(answer["access_token"])
    listed = data_of(await own.get(QYAPI, corpid=SAMPLE_CORP.corpid, secret=corp))
    assert listed["access_token"] == answer["access_token"]


async def test_the_account_says_what_keys_get_that_do_not_say_it(own: Harness) -> None:
    await own.add_app(hand_out="phantom")
    silent = await own.add_caller("silent", rights=(*RIGHTS, "forward"))
    plain = await own.add_caller("plain", hand_out="token")
    assert not await own.upstream.lives(await phantom_of(own, silent))
    assert await own.upstream.lives(await phantom_of(own, plain))
    assert (await own.get(HELD)).json["error"] == "missing_key"  # nobody to give one to
    secret = data_of(await own.get(XCX, appid=SAMPLE_APP.appid, secret=SAMPLE_APP.secret))
    assert await own.upstream.lives(secret["access_token"])  # who has the secret may ask the platform itself


async def test_who_may_forward_alone_gets_a_phantom_token_and_no_ticket(own: Harness) -> None:
    key = await own.add_caller("ghost", rights=("forward",), hand_out="phantom")
    token = await phantom_of(own, key)
    assert (await own.get(USERS, access_token=token)).json["count"] == 0
    ticket = (await own.get(TICKET, access_token=token, type="jsapi")).json
    assert ticket["errcode"] == 40125
    assert "ticket" not in ticket


async def test_tickets_and_reports_work_with_a_phantom_token(own: Harness, phantom: str) -> None:
    ticket = (await own.get(TICKET, access_token=phantom, type="jsapi")).json
    assert ticket["errcode"] == 0
    answer = data_of(await own.post("/keeper/report", {"access_token": phantom}))
    assert answer == {"outcome": "alive"}
    real = (await own.held()).current
    assert real is not None
    await own.upstream.kill(real.value)
    own.clock.advance(31)
    assert data_of(await own.post("/keeper/report", {"access_token": phantom})) == {"outcome": "renewed"}
    assert data_of(await own.post("/keeper/report", {"access_token": phantom})) == {"outcome": "old"}


async def test_a_platform_without_forwarding_hands_out_nothing_to_a_key_with_phantom_tokens(
    harness: Harness,
) -> None:
    from lingpai.core.records import Account

    await harness.keeper.store.save_account(Account(platform="yzb", account="100001", secret="s" * 40))
    key = await harness.add_caller("ghost", **PHANTOM)
    answer = await harness.get("/v1/tokens/yzb/100001", bearer=key)
    assert answer.status_code in {403, 502}
    assert "value" not in answer.json


async def test_drop_in_calls_are_forwarded_and_nothing_else_is(own: Harness, phantom: str) -> None:
    assert (await own.get(USERS, access_token=phantom)).json["count"] == 0
    assert (await own.get("/wxa/getwxadevinfo", access_token=phantom)).json["errcode"] == 0
    nothing = await own.get(USERS)
    assert (nothing.status_code, nothing.json["errcode"]) == (404, 40066)
    for token in ("x", "A" * 200, phantom[:-1], phantom + "A", (await own.held()).current.value):  # type: ignore[union-attr]
        refused = await own.get(USERS, access_token=token)
        assert (refused.status_code, refused.json["errcode"]) == (200, 40001)
    before = await own.upstream.calls("/cgi-bin/ticket/nothing")
    assert (await own.post("/cgi-bin/clear_quota", {}, access_token=phantom)).status_code == 403
    assert await own.upstream.calls("/cgi-bin/clear_quota") == before == 0


async def test_a_phantom_token_dies_with_its_key_its_account_and_its_end(own: Harness) -> None:
    async def code(token: str) -> int:
        return int((await own.get(USERS, access_token=token)).json.get("errcode", 0))

    first = await phantom_of(own, await own.add_caller("first", **PHANTOM))
    second = await phantom_of(own, await own.add_caller("second", **PHANTOM))
    assert await code(first) == 0
    await own.keeper.store.revoke_caller("first")
    assert await code(first) == 40001
    assert await code(second) == 0
    own.clock.advance(7201)
    assert await code(second) == 40001
    third = await phantom_of(own, await own.add_caller("third", **PHANTOM))
    await own.keeper.store.remove_account("wechat", SAMPLE_APP.appid, "")
    assert await code(third) == 40001


async def test_rights_apps_and_networks_of_the_key_count_at_each_call(own: Harness) -> None:
    import msgspec

    token = await phantom_of(own, await own.add_caller("ghost", **PHANTOM))
    (ghost,) = await own.keeper.store.list_callers()
    for change in (
        {"rights": RIGHTS},
        {"apps": ("wecom/x",)},
        {"networks": ("10.0.0.0/8",)},
        {"forward": ("/wxa/*",)},
    ):
        await own.keeper.store.change_caller(msgspec.structs.replace(ghost, **change))
        answer = await own.get(USERS, access_token=token)
        assert (answer.status_code, answer.json["errcode"]) == (403, 48001), change
    await own.keeper.store.change_caller(ghost)
    assert (await own.get(USERS, access_token=token)).status_code == 200


async def test_a_phantom_token_of_a_renewed_token_is_served_by_the_current_one(
    own: Harness, phantom: str
) -> None:
    before = (await own.held()).current
    assert before is not None
    await own.pass_time(7000, step=50)
    now = (await own.held()).current
    assert now is not None
    assert now.version > before.version
    async with spying(own) as targets:
        assert (await own.get(USERS, access_token=phantom)).json["count"] == 0
    assert targets == [f"{USERS}?access_token={now.value}"]


@pytest.mark.parametrize("code", [40001, 40014, 42001])
async def test_a_dead_token_is_verified_renewed_and_the_call_made_again(
    own: Harness, phantom: str, code: int
) -> None:
    real = (await own.held()).current
    assert real is not None
    await own.upstream.kill(real.value)
    await own.upstream.fault(SEND, f"errcode:{code}")
    answer = await own.post(SEND, {"touser": await openid_of(own)}, access_token=phantom)
    assert answer.json["errcode"] == 0
    assert await own.upstream.calls(PROBE) == 1
    assert await own.upstream.calls(STABLE) == 2
    assert await own.upstream.calls(SEND) == 2
    assert [got["body"] != "" for got in await seen(own, SEND)] == [True, True]


async def test_a_token_that_the_platform_accepts_after_all_costs_no_second_call(
    own: Harness, phantom: str
) -> None:
    await own.upstream.fault(SEND, "errcode:40001")
    answer = await own.post(SEND, {"touser": "x"}, access_token=phantom)
    assert answer.json["errcode"] == 40001
    assert await own.upstream.calls(SEND) == 1


@pytest.mark.parametrize("code", [-1, 45009, 45033, 48001, 60020, 40003])
async def test_other_numbers_are_passed_back_at_once(own: Harness, key: str, code: int) -> None:
    await own.upstream.fault(SEND, f"errcode:{code}")
    answer = await own.post(f"{WECHAT}{SEND}", {"touser": "x"}, bearer=key)
    assert (answer.status_code, answer.json["errcode"]) == (200, code)
    assert await own.upstream.calls(SEND) == 1
    assert await own.upstream.calls(PROBE) == 0


async def test_many_calls_that_meet_a_dead_token_cost_one_question_and_one_token(
    own: Harness, phantom: str
) -> None:
    real = (await own.held()).current
    assert real is not None
    await own.upstream.kill(real.value)
    answers = await asyncio.gather(*(own.get(USERS, access_token=phantom) for _ in range(50)))
    assert [answer.json.get("errcode", 0) for answer in answers] == [0] * 50
    assert await own.upstream.calls(PROBE) == 1
    assert await own.upstream.calls(STABLE) == 2


async def test_a_call_of_a_large_body_is_passed_back_and_the_next_one_works(
    own: Harness, phantom: str
) -> None:
    real = (await own.held()).current
    assert real is not None
    await own.upstream.kill(real.value)
    large = {"touser": "x" * 1_100_000}
    assert (await own.post(SEND, large, access_token=phantom)).json["errcode"] == 40001
    assert await own.upstream.calls(SEND) == 1
    assert (await own.get(USERS, access_token=phantom)).json["count"] == 0
    assert await own.upstream.calls(STABLE) == 2


async def test_the_platform_in_trouble_is_502_and_its_own_statuses_pass(
    own: Harness, key: str, phantom: str
) -> None:
    await own.upstream.fault(USERS, "http500")
    assert (await own.get(f"{WECHAT}{USERS}", bearer=key)).status_code == 500
    await own.upstream.fault(USERS, "reset", 2)
    broken = await own.get(f"{WECHAT}{USERS}", bearer=key)
    assert (broken.status_code, broken.json["error"], broken.json["errcode"]) == (
        502,
        "upstream_unavailable",
        -1,
    )
    assert (await own.get(USERS, access_token=phantom)).json["errcode"] == -1


@pytest.mark.threat("K92")
async def test_a_redirect_is_passed_on_without_the_token(own: Harness, phantom: str) -> None:
    await own.upstream.fault(USERS, "redirect")
    answer = await own.get(USERS, access_token=phantom)
    real = (await own.held()).current
    assert real is not None
    assert answer.status_code in {301, 302, 307}
    assert answer.headers["location"]
    assert real.value not in answer.headers["location"]
    assert await own.upstream.calls(USERS) == 1


async def test_what_is_too_much_at_once_waits_and_then_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, forward={"at_once": 1, "queue": 0.05}) as harness:
        await harness.add_app()
        await harness.add_corp()
        key = await harness.add_caller("forwarder", **FORWARDING)
        await harness.get(f"{WECHAT}{USERS}", bearer=key)
        await harness.upstream.fault(USERS, "slow:0.5")
        slow, refused = await asyncio.gather(
            harness.get(f"{WECHAT}{USERS}", bearer=key), harness.get(f"{WECHAT}{USERS}", bearer=key)
        )
        assert sorted([slow.status_code, refused.status_code]) == [200, 429]
        over = slow if slow.status_code == 429 else refused
        assert over.json["errcode"] == 45009
        ghost = await harness.add_caller("ghost", **PHANTOM, apps=(f"wecom/{SAMPLE_CORP.corpid}/agent",))
        token = (await harness.get(GETTOKEN, corpid=SAMPLE_CORP.corpid, corpsecret=ghost)).json[
            "access_token"
        ]
        await harness.upstream.fault("/cgi-bin/user/simplelist", "slow:0.5")
        both = await asyncio.gather(
            *(harness.get("/cgi-bin/user/simplelist", access_token=token) for _ in range(2))
        )
        assert sorted(each.json["errcode"] for each in both) == [0, 45033]
        assert {each.status_code for each in both} == {200}


async def test_a_caller_in_a_loop_is_slowed_down_alone(tmp_path: Path) -> None:
    async with staged(tmp_path, forward={"rate": 1}) as harness:
        await harness.add_app()
        keys = [await harness.add_caller(name, **FORWARDING) for name in ("loop", "calm")]
        codes = [(await harness.get(f"{WECHAT}{USERS}", bearer=keys[0])).status_code for _ in range(4)]
        assert codes == [200, 200, 429, 429]
        assert (await harness.get(f"{WECHAT}{USERS}", bearer=keys[1])).status_code == 200
        harness.clock.advance(1)
        assert (await harness.get(f"{WECHAT}{USERS}", bearer=keys[0])).status_code == 200


async def test_nothing_of_a_call_is_logged_and_calls_are_counted(
    own: Harness, key: str, phantom: str, log_lines: io.StringIO
) -> None:
    await own.post(f"{WECHAT}{SEND}", {"touser": "hidden-body"}, bearer=key, hidden="hidden-query")
    await own.get(USERS, access_token=phantom, hidden="hidden-query")
    await own.upstream.fault(USERS, "reset")
    await own.get(f"{WECHAT}{USERS}", bearer=key, hidden="hidden-query")
    await own.get(f"{WECHAT}/cgi-bin/token", bearer=key, hidden="hidden-query")
    own.keeper.audit.flush()
    logged = log_lines.getvalue()
    real = (await own.held()).current
    assert real is not None
    for secret in ("hidden", "user/get", real.value, phantom, key):
        assert secret not in logged
    assert '"action": "forward /cgi-bin/*"' in logged
    shown = (await own.get("/metrics")).text
    name = f'lingpai_keeper_forwarded_total{{account="{SAMPLE_APP.appid}",caller="forwarder"'
    for path, outcome in (("/cgi-bin/*", "ok"), ("/cgi-bin/*", "unreachable"), ("*", "refused")):
        assert f'{name},outcome="{outcome}",path="{path}",platform="wechat"}}' in shown


async def test_the_platform_may_refuse_everybody_else(own: Harness, key: str) -> None:
    """A call goes out from here, wherever the caller is: that is what an allow-list needs."""
    await own.upstream.control("POST", "options", {"only_from": ["127.0.0.1/32"]})
    assert (await own.get(f"{WECHAT}{USERS}", bearer=key, peer=OUTSIDE)).json["count"] == 0
    await own.upstream.control("POST", "options", {"only_from": ["192.0.2.1/32"]})
    labelled = {"Lingpai-Label": "agent"}
    assert (await own.get(f"{WECHAT}{USERS}", bearer=key)).json["errcode"] == 40164
    refused = await own.get(f"{WECOM}/cgi-bin/user/simplelist", bearer=key, headers=labelled)
    assert refused.json["error"] == "upstream_refused"
