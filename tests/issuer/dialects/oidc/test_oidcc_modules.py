"""The modules of the conformance suite's Basic, Config and Form Post plans, by their names there.

The suite itself needs Java and a database, and does not run here: each test asserts what the module of its name does.
All of them run twice, as the plan for `form_post` is the basic one again. Those of logout are in `test_oidc_logout` and
`test_oidc_backchannel`, those of dynamic registration beside it.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from lingpai.core import base64url
from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Client
from lingpai.core.user_records import Address, UserClaims
from lingpai.issuer import admin, jose
from lingpai.issuer.policy import DAY
from lingpai.issuer.signing_keys import KEPT, PUBLISHED, TURNED
from tests.issuer.dialects.calls import Json, encoded
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import (
    ISSUER,
    NONCE,
    NOW,
    REDIRECT,
    SECRET,
    STATE,
    Answer,
    Realm,
    basic,
    bearer,
    claims_of,
)
from tests.issuer.dialects.visitors import Form, visiting
from tests.issuer.test_signing_keys import published, verify

PROFILE = (
    *(
        "name",
        "nickname",
        "preferred_username",
        "gender",
        "given_name",
        "family_name",
        "middle_name",
        "profile",
    ),
    *("website", "birthdate", "zoneinfo", "locale", "updated_at"),
)
SCOPES = {
    "profile": PROFILE,
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}


@dataclass
class Plan:
    """A plan's way of taking answers."""

    realm: Realm
    mode: str

    async def answer(self, *, allowed: bool = True, **over: Any) -> Json:
        """What comes to the client's redirect URI."""
        return self.read(await self.realm.answered(allowed=allowed, **self.asked(**over)))

    def asked(self, **over: Any) -> Json:
        return over if self.mode == "query" else {"response_mode": self.mode} | over

    def read(self, answer: Answer) -> Json:
        if self.mode == "query" or "Location" in answer.headers:
            return answer.redirected
        form = Form(answer.body.decode())
        assert form.action == REDIRECT
        return form.fields

    async def tokens(self, **over: Any) -> Json:
        answer = await self.realm.exchange((await self.answer(**over))["code"])
        assert answer.status == 200, answer.body
        return answer.json

    async def error(self, **over: Any) -> str:
        """How the client is answered that made a wrong request; state and issuer come along."""
        answer = self.read(await self.realm.authorize(**self.asked(**over)))
        assert (answer["state"], answer["iss"]) == (STATE, ISSUER)
        return str(answer["error"])


@pytest.fixture(params=["query", "form_post"])
def plan(realm: Realm, request: pytest.FixtureRequest) -> Plan:
    return Plan(realm, request.param)


async def key_of(realm: Realm, token: str) -> Json:
    kid = json.loads(base64url.decode(token.split(".", maxsplit=1)[0]))["kid"]
    return published((await realm.send("GET", "/jwks")).body)[kid]


def unsigned(**claims: str) -> str:
    """A request object without a signature."""
    head, inside = (base64url.encode(json.dumps(part).encode()) for part in ({"alg": "none"}, claims))
    return f"{head}.{inside}."


async def test_oidcc_server(plan: Plan) -> None:
    answered = await plan.answer()
    assert (answered["state"], answered["iss"]) == (STATE, ISSUER)
    assert len(answered["code"]) >= 22  # 128 bits
    found = (await plan.realm.exchange(answered["code"])).json
    claims = verify(found["id_token"], await key_of(plan.realm, found["id_token"]))
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (ISSUER, plan.realm.app.app_id, NONCE)
    assert claims["exp"] > claims["iat"] >= claims["auth_time"]
    assert claims["at_hash"] == jose.at_hash(found["access_token"])
    assert not set(claims) & {*PROFILE, "email", "address", "phone_number"}


async def test_oidcc_server_client_secret_post(plan: Plan) -> None:
    code = (await plan.answer())["code"]
    answer = await plan.realm.exchange(code, client_id=plan.realm.app.app_id, client_secret=SECRET)
    assert answer.status == 200


