"""Resource servers: tokens for one of them, as handles or signed, and what each may ask about them (RFC 8707, 9068)."""

import asyncio
import json
from typing import Any

import msgspec
import pytest

from lingpai.core import base64url
from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Resource
from lingpai.issuer import jose
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, Realm, claims_of
from tests.issuer.engines import rows_of

ORDERS = "https://api.example/orders"
STOCK = "https://api.example/stock"
MCP = "http://127.0.0.1:9000"
SCOPE = "openid offline_access orders:read stock:read"
SIGNED = ("ES256", "RS256")


@pytest.fixture(autouse=True)
async def resources(realm: Realm) -> None:
    """Handles for orders and MCP, signed tokens for the stock; the other app introspects for orders and the stock."""
    for uri, scopes, form in (
        (ORDERS, ("orders:read", "orders:write"), "handle"),
        (STOCK, ("stock:read",), "jwt"),
        (MCP, (), "handle"),
    ):
        given = {"realm": "oidc", "uri": uri, "scopes": scopes, "token_format": form}
        named = "" if uri == MCP else realm.other.app_id
        await realm.issuer.store.save_resource(msgspec.convert(given | {"introspector": named}, Resource))


def head_of(token: str) -> Json:
    found: Json = json.loads(base64url.decode(token.split(".", maxsplit=1)[0]))
    return found


async def sign_by(realm: Realm, alg: Any, access: int = 0) -> None:
    found = await realm.issuer.store.find_resource("oidc", STOCK)
    assert found is not None
    await realm.issuer.store.save_resource(msgspec.structs.replace(found, alg=alg, access=access))


class TestTheRequest:
    @pytest.mark.parametrize(
        "given", ["urn:nowhere", "/relative", ORDERS + "#x", ORDERS + "/", "orders", "http://["]
    )
    async def test_what_is_not_there_is_no_target(self, realm: Realm, given: str) -> None:
        answer = (await realm.authorize(resource=given)).redirected
        assert answer["error"] == "invalid_target"
        assert (await realm.own(resource=given)).refusal == (400, "invalid_target")

    async def test_many_may_be_named_and_not_too_many(self, realm: Realm) -> None:
        asked = (await realm.authorize(resource=(ORDERS, STOCK, MCP, ORDERS))).headers["Location"]
        assert asked.startswith("/user/oidc/consent?")
        answer = (await realm.authorize(resource=(ORDERS,) * 9)).redirected
        assert answer["error"] == "invalid_target"

    async def test_by_post_they_stay(self, realm: Realm) -> None:
        answer = await realm.post("/authorize", realm.asked(resource=(ORDERS, STOCK)))
        assert answer.headers["Location"].count("&resource=") == 2

    async def test_its_words_may_be_asked_for_and_are_what_is_asked_for_without_any(
        self, realm: Realm
    ) -> None:
        found = await realm.tokens(resource=(ORDERS, STOCK), scope=SCOPE + " unknown")
        assert found["scope"] == "orders:read"
        assert "id_token" in found
        silent = await realm.tokens(resource=ORDERS, scope=None)
        assert silent["scope"] == "orders:read orders:write"

    async def test_an_app_with_words_of_its_own_has_no_others(self, realm: Realm) -> None:
        await realm.change_app(scopes=("openid", "orders:read"))
        answer = (await realm.authorize(resource=ORDERS, scope="orders:write")).redirected
        assert answer["error"] == "invalid_scope"

    async def test_an_origin_comes_with_its_slash_or_without(self, realm: Realm) -> None:
        found = await realm.tokens(resource=MCP + "/")
        again = await realm.refresh(found["refresh_token"], resource=MCP + "/")
        assert (await realm.introspect(again.json["access_token"]))["aud"] == MCP

    async def test_an_app_may_have_one_without_naming_it(self, realm: Realm) -> None:
        realm.app = await realm.change(realm.app, audience=MCP)
        found = await realm.tokens()
        assert (await realm.introspect(found["access_token"]))["aud"] == MCP
        assert (await realm.introspect((await realm.own()).json["access_token"]))["aud"] == MCP
        other = await realm.tokens(resource=ORDERS)
        assert (await realm.introspect(other["access_token"]))["aud"] == ORDERS


