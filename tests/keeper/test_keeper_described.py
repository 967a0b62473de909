"""The platforms of ours that files describe: tokens, tickets, signatures, exchanges, forwarding, drop-in routes."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lingpai.core.records import RIGHTS
from lingpai.keeper.platforms.forms import member
from lingpai.keeper.platforms.registry import DESCRIBED, platform_types
from tests.helpers.direct import Result
from tests.keeper.declared import LIFE, Described, described


class Facts(NamedTuple):
    """What one of the platforms is asked, and where its answers have what.

    Attributes:
        method: of the token call.
        path: of the token call.
        sent: its fields but for account and secret, whose names `app` has.
        app: names of account and secret.
        token: path of the token in the answer.
        lifetime: path of its lifetime.
        code: path of the error, and its value for a wrong secret.
        api: a path that is forwarded.
        header: where the token goes, and what comes before it; "" for the query.
    """

    method: str
    path: str
    sent: Mapping[str, str]
    app: tuple[str, str]
    token: str
    lifetime: str
    code: tuple[str, Any]
    api: str
    header: tuple[str, str] = ("", "")


FACTS = {
    "feishu": Facts(
        "POST", "/open-apis/auth/v3/tenant_access_token/internal", {}, ("app_id", "app_secret"),
        "tenant_access_token", "expire", ("code", 10003), "/open-apis/im/v1/chats", ("authorization", "Bearer "),
    ),
    "dingtalk": Facts(
        "POST", "/v1.0/oauth2/accessToken", {}, ("appKey", "appSecret"),
        "accessToken", "expireIn", ("errcode", 40089), "/topapi/v2/user/get",
    ),
    "douyin": Facts(
        "POST", "/oauth/client_token/", {"grant_type": "client_credential"}, ("client_key", "client_secret"),
        "data.access_token", "data.expires_in", ("data.error_code", 10003), "/api/douyin/v1/x", ("access-token", ""),
    ),
    "douyin_mini": Facts(
        "POST", "/api/apps/v2/token", {"grant_type": "client_credential"}, ("appid", "secret"),
        "data.access_token", "data.expires_in", ("err_no", 40015), "/api/apps/v1/x", ("access-token", ""),
    ),
    "qq_mini": Facts(
        "GET", "/api/getToken", {"grant_type": "client_credential"}, ("appid", "secret"),
        "access_token", "expires_in", ("errcode", 40013), "/api/json/x",
    ),
    "baidu": Facts(
        "POST", "/oauth/2.0/token", {"grant_type": "client_credentials"}, ("client_id", "client_secret"),
        "access_token", "expires_in", ("error", "invalid_client"), "/rest/2.0/smartapp/x",
    ),
}  # fmt: skip
EVERY = pytest.mark.parametrize("name", DESCRIBED)


async def ask(made: Described, facts: Facts, secret: str) -> Result:
    """The token call of an unmodified client, with this in the place of its secret."""
    fields = {**facts.sent, facts.app[0]: made.account, facts.app[1]: secret}
    if facts.method == "GET":
        return await made.harness.get(facts.path, **fields)
    return await made.harness.post(facts.path, fields)


@EVERY
async def test_a_client_gets_the_token_in_the_platforms_form(tmp_path: Path, name: str) -> None:
    facts = FACTS[name]
    async with described(tmp_path, platform_types()[name]) as made:
        key = await made.harness.add_caller("shop")
        for secret in (made.secret, key):
            answer = (await ask(made, facts, secret)).json
            assert member(answer, facts.token) == (await made.held())["value"], answer
            assert 0 < member(answer, facts.lifetime) <= LIFE
        assert await made.harness.upstream.calls(facts.path) == 1
        wrong = await ask(made, facts, "wrong" * 8)
        assert member(wrong.json, facts.code[0]) == facts.code[1]
        unknown = await ask(made._replace(account="nobody"), facts, key)
        assert member(unknown.json, facts.code[0]) == facts.code[1]


@EVERY
async def test_a_token_is_renewed_ahead_of_its_end(tmp_path: Path, name: str) -> None:
    async with described(tmp_path, platform_types()[name]) as made:
        first = await made.held()
        await made.harness.pass_time(LIFE - 120, step=60)
        later = await made.held()
        assert later["expires_in"] > 120  # which the first would have now
        assert (later["version"] == first["version"]) == (name == "dingtalk")  # which prolongs it
        assert await made.harness.upstream.lives(later["value"])


@EVERY
async def test_calls_are_forwarded_with_phantom_tokens_and_through_a_dead_token(
    tmp_path: Path, name: str
) -> None:
    facts = FACTS[name]
    async with described(tmp_path, platform_types()[name]) as made:
        harness = made.harness
        key = await harness.add_caller("ghost", rights=(*RIGHTS, "forward"), hand_out="phantom")
        phantom = member((await ask(made, facts, key)).json, facts.token)
        real = (await made.held(bearer=await harness.add_caller("plain", hand_out="token")))["value"]
        assert phantom != real
        header, scheme = facts.header
        sent = {header: f"{scheme}{phantom}"} if header else None
        query = {} if header else {"access_token": phantom}
        answer = await harness.get(facts.api, headers=sent, **query)
        assert answer.status_code == 200
        assert member(answer.json, facts.code[0]) in {0, None}
        received = (await harness.upstream.control("GET", "received", path=facts.api))["received"]
        assert phantom not in json.dumps(received)
        await harness.upstream.kill(real)
        again = await harness.get(facts.api, headers=sent, **query)
        assert member(again.json, facts.code[0]) in {0, None}
        explicit = f"/v1/forward/{name}/{made.account}{facts.api}"
        assert (await harness.get(explicit, bearer=key)).status_code == 200
        never = await harness.post(f"/v1/forward/{name}/{made.account}{facts.path}", {}, bearer=key)
        assert never.status_code in {400, 403}


@pytest.mark.parametrize(
    ("name", "digest", "nonce", "factor"),
    [
        ("feishu", "sha1", "noncestr", 1000),
        ("dingtalk", "sha1", "noncestr", 1),
        ("douyin", "md5", "nonce_str", 1),
    ],
)
async def test_pages_are_signed_as_the_platform_does(
    tmp_path: Path, name: str, digest: str, nonce: str, factor: int
) -> None:
    async with described(tmp_path, platform_types()[name]) as made:
        path = f"/v1/signatures/{name}/{made.account}"
        signed = (await made.harness.post(path, {"url": "https://a.example/x?y=1#z"})).json
        (kind,) = made.kind.sample().tickets
        ticket = (await made.held(kind=kind))["value"]
        text = (
            f"jsapi_ticket={ticket}&{nonce}={signed['noncestr']}&timestamp={signed['timestamp']}"
            "&url=https://a.example/x?y=1"
        )
        assert signed["signature"] == hashlib.new(digest, text.encode()).hexdigest()
        assert signed["timestamp"] == int(made.harness.clock.now() * factor)


TICKETS = {
    "feishu": ("POST", "/open-apis/jssdk/ticket/get", ("authorization", "Bearer "), "data.ticket"),
    "dingtalk": ("GET", "/get_jsapi_ticket", ("", ""), "ticket"),
    "douyin": ("GET", "/js/getticket/", ("access-token", ""), "data.ticket"),
}


@pytest.mark.parametrize("name", TICKETS)
async def test_a_client_gets_the_ticket_with_its_token(tmp_path: Path, name: str) -> None:
    method, path, (header, scheme), where = TICKETS[name]
    async with described(tmp_path, platform_types()[name]) as made:
        token = (await made.held())["value"]
        for value, found in ((token, True), ("nobody's", False)):
            sent = {header: f"{scheme}{value}"} if header else {}
            params = {} if header else {"access_token": value}
            answer = await made.harness.client.ask(method, path, headers=sent, params=params)
            assert (member(answer.json, where) is not None) == found, answer.text
        assert (await made.harness.client.ask(method, path)).json


EXCHANGES = {
    "feishu": {"oauth": "access_token", "mini": "open_id"},
    "dingtalk": {"login": "userid", "oauth": "accessToken"},
    "douyin": {"oauth": "open_id"},
    "douyin_mini": {"mini": "openid"},
    "qq_mini": {"mini": "openid"},
    "baidu": {"mini": "openid"},
}


@EVERY
async def test_codes_are_exchanged_once(tmp_path: Path, name: str) -> None:
    async with described(tmp_path, platform_types()[name]) as made:
        assert set(made.kind.sample().exchanges) == set(EXCHANGES[name])
        for kind, field in EXCHANGES[name].items():
            path = f"/v1/exchanges/{name}/{made.account}"
            answer = await made.harness.post(path, {"kind": kind, "code": f"c-{kind}"})
            assert answer.json[field] == f"{field} of c-{kind}", answer.text
            call = made.kind.sample().exchanges[kind]
            assert await made.harness.upstream.calls(call.path) == 1
            assert (await made.harness.post(path, {"kind": kind, "code": f"c-{kind}"})).json == answer.json
            assert await made.harness.upstream.calls(call.path) == 1


async def test_feishus_two_tokens_are_apart(tmp_path: Path) -> None:
    async with described(tmp_path, platform_types()["feishu"]) as made:
        tenant, app = await made.held(), await made.held(kind="app_access_token")
        assert tenant["value"] != app["value"]
        fields = {"app_id": made.account, "app_secret": made.secret}
        answer = (await made.harness.post("/open-apis/auth/v3/app_access_token/internal", fields)).json
        assert (answer["code"], answer["app_access_token"]) == (0, app["value"])
        key = await made.harness.add_caller("ghost", rights=("forward",), hand_out="phantom")
        phantom = (
            await made.harness.post(
                "/open-apis/auth/v3/app_access_token/internal", {**fields, "app_secret": key}
            )
        ).json["app_access_token"]
        assert phantom != app["value"]
        assert (await made.harness.get("/open-apis/im/v1/chats", bearer=phantom)).json["code"] == 0


async def test_dingtalks_two_calls_and_two_addresses(tmp_path: Path) -> None:
    kind = platform_types()["dingtalk"]
    usual = kind.sample()
    assert (usual.base_url, usual.address("api")) == ("https://oapi.dingtalk.com", "https://api.dingtalk.com")
    moved = kind.describe(kind.settings.model_validate({"base_url": "http://127.0.0.1:1"}))
    assert moved.address("api") == "http://127.0.0.1:1"
    apart = kind.describe(kind.settings.model_validate({"api_url": "http://127.0.0.1:2"}))
    assert (apart.address(""), apart.address("api")) == ("https://oapi.dingtalk.com", "http://127.0.0.1:2")
    async with described(tmp_path, kind) as made:
        old = {"appkey": made.account, "appsecret": made.secret}
        answer = (await made.harness.get("/gettoken", **old)).json
        assert (answer["errcode"], answer["access_token"]) == (0, (await made.held())["value"])
        key = await made.harness.add_caller("ghost", rights=(*RIGHTS, "forward"), hand_out="phantom")
        phantom = (await made.harness.get("/gettoken", **{**old, "appsecret": key})).json["access_token"]
        headers = {"x-acs-dingtalk-access-token": phantom}
        assert (await made.harness.get("/v1.0/contact/users/me", headers=headers)).status_code == 200
        assert (await made.harness.get("/v1.0/contact/users/me", access_token=phantom)).status_code == 404


@EVERY
def test_a_description_has_what_operators_need(name: str) -> None:
    kind = platform_types()[name]
    platform = kind.sample()
    assert kind.described
    assert kind.samples
    assert platform.forwarding is not None
    assert platform.base_url.startswith("https://")
    assert all(platform.is_account(account) for account in kind.samples)
    assert kind.settings.__doc__
    assert {fault.severity.value for fault in platform.faults.values()} >= {
        "permanent",
        "transient",
        "dead_token",
    }