async def test_oidcc_response_type_missing(plan: Plan) -> None:
    assert await plan.error(response_type=None) == "invalid_request"


async def test_oidcc_idtoken_signature(plan: Plan) -> None:
    await plan.realm.change_app(client=Client(id_token_signed_response_alg="RS256"))
    token = (await plan.tokens())["id_token"]
    key = await key_of(plan.realm, token)
    assert key["alg"] == "RS256"
    assert verify(token, key)


async def test_oidcc_idtoken_unsigned(plan: Plan) -> None:
    answer = (await plan.realm.send("GET", "/.well-known/openid-configuration")).json
    assert "none" not in answer["id_token_signing_alg_values_supported"]


@pytest.mark.parametrize("way", ["get", "post_header", "post_body"])
async def test_oidcc_userinfo_get_and_post_header_and_post_body(plan: Plan, way: str) -> None:
    found = await plan.tokens()
    token, realm = found["access_token"], plan.realm
    answer = {
        "get": lambda: realm.userinfo(token),
        "post_header": lambda: realm.post("/userinfo", {}, bearer(token)),
        "post_body": lambda: realm.post("/userinfo", {"access_token": token}),
    }[way]()
    assert (await answer).json["sub"] == claims_of(found["id_token"])["sub"]


async def test_oidcc_ensure_request_without_nonce_succeeds_for_code_flow(plan: Plan) -> None:
    assert "nonce" not in claims_of((await plan.tokens(nonce=None))["id_token"])


async def fill_in(realm: Realm) -> None:
    known = UserClaims(
        given_name="明",
        family_name="李",
        middle_name="-",
        profile="https://x.example/",
        website="https://x.example/",
        birthdate="1990-12-31",
        zoneinfo="Asia/Shanghai",
        locale="zh-CN",
        email="alice@example.com",
        phone_number="+8613800000000",
        address=Address(country="CN"),
    )
    await admin.set_claims(realm.issuer, realm.user, known)


@pytest.mark.parametrize("scope", [*SCOPES, "all"])
async def test_oidcc_scope_profile_email_address_phone_all(plan: Plan, scope: str) -> None:
    await fill_in(plan.realm)
    names = list(SCOPES) if scope == "all" else [scope]
    found = await plan.tokens(scope=" ".join(["openid", *names]))
    assert found["scope"].split() == ["openid", *names]
    answer = (await plan.realm.userinfo(found["access_token"])).json
    assert set(answer) == {"sub", *(claim for name in names for claim in SCOPES[name])}
    for claim in ("email_verified", "phone_number_verified"):
        assert isinstance(answer.get(claim, False), bool)
    assert isinstance(answer.get("updated_at", 0), int)
    assert isinstance(answer.get("address", {}), dict)


async def test_oidcc_ensure_other_scope_order_succeeds(plan: Plan) -> None:
    assert "id_token" in await plan.tokens(scope="email openid")


@pytest.mark.parametrize("display", ["page", "popup"])
async def test_oidcc_display_page_and_popup(plan: Plan, display: str) -> None:
    assert "id_token" in await plan.tokens(display=display)


async def test_oidcc_prompt_login(plan: Plan, clock: VirtualClock) -> None:
    before = claims_of((await plan.tokens())["id_token"])
    clock.advance(1)
    after = claims_of((await plan.tokens(prompt="login"))["id_token"])
    assert after["auth_time"] > before["auth_time"]
    assert after["sub"] == before["sub"]


async def test_oidcc_prompt_none_not_logged_in(plan: Plan) -> None:
    assert await plan.error(prompt="none") == "login_required"


async def test_oidcc_prompt_none_logged_in(plan: Plan, clock: VirtualClock) -> None:
    before = claims_of((await plan.tokens())["id_token"])
    clock.advance(1)
    after = claims_of((await plan.tokens(prompt="none"))["id_token"])
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])


async def test_oidcc_max_age_1(plan: Plan, clock: VirtualClock) -> None:
    before = claims_of((await plan.tokens())["id_token"])
    clock.advance(2)
    after = claims_of((await plan.tokens(max_age="1"))["id_token"])
    assert after["auth_time"] > before["auth_time"]