class TestATokenForOne:
    async def test_it_is_the_one_that_is_named_or_the_first(self, realm: Realm) -> None:
        for named, aud, scope in (
            (None, ORDERS, "orders:read"),
            (ORDERS, ORDERS, "orders:read"),
            (MCP, MCP, "orders:read stock:read"),
        ):
            code = await realm.code(resource=(ORDERS, STOCK, MCP), scope=SCOPE)
            found = (await realm.exchange(code, resource=named)).json
            known = await realm.introspect(found["access_token"])
            assert (known["aud"], known["scope"], found["scope"]) == (aud, scope, scope)
            assert claims_of(found["id_token"])["at_hash"] == jose.at_hash(found["access_token"])

    async def test_each_refresh_may_be_for_another_of_them(self, realm: Realm, clock: VirtualClock) -> None:
        first = await realm.tokens(resource=(ORDERS, STOCK, MCP), scope=SCOPE)
        for named, aud in ((MCP, MCP), (None, ORDERS), (STOCK, STOCK), (ORDERS, ORDERS)):
            clock.advance(1)
            found = (await realm.refresh(first["refresh_token"], resource=named)).json
            assert (await realm.introspect(found["access_token"]))["aud"] == aud

    async def test_a_public_client_that_repeats_a_refresh_gets_the_same(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        first = await realm.public_tokens(resource=(ORDERS, STOCK), scope=SCOPE)
        clock.advance(5)
        once = (await realm.refresh_public(first["refresh_token"])).json
        clock.advance(5)
        again = (await realm.refresh_public(first["refresh_token"])).json
        assert again["access_token"] == once["access_token"]
        assert again["refresh_token"] == once["refresh_token"]
        assert (once["expires_in"], again["expires_in"]) == (3600, 3595)

    async def test_a_narrower_scope_counts_at_the_resource(self, realm: Realm) -> None:
        first = await realm.tokens(resource=ORDERS, scope="openid offline_access orders:read orders:write")
        found = (await realm.refresh(first["refresh_token"], scope="openid orders:write")).json
        assert found["scope"] == "orders:write"
        assert (await realm.introspect(found["access_token"]))["scope"] == "orders:write"

    @pytest.mark.threat("L116")
    async def test_l116_no_other_than_was_allowed_and_a_wrong_request_spends_nothing(
        self, realm: Realm
    ) -> None:
        code = await realm.code(resource=ORDERS)
        for wrong in (STOCK, "urn:nowhere", (ORDERS, ORDERS), (ORDERS, MCP)):
            assert (await realm.exchange(code, resource=wrong)).refusal == (400, "invalid_target")
        found = (await realm.exchange(code)).json
        for wrong in (STOCK, (ORDERS, MCP)):
            assert (await realm.refresh(found["refresh_token"], resource=wrong)).refusal == (
                400,
                "invalid_target",
            )
        plain = await realm.tokens()
        refused = await realm.refresh(plain["refresh_token"], resource=ORDERS)
        assert refused.refusal == (400, "invalid_target")

    async def test_a_wrong_code_is_reported_before_a_wrong_resource(self, realm: Realm) -> None:
        assert (await realm.exchange("A" * 43, resource="urn:x")).refusal == (400, "invalid_grant")
        assert (await realm.refresh("A" * 43, resource="urn:x")).refusal == (400, "invalid_grant")

    @pytest.mark.threat("L103")
    @pytest.mark.parametrize("aud", [ORDERS, STOCK, MCP])
    async def test_l103_it_opens_no_userinfo(self, realm: Realm, aud: str) -> None:
        found = await realm.tokens(resource=aud, scope=SCOPE)
        assert (await realm.userinfo(found["access_token"])).refusal == (401, "invalid_token")

    async def test_userinfo_is_a_resource_too(self, realm: Realm) -> None:
        userinfo = ISSUER + "/userinfo"
        found = await realm.tokens(resource=(ORDERS, userinfo), scope=SCOPE)
        assert (await realm.userinfo(found["access_token"])).status == 401
        again = (await realm.refresh(found["refresh_token"], resource=userinfo)).json
        assert again["scope"] == "openid offline_access"
        assert (await realm.userinfo(again["access_token"])).status == 200
        assert (await realm.own(resource=userinfo)).refusal == (400, "invalid_target")

    async def test_a_resource_that_is_removed_has_no_tokens(self, realm: Realm) -> None:
        found = await realm.tokens(resource=(ORDERS, STOCK), scope=SCOPE)
        signed = (await realm.refresh(found["refresh_token"], resource=STOCK)).json
        for uri, token in ((ORDERS, found), (STOCK, signed)):
            assert (await realm.introspect(token["access_token"]))["active"]
            assert await realm.issuer.store.remove_resource("oidc", uri)
            assert await realm.introspect(token["access_token"]) == {"active": False}
        assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_target")

    async def test_a_shorter_life_counts_from_when_it_was_made(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        given = Resource(realm="oidc", uri=ORDERS, access=600)
        await realm.issuer.store.save_resource(given)
        found = await realm.tokens(resource=ORDERS)
        assert found["expires_in"] == 600
        clock.advance(599)
        assert (await realm.introspect(found["access_token"]))["exp"] == NOW + 600
        clock.advance(1)
        assert await realm.introspect(found["access_token"]) == {"active": False}


class TestAResourceServer:
    @pytest.mark.threat("F60")
    async def test_f60_it_learns_of_its_own_tokens_and_of_no_others(self, realm: Realm) -> None:
        first = await realm.tokens(resource=(ORDERS, STOCK, MCP), scope=SCOPE)
        sub = claims_of(first["id_token"])["sub"]
        assert await realm.introspect(first["access_token"], realm.other) == {
            "active": True,
            "scope": "orders:read",
            "client_id": realm.app.app_id,
            "token_type": "Bearer",
            "exp": NOW + 3600,
            "iat": NOW,
            "sub": sub,
            "aud": ORDERS,
            "iss": ISSUER,
        }
        signed = (await realm.refresh(first["refresh_token"], resource=STOCK)).json["access_token"]
        assert (await realm.introspect(signed, realm.other))["aud"] == STOCK
        for token in (
            (await realm.refresh(first["refresh_token"], resource=MCP)).json["access_token"],
            (await realm.tokens())["access_token"],
            first["refresh_token"],
        ):
            assert await realm.introspect(token, realm.other) == {"active": False}

    async def test_of_clients_own_tokens_too(self, realm: Realm) -> None:
        for aud in (ORDERS, STOCK):
            token = (await realm.own(resource=aud)).json["access_token"]
            known = await realm.introspect(token, realm.other)
            assert (known["aud"], known["sub"]) == (aud, realm.app.app_id)
        plain = (await realm.own()).json["access_token"]
        assert await realm.introspect(plain, realm.other) == {"active": False}

    async def test_it_ends_none(self, realm: Realm) -> None:
        found = await realm.tokens(resource=(ORDERS, STOCK), scope=SCOPE)
        signed = (await realm.refresh(found["refresh_token"], resource=STOCK)).json["access_token"]
        for token in (found["access_token"], signed):
            assert (await realm.revoke(token, realm.other)).status == 200
            assert (await realm.introspect(token))["active"]


class TestClientsOwnTokens:
    async def test_each_resource_has_a_grant_and_no_token_has_a_row(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        await realm.change_app(scopes=("orders:read", "stock:read", "other"))
        for _ in range(3):
            clock.advance(1)
            for aud, scope in (
                (ORDERS, "orders:read"),
                (STOCK, "stock:read"),
                (MCP, "orders:read stock:read other"),
            ):
                answers = await asyncio.gather(*(realm.own(resource=aud) for _ in range(4)))
                assert {answer.json["scope"] for answer in answers} == {scope}
                assert (await realm.introspect(answers[0].json["access_token"]))["aud"] == aud
        assert (await realm.own()).json["scope"] == "orders:read stock:read other"
        assert len(await rows_of(realm.issuer.store, "SELECT id FROM issuer_grants")) == 4

    async def test_a_thousand_tokens_and_refreshes_add_no_row(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        first = await realm.tokens(resource=(ORDERS, STOCK), scope=SCOPE)
        public = await realm.public_tokens()
        for aud in (None, ORDERS, STOCK):
            await realm.own(resource=aud)
        tables = [
            *("issuer_grants", "issuer_places", "issuer_members", "issuer_sessions", "issuer_quotas"),
            *("issuer_signed_requests", "issuer_attempts", "issuer_marks", "issuer_answers"),
        ]

        async def counts() -> list[Any]:
            return [
                (await rows_of(realm.issuer.store, f"SELECT count(*) FROM {name}"))[0][0] for name in tables
            ]

        before = await counts()
        for _ in range(125):
            clock.advance(1)
            await asyncio.gather(*(realm.own(resource=aud) for aud in (None, ORDERS, STOCK)))
            await asyncio.gather(
                *(realm.refresh(first["refresh_token"], resource=aud) for aud in (None, STOCK))
            )
            await asyncio.gather(*(realm.refresh(first["refresh_token"], scope="openid") for _ in range(2)))
            public = (await realm.refresh_public(public["refresh_token"])).json
        assert await counts() == before

    async def test_words_that_mean_nothing_there(self, realm: Realm) -> None:
        await realm.change_app(scopes=("orders:read", "stock:read"))
        refused = await realm.own(resource=ORDERS, scope="stock:read")
        assert refused.refusal == (400, "invalid_scope")
        assert (await realm.own(resource=(ORDERS, STOCK))).refusal == (400, "invalid_target")


class TestSignedTokens:
    @pytest.mark.parametrize("alg", SIGNED)
    async def test_what_it_says(self, realm: Realm, clock: VirtualClock, alg: str) -> None:
        await sign_by(realm, alg)
        code = await realm.code(resource=STOCK, scope=SCOPE)
        clock.advance(7)
        found = (await realm.exchange(code)).json
        token, user = found["access_token"], claims_of(found["id_token"])
        assert found["expires_in"] == 900
        assert {name: head_of(token)[name] for name in ("alg", "typ")} == {"alg": alg, "typ": "at+jwt"}
        keys = (await realm.send("GET", "/jwks")).json["keys"]
        assert head_of(token)["kid"] in {key["kid"] for key in keys}
        claims = claims_of(token)
        assert len(claims.pop("jti")) == 43
        assert claims == {
            "iss": ISSUER,
            "exp": NOW + 907,
            "aud": STOCK,
            "sub": user["sub"],
            "client_id": realm.app.app_id,
            "iat": NOW + 7,
            "scope": "stock:read",
            "auth_time": NOW,
            "acr": user["acr"],
        }
        assert user["at_hash"] == jose.at_hash(token)

    async def test_a_clients_own_names_no_user(self, realm: Realm) -> None:
        claims = claims_of((await realm.own(resource=STOCK)).json["access_token"])
        assert list(claims) == ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
        assert claims["sub"] == claims["client_id"] == realm.app.app_id

    async def test_each_has_a_jti_of_its_own(self, realm: Realm, clock: VirtualClock) -> None:
        found = await realm.tokens(resource=STOCK, scope=SCOPE)
        seen = {claims_of(found["access_token"])["jti"]}
        for _ in range(3):
            clock.advance(1)
            token = (await realm.refresh(found["refresh_token"])).json["access_token"]
            seen.add(claims_of(token)["jti"])
        assert len(seen) == 4

    async def test_introspection_knows_it_until_it_ends(self, realm: Realm, clock: VirtualClock) -> None:
        await sign_by(realm, "ES256", access=60)
        token = (await realm.tokens(resource=STOCK, scope=SCOPE))["access_token"]
        claims = claims_of(token)
        known = await realm.introspect(token)
        assert known == {"active": True, "token_type": "Bearer"} | {
            name: claims[name] for name in ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti")
        }
        clock.advance(59)
        assert (await realm.introspect(token))["active"]
        clock.advance(1)
        assert await realm.introspect(token) == {"active": False}

    @pytest.mark.parametrize("by", ["access", "refresh"])
    async def test_revocation_ends_the_grant(self, realm: Realm, by: str) -> None:
        found = await realm.tokens(resource=STOCK, scope=SCOPE)
        await realm.revoke(found[f"{by}_token"])
        assert await realm.introspect(found["access_token"]) == {"active": False}
        assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_grant")

    async def test_revocation_of_one_that_has_ended(self, realm: Realm, clock: VirtualClock) -> None:
        found = await realm.tokens(resource=STOCK, scope=SCOPE)
        clock.advance(901)
        await realm.revoke(found["access_token"])
        assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_grant")

    @pytest.mark.threat("L104")
    async def test_l104_its_jti_opens_nothing(self, realm: Realm) -> None:
        found = await realm.tokens(resource=STOCK, scope=SCOPE)
        jti = claims_of(found["access_token"])["jti"]
        assert (await realm.userinfo(jti)).refusal == (401, "invalid_token")
        assert (await realm.exchange(jti)).refusal == (400, "invalid_grant")
        assert (await realm.refresh(jti)).refusal == (400, "invalid_grant")
        assert await realm.introspect(jti) == {"active": False}
        await realm.revoke(jti)
        cookie = await realm.authorize({"Cookie": f"lingpai-login={jti}"}, prompt="none")
        assert cookie.redirected["error"] == "login_required"
        assert (await realm.introspect(found["access_token"]))["active"]

    @pytest.mark.threat("L103")
    async def test_l103_an_id_token_is_no_access_token_and_no_hint_the_other_way(self, realm: Realm) -> None:
        found = await realm.tokens(resource=STOCK, scope=SCOPE)
        assert await realm.introspect(found["id_token"]) == {"active": False}
        await realm.revoke(found["id_token"])
        assert (await realm.introspect(found["access_token"]))["active"]
        answer = (await realm.authorize(id_token_hint=found["access_token"])).redirected
        assert answer["error"] == "invalid_request"

    @pytest.mark.threat("L126")
    @pytest.mark.parametrize(
        "wrong",
        [
            {"exp": str(NOW + 900)},
            {"aud": [STOCK, ORDERS]},
            {"aud": ORDERS + "x"},
            {"iss": "https://other.example"},
            {"jti": "A" * 43},
            {"jti": 7},
            {"exp": None},
        ],
        ids=str,
    )
    async def test_l126_another_form_of_a_claim_is_none_of_ours(self, realm: Realm, wrong: Json) -> None:
        """Signed by our own key, as no one can: what the check demands of each claim."""
        from lingpai.issuer.signing_keys import SigningKeys

        found = await realm.tokens(resource=STOCK, scope=SCOPE)
        claims = claims_of(found["access_token"])
        keys = SigningKeys(realm.issuer)
        right = await keys.sign("ES256", claims, jose.ACCESS_TOKEN)
        assert (await realm.introspect(right))["active"]
        for typ in (jose.ACCESS_TOKEN, jose.JWT):
            token = await keys.sign("ES256", claims | wrong, typ)
            assert await realm.introspect(token) == {"active": False}
        assert await realm.introspect(await keys.sign("ES256", claims)) == {"active": False}