async def test_oidcc_max_age_10000(plan: Plan, clock: VirtualClock) -> None:
    before = claims_of((await plan.tokens())["id_token"])
    clock.advance(2)
    after = claims_of((await plan.tokens(max_age="10000"))["id_token"])
    assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"])


async def test_oidcc_ensure_request_with_unknown_parameter_succeeds(plan: Plan) -> None:
    assert "id_token" in await plan.tokens(extra="foobar")


async def test_oidcc_id_token_hint(plan: Plan) -> None:
    first = await plan.tokens()
    second = await plan.tokens(prompt="none", id_token_hint=first["id_token"])
    assert claims_of(second["id_token"])["sub"] == claims_of(first["id_token"])["sub"]


async def test_oidcc_login_hint(plan: Plan) -> None:
    begun = f"{plan.realm.url}/oidc/authorize?{encoded(plan.realm.asked(**plan.asked(login_hint='alice')))}"
    assert b'value="alice"' in (await plan.realm.visitor.look(begun)).body
    assert "code" in await plan.answer(login_hint="bob@example.com")


@pytest.mark.parametrize("name", ["ui_locales", "claims_locales"])
async def test_oidcc_ui_locales_and_claims_locales(plan: Plan, name: str) -> None:
    assert "id_token" in await plan.tokens(**{name: "se"})


async def test_oidcc_ensure_request_with_acr_values_succeeds(plan: Plan) -> None:
    assert claims_of((await plan.tokens(acr_values="1 2"))["id_token"])["acr"]


@pytest.mark.parametrize("seconds", [1, 30])
async def test_oidcc_codereuse_and_codereuse_30seconds(plan: Plan, clock: VirtualClock, seconds: int) -> None:
    code = (await plan.answer())["code"]
    token = (await plan.realm.exchange(code)).json["access_token"]
    clock.advance(seconds)
    assert (await plan.realm.exchange(code)).refusal == (400, "invalid_grant")
    assert (await plan.realm.userinfo(token)).status == 401


async def test_oidcc_ensure_registered_redirect_uri(plan: Plan) -> None:
    answer = await plan.realm.authorize(
        {"Accept": "text/html"}, **plan.asked(redirect_uri="https://evil.example/")
    )
    assert (answer.status, "Location" in answer.headers, b"evil" in answer.body) == (400, False, False)


async def test_oidcc_ensure_post_request_succeeds(plan: Plan) -> None:
    posted = await plan.realm.post("/authorize", plan.realm.asked(**plan.asked()))
    walked = Answer(*await plan.realm.visitor.walk(plan.realm.url + posted.headers["Location"]))
    assert (await plan.realm.exchange(plan.read(walked)["code"])).status == 200


@pytest.mark.parametrize("name", ["request", "request_uri"])
async def test_oidcc_unsigned_request_object_and_request_uri_unsigned_rejected_as_unsupported(
    plan: Plan, name: str
) -> None:
    value = unsigned(nonce="x") if name == "request" else "https://client.example/request.jwt"
    assert await plan.error(**{name: value}) == f"{name}_not_supported"


async def test_oidcc_ensure_request_object_with_redirect_uri(plan: Plan) -> None:
    """The redirect URI in the request object does not count, nor is anybody sent there."""
    asked = plan.asked(request=unsigned(redirect_uri="https://evil.example/"), redirect_uri=None)
    answer = await plan.realm.authorize(**asked)
    assert (answer.status, "Location" in answer.headers) == (400, False)


async def test_oidcc_claims_essential(plan: Plan) -> None:
    found = await plan.tokens(scope="openid", claims='{"userinfo":{"name":{"essential":true}}}')
    assert (await plan.realm.userinfo(found["access_token"])).json["name"] == "小明"


async def test_oidcc_refresh_token(plan: Plan) -> None:
    realm = plan.realm
    first = await plan.tokens()
    renewed = (await realm.refresh(first["refresh_token"])).json
    before, after = claims_of(first["id_token"]), claims_of(renewed["id_token"])
    for name in ("iss", "sub", "aud", "auth_time"):
        assert after[name] == before[name]
    assert (
        renewed["access_token"] == first["access_token"]
        or (await realm.userinfo(renewed["access_token"])).json
    )
    foreign = await realm.refresh(first["refresh_token"], client_id=realm.other.app_id)
    assert foreign.refusal == (400, "invalid_grant")


async def test_oidcc_ensure_request_with_valid_pkce_succeeds(plan: Plan) -> None:
    assert "id_token" in await plan.tokens()  # every request of this realm has it
    code = (await plan.answer())["code"]
    assert (await plan.realm.exchange(code, code_verifier="x" * 43)).refusal == (400, "invalid_grant")


async def test_oidcc_discovery_endpoint_verification(realm: Realm) -> None:
    answer = (await realm.send("GET", "/.well-known/openid-configuration")).json
    for name, value in answer.items():
        kind = {
            "supported": (list, bool),
            "endpoint": (str,),
            "uri": (str,),
            "requests": (bool,),
            "issuer": (str,),
        }
        assert isinstance(value, kind[re.split("_", name)[-1]]), name
        assert not isinstance(value, str) or value.startswith(ISSUER), name
    assert {"openid"} <= set(answer["scopes_supported"])
    assert {"authorization_code"} <= set(answer["grant_types_supported"])


async def test_oidcc_alternate_happy_flow(plan: Plan) -> None:
    """Another user in another window, between request and answer of the first one."""
    await admin.add_user(plan.realm.issuer, "bob", "correct horse")
    first = (await plan.answer())["code"]
    async with visiting("bob") as bob:
        plan.realm.visitor = bob
        second = (await plan.answer())["code"]
    subs = [claims_of((await plan.realm.exchange(code)).json["id_token"])["sub"] for code in (second, first)]
    assert len(set(subs)) == 2


async def test_oidcc_server_rotate_keys(plan: Plan, clock: VirtualClock) -> None:
    first = (await plan.tokens())["id_token"]
    old = await key_of(plan.realm, first)
    clock.advance(TURNED)
    await plan.realm.send("GET", "/jwks")
    clock.advance(PUBLISHED)
    second = (await plan.tokens())["id_token"]
    new = await key_of(plan.realm, second)
    assert (verify(second, new)["iss"], new["kid"] != old["kid"]) == (ISSUER, True)
    assert verify(first, await key_of(plan.realm, first))
    clock.advance(KEPT + 1)
    assert old["kid"] not in published((await plan.realm.send("GET", "/jwks")).body)
    assert clock.now() < NOW + 400 * DAY


async def test_oidcc_refresh_token_rp_key_rotation(plan: Plan) -> None:
    """A client that authenticates by a key gets another one, and its refresh tokens live on."""
    realm, first, second = plan.realm, ClientKey(), ClientKey(kid="key-2")
    await realm.change_app(
        client=Client(token_endpoint_auth_method="private_key_jwt", jwks=first.jwks), secrets=()
    )
    own = realm.app.app_id
    code = (await plan.answer())["code"]
    tokens = (await realm.exchange(code, **first.asserted(own))).json
    both = {"keys": [*first.jwks["keys"], *second.jwks["keys"]]}
    await realm.change_app(client=Client(token_endpoint_auth_method="private_key_jwt", jwks=both))
    for key in (first, second):
        assert (await realm.refresh(tokens["refresh_token"], **key.asserted(own))).status == 200
    await realm.change_app(client=Client(token_endpoint_auth_method="private_key_jwt", jwks=second.jwks))
    assert (await realm.refresh(tokens["refresh_token"], **second.asserted(own))).status == 200
    refused = await realm.refresh(tokens["refresh_token"], **first.asserted(own))
    assert refused.refusal == (401, "invalid_client")
    by_secret = await realm.post("/token", {"grant_type": "client_credentials"}, basic(own))
    assert by_secret.refusal == (401, "invalid_client")
