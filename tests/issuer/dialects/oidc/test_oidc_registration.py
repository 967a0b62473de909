"""Clients that register themselves, and manage what they registered (RFC 7591, RFC 7592)."""

import asyncio
from typing import Any

import aiohttp
import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Resource
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.client_policy import ClientPolicy
from lingpai.issuer.policy import DAY, HOUR
from lingpai.issuer.verbs.registrations import LIMIT, UNUSED, issue_initial_token
from lingpai.issuer.verbs.upkeep import purge
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import (
    ISSUER,
    NOW,
    REDIRECT,
    Answer,
    Realm,
    basic,
    bearer,
    serving_realm,
)

CREDENTIALS = (
    *("client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at"),
    *("registration_access_token", "registration_client_uri"),
)
DEFAULTS = {
    "redirect_uris": [REDIRECT],
    "response_types": ["code"],
    "grant_types": ["authorization_code"],
    "application_type": "web",
    "client_name": "Registered",
    "token_endpoint_auth_method": "client_secret_basic",
    "subject_type": "public",
    "id_token_signed_response_alg": "RS256",
}
"""A client that says no more than its name and its redirect URI (RFC 7591 §2, OpenID Connect Registration §2)."""
WHOLE = {
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "none",
    "client_uri": "https://client.example/",
    "logo_uri": "https://client.example/logo.png",
    "tos_uri": "https://client.example/terms",
    "policy_uri": "http://client.example/privacy",
    "scope": "openid profile",
    "contacts": ["ops@client.example"],
    "software_id": "4NRB1-0XZABZI9E6-5SM3R",
    "software_version": "2.1",
    "application_type": "native",
    "subject_type": "public",
    "id_token_signed_response_alg": "ES256",
    "default_max_age": 0,
    "require_auth_time": True,
    "require_pushed_authorization_requests": True,
    "dpop_bound_access_tokens": True,
    "post_logout_redirect_uris": ["https://client.example/bye"],
    "backchannel_logout_uri": "https://client.example/logout",
    "backchannel_logout_session_required": True,
}


async def registered(realm: Realm, **over: Any) -> Json:
    answer = await realm.register(**over)
    assert answer.status == 201, answer.body
    return answer.json


def path_of(client: Json) -> str:
    path: str = client["registration_client_uri"].removeprefix(ISSUER)
    return path


def registered_fields(client: Json) -> Json:
    """What a client said, or was given as a default."""
    return {name: value for name, value in client.items() if name not in CREDENTIALS}


async def read(realm: Realm, client: Json, token: str = "") -> Answer:
    return await realm.send(
        "GET", path_of(client), headers=bearer(token or client["registration_access_token"])
    )


async def change(realm: Realm, client: Json, **over: Any) -> Answer:
    given = {"client_id": client["client_id"], **registered_fields(client), **over}
    return await realm.send_json("PUT", path_of(client), given, bearer(client["registration_access_token"]))


async def remove(realm: Realm, client: Json) -> Answer:
    return await realm.send("DELETE", path_of(client), headers=bearer(client["registration_access_token"]))


class TestRegistration:
    async def test_a_client_with_no_wishes_gets_the_defaults(self, realm: Realm) -> None:
        answer = await realm.register()
        assert answer.status == 201
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        client = answer.json
        assert list(client)[: len(CREDENTIALS)] == list(CREDENTIALS)
        assert registered_fields(client) == DEFAULTS
        assert client["registration_client_uri"] == f"{ISSUER}/register/{client['client_id']}"
        assert (client["client_id_issued_at"], client["client_secret_expires_at"]) == (NOW, 0)

    async def test_all_that_a_client_says_is_registered_and_answered(self, realm: Realm) -> None:
        client = await registered(realm, **WHOLE)
        assert registered_fields(client) == {"redirect_uris": [REDIRECT], "client_name": "Registered"} | WHOLE
        assert "client_secret" not in client
        assert "client_secret_expires_at" not in client

    async def test_what_is_not_known_is_ignored(self, realm: Realm) -> None:
        client = await registered(
            realm,
            client_id="100001",
            client_secret="mine",
            frontchannel_logout_uri="https://client.example/",
            software_statement="eyJ",
            pkce=False,
            fapi2=True,
            grant_types=["implicit", "authorization_code"],
            response_types=["code", "code id_token"],
            scope="openid nonsense",
        )
        assert registered_fields(client) == DEFAULTS | {"scope": "openid"}
        assert client["client_id"] != "100001"
        assert client["client_secret"] != "mine"

    async def test_a_registered_client_signs_a_user_in(self, realm: Realm) -> None:
        client = await registered(realm, grant_types=["authorization_code", "refresh_token"])
        app_id, secret = client["client_id"], client["client_secret"]
        code = await realm.code(client_id=app_id)
        answer = await realm.exchange(code, client_id=app_id, client_secret=secret)
        assert answer.status == 200, answer.body
        refreshed = await realm.refresh(answer.json["refresh_token"], client_id=app_id, client_secret=secret)
        assert refreshed.status == 200
        assert refreshed.json["scope"] == "openid profile offline_access"

    async def test_a_public_native_client_uses_any_loopback_port(self, realm: Realm) -> None:
        client = await registered(
            realm,
            redirect_uris=["http://127.0.0.1/callback", "com.example.app:/callback"],
            application_type="native",
            token_endpoint_auth_method="none",
        )
        uri = "http://127.0.0.1:49152/callback"
        answer = await realm.answered(client_id=client["client_id"], redirect_uri=uri)
        assert answer.headers["Location"].startswith(uri)
        tokens = await realm.exchange(
            answer.redirected["code"],
            client_id=client["client_id"],
            client_secret=None,
            redirect_uri=uri,
        )
        assert tokens.status == 200
        assert "refresh_token" not in tokens.json  # it did not register that grant type

    async def test_a_client_registers_its_keys(self, realm: Realm, clock: VirtualClock) -> None:
        key = ClientKey()
        client = await registered(realm, token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
        assert client["jwks"] == key.jwks
        assert "client_secret" not in client
        code = await realm.code(client_id=client["client_id"])
        moment = NOW + int(clock.steady())
        proof = key.asserted(client["client_id"], exp=moment + 60, iat=moment)
        answer = await realm.exchange(code, **proof)
        assert answer.status == 200, answer.body

    @pytest.mark.threat("L122")
    async def test_l122_ids_are_ours_and_nobodys_sub(self, realm: Realm) -> None:
        ids = {(await registered(realm, client_id="mine"))["client_id"] for _ in range(4)}
        sub = (await realm.userinfo((await realm.tokens())["access_token"])).json["sub"]
        assert len(ids) == 4
        assert {len(each) for each in ids} == {24} != {len(sub)}


class TestRefusals:
    @pytest.mark.parametrize(
        ("over", "error"),
        [
            ({"redirect_uris": None}, "invalid_redirect_uri"),
            ({"redirect_uris": []}, "invalid_redirect_uri"),
            ({"redirect_uris": "https://a.example/"}, "invalid_redirect_uri"),
            ({"redirect_uris": [7]}, "invalid_redirect_uri"),
            ({"redirect_uris": [""]}, "invalid_redirect_uri"),
            ({"redirect_uris": ["/callback"]}, "invalid_redirect_uri"),
            ({"redirect_uris": ["http://client.example/"]}, "invalid_redirect_uri"),
            ({"redirect_uris": ["https://client.example/#x"]}, "invalid_redirect_uri"),
            ({"redirect_uris": ["https://u@client.example/"]}, "invalid_redirect_uri"),
            ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
            ({"redirect_uris": ["com.example.app:/cb"]}, "invalid_redirect_uri"),
            ({"redirect_uris": [REDIRECT] * 33}, "invalid_redirect_uri"),
            ({"redirect_uris": ["https://a.example/" + "x" * 2048]}, "invalid_redirect_uri"),
            ({"token_endpoint_auth_method": "client_secret_jwt"}, "invalid_client_metadata"),
            ({"token_endpoint_auth_method": 7}, "invalid_client_metadata"),
            ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
            ({"token_endpoint_auth_signing_alg": "none"}, "invalid_client_metadata"),
            ({"token_endpoint_auth_signing_alg": "HS256"}, "invalid_client_metadata"),
            ({"grant_types": ["password"]}, "invalid_client_metadata"),
            ({"grant_types": ["authorization_code", "client_credentials"]}, "invalid_client_metadata"),
            ({"grant_types": ["refresh_token"], "response_types": ["code"]}, "invalid_client_metadata"),
            ({"response_types": ["code id_token"]}, "invalid_client_metadata"),
            ({"client_name": "x" * 257}, "invalid_client_metadata"),
            ({"client_name": "Bank\u202e"}, "invalid_client_metadata"),
            ({"contacts": ["a\u200bb"]}, "invalid_client_metadata"),
            ({"client_uri": "javascript:alert(1)"}, "invalid_client_metadata"),
            ({"logo_uri": "data:image/png;base64,AA=="}, "invalid_client_metadata"),
            ({"jwks": []}, "invalid_client_metadata"),
            ({"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}}, "invalid_client_metadata"),
            ({"jwks": ClientKey().jwks, "jwks_uri": "https://a.example/k"}, "invalid_client_metadata"),
            ({"jwks_uri": "http://a.example/keys"}, "invalid_client_metadata"),
            ({"application_type": "service"}, "invalid_client_metadata"),
            ({"subject_type": "private"}, "invalid_client_metadata"),
            ({"id_token_signed_response_alg": "none"}, "invalid_client_metadata"),
            ({"id_token_signed_response_alg": "HS256"}, "invalid_client_metadata"),
            ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "invalid_client_metadata"),
            ({"userinfo_signed_response_alg": "RS256"}, "invalid_client_metadata"),
            ({"require_signed_request_object": True}, "invalid_client_metadata"),
            ({"default_max_age": -1}, "invalid_client_metadata"),
            ({"default_max_age": "3600"}, "invalid_client_metadata"),
            ({"post_logout_redirect_uris": ["http://client.example/"]}, "invalid_client_metadata"),
            ({"backchannel_logout_uri": "http://client.example/"}, "invalid_client_metadata"),
        ],
    )
    async def test_metadata_that_cannot_be_registered(self, realm: Realm, over: Json, error: str) -> None:
        before = await realm.issuer.store.list_apps(realm.issuer.realm)
        answer = await realm.register(**over)
        assert answer.refusal == (400, error)
        assert "WWW-Authenticate" not in answer.headers
        assert await realm.issuer.store.list_apps(realm.issuer.realm) == before

    async def test_no_private_key_is_registered(self, realm: Realm) -> None:
        key = ClientKey()
        private = {"keys": [key.jwk, key.key.as_dict(private=True)]}
        answer = await realm.register(token_endpoint_auth_method="private_key_jwt", jwks=private)
        assert answer.refusal == (400, "invalid_client_metadata")

    @pytest.mark.parametrize(
        ("body", "content_type", "refusal"),
        [
            (b"redirect_uris=x", "application/x-www-form-urlencoded", (415, "invalid_request")),
            (b"{", "application/json", (400, "invalid_request")),
            (b"[]", "application/json", (400, "invalid_request")),
            (b"\xff", "application/json", (400, "invalid_request")),
            (b'{"jwks":{"a":1,"a":2}}', "application/json", (400, "invalid_client_metadata")),
            (b'{"redirect_uris":[],"redirect_uris":[]}', "application/json", (400, "invalid_redirect_uri")),
            (b'{"jwks":' + b"[" * 9000 + b"]" * 9000 + b"}", "application/json", (400, "invalid_request")),
            (b'{"client_name":"' + b"x" * 70_000 + b'"}', "application/json", (413, "invalid_request")),
        ],
    )
    async def test_a_body_that_is_none(
        self, realm: Realm, body: bytes, content_type: str, refusal: tuple[int, str]
    ) -> None:
        for method, path in (("POST", "/register"), ("PUT", "/register/x")):
            headers = {"Content-Type": content_type, "Authorization": "Bearer x"}
            if method == "POST":
                del headers["Authorization"]
            answer = await realm.send(method, path, body, headers)
            assert answer.refusal == refusal, (method, body[:40])

    async def test_other_methods(self, realm: Realm) -> None:
        for method, path, allowed in (
            ("GET", "/register", {"POST", "OPTIONS"}),
            ("POST", "/register/x", {"GET", "PUT", "DELETE", "OPTIONS"}),
        ):
            answer = await realm.send(method, path, b"{}", {"Content-Type": "application/json"})
            assert answer.refusal == (405, "invalid_request")
            assert set(answer.headers["Allow"].split(", ")) - {"HEAD"} == allowed

    async def test_pages_of_any_origin_may_register(self, realm: Realm) -> None:
        for path in ("/register", "/register/x"):
            answer = await realm.send("OPTIONS", path, headers={"Origin": "https://page.example"})
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE"
            assert "Access-Control-Allow-Credentials" not in answer.headers


class TestLimits:
    async def test_ten_an_hour_from_one_network(self, realm: Realm, clock: VirtualClock) -> None:
        for _ in range(3):
            assert (await realm.register(redirect_uris=[])).status == 400  # counts for nothing
        answers = await asyncio.gather(*(realm.register() for _ in range(LIMIT.address + 2)))
        assert sorted(answer.status for answer in answers) == [201] * 10 + [429] * 2
        refused = next(answer for answer in answers if answer.status == 429)
        assert refused.refusal == (429, "temporarily_unavailable")
        assert int(refused.headers["Retry-After"]) <= HOUR
        clock.advance(HOUR)
        assert (await realm.register()).status == 201

    async def test_apps_that_no_user_allowed_anything_go_after_thirty_days(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        _, token = await issue_initial_token(realm.issuer)
        unused, used = await registered(realm), await registered(realm)
        vouched_for = await registered(realm, headers=bearer(token))
        await realm.code(client_id=used["client_id"])
        clock.advance(UNUSED)
        while await purge(realm.issuer):
            pass
        assert (await read(realm, unused)).status == 200
        clock.advance(1)
        while await purge(realm.issuer):
            pass
        assert [(await read(realm, each)).status for each in (unused, used, vouched_for)] == [401, 200, 200]
        clock.advance(400 * DAY)
        while await purge(realm.issuer):
            pass
        assert (await read(realm, used)).status == 200


class TestInitialTokens:
    @pytest.fixture
    async def realm(self, issuer: Issuer, http: aiohttp.ClientSession) -> Any:
        async with serving_realm(issuer, http, policy=ClientPolicy("token")) as served:
            yield served

    async def test_only_who_has_one_registers(self, realm: Realm, clock: VirtualClock) -> None:
        bare = await realm.register()
        assert bare.refusal == (401, "invalid_token")
        assert bare.headers["WWW-Authenticate"] == 'Bearer realm="oidc"'
        _, token = await issue_initial_token(realm.issuer, uses=2, lifetime=60)
        assert (await realm.register(bearer(token), redirect_uris=[])).status == 400  # takes no use
        assert [(await realm.register(bearer(token))).status for _ in range(3)] == [201, 201, 401]
        _, late = await issue_initial_token(realm.issuer, lifetime=60)
        kept, taken = await issue_initial_token(realm.issuer, uses=None)
        clock.advance(60)
        assert (await realm.register(bearer(late))).status == 401
        assert await realm.issuer.store.remove_initial_token("oidc", kept.id)
        answer = await realm.register(bearer(taken))
        assert answer.refusal == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]

    async def test_of_two_who_use_the_last_use_at_once_one_does(self, realm: Realm) -> None:
        _, token = await issue_initial_token(realm.issuer)
        answers = await asyncio.gather(*(realm.register(bearer(token)) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [201] + [401] * 7
        assert len([app for app in await realm.issuer.store.list_apps("oidc") if app.registration]) == 1

    async def test_no_other_token_registers(self, realm: Realm) -> None:
        _, token = await issue_initial_token(realm.issuer, uses=None)
        client = await registered(realm, headers=bearer(token))
        tokens = await realm.tokens()
        others = (
            client["registration_access_token"],
            tokens["access_token"],
            tokens["refresh_token"],
            "x" * 43,
        )
        for other in others:
            assert (await realm.register(bearer(other))).status == 401
        assert (await read(realm, client, token)).status == 401
        assert (await realm.userinfo(token)).status == 401

    async def test_an_app_that_is_vouched_for_may_have_tokens_of_its_own(self, realm: Realm) -> None:
        await realm.issuer.store.save_resource(
            Resource(realm="oidc", uri="https://api.example/", scopes=("read", "write"))
        )
        _, token = await issue_initial_token(realm.issuer, uses=None, scopes=("read", "own"))
        machine = {"grant_types": ["client_credentials"], "redirect_uris": None}
        client = await registered(realm, headers=bearer(token), scope="openid read write own", **machine)
        assert (client["scope"], client["response_types"]) == ("openid read own", [])
        granted = {"grant_type": "client_credentials", "resource": "https://api.example/"}
        answer = await realm.post("/token", granted, basic(client["client_id"], client["client_secret"]))
        assert answer.json["scope"] == "read"
        widened = await change(realm, client, scope="read write own")
        assert widened.json["scope"] == "read own"
        # What it only asks users for may be any word that there is.
        plain = await registered(realm, headers=bearer(token), scope="read write own other")
        assert plain["scope"] == "read write own"

    async def test_a_client_without_credentials_has_no_tokens_of_its_own(self, realm: Realm) -> None:
        _, token = await issue_initial_token(realm.issuer)
        answer = await realm.register(
            bearer(token),
            grant_types=["authorization_code", "client_credentials"],
            token_endpoint_auth_method="none",
        )
        assert answer.refusal == (400, "invalid_client_metadata")


async def test_a_closed_realm_registers_nobody_and_keeps_those_it_has(
    issuer: Issuer, http: aiohttp.ClientSession
) -> None:
    async with serving_realm(issuer, http, policy=ClientPolicy("closed")) as realm:
        _, token = await issue_initial_token(issuer)
        for headers in ({}, bearer(token)):
            assert (await realm.register(headers)).refusal == (404, "invalid_request")
        app = msgspec.structs.replace(realm.app, app_id="c" * 24)
        assert (await realm.send("GET", f"/register/{app.app_id}", headers=bearer(token))).status == 401


class TestManagement:
    async def test_what_was_registered_is_read(self, realm: Realm) -> None:
        client = await registered(realm)
        answer = await read(realm, client)
        assert (answer.status, answer.json) == (200, client)
        assert answer.headers["Cache-Control"] == "no-store"

    async def test_a_change_replaces_all_of_it(self, realm: Realm) -> None:
        client = await registered(realm, **WHOLE)
        again = await change(realm, client)
        assert (again.status, again.json) == (200, client)
        bare = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/"]}
        token = bearer(client["registration_access_token"])
        answer = await realm.send_json("PUT", path_of(client), bare, token)
        assert answer.status == 200
        assert registered_fields(answer.json) == {
            name: value for name, value in DEFAULTS.items() if name != "client_name"
        } | {"redirect_uris": ["https://new.example/"]}
        assert answer.json["client_secret"]
        assert (await read(realm, client)).json == answer.json
        refused = await realm.authorize(client_id=client["client_id"])
        assert refused.status == 400

    async def test_the_secret_stays_and_is_never_the_clients_choice(self, realm: Realm) -> None:
        client = await registered(realm)
        app_id, secret = client["client_id"], client["client_secret"]
        same = await change(realm, client, client_secret=secret, client_name="New name")
        assert (same.status, same.json["client_secret"]) == (200, secret)
        for wrong in ("mine", secret.upper()):
            assert (await change(realm, client, client_secret=wrong)).status == 400
        public = await change(realm, client, token_endpoint_auth_method="none")
        assert "client_secret" not in public.json
        code = {"grant_type": "authorization_code", "code": "x"}
        assert (await realm.post("/token", code, basic(app_id, secret))).status == 401
        back = await change(realm, client)
        assert back.json["client_secret"] == secret
        assert (await realm.post("/token", code, basic(app_id, secret))).status == 400

    async def test_a_secret_that_an_operator_made_is_not_shown(self, realm: Realm) -> None:
        client = await registered(realm)
        app = await admin.find_app(realm.issuer, client["client_id"])
        await admin.rotate_secret(realm.issuer, app, 0)
        found = (await read(realm, client)).json
        assert "client_secret" not in found
        assert found["client_secret_expires_at"] == 0
        assert (await change(realm, client)).status == 200
        kept = await admin.find_app(realm.issuer, client["client_id"])
        assert len(kept.secrets) == 1

    @pytest.mark.parametrize(
        "over",
        [
            {"client_id": None},
            {"client_id": "100001"},
            {"client_secret": "x"},
            {"registration_access_token": "x"},
            {"registration_client_uri": "x"},
            {"client_id_issued_at": 0},
            {"client_secret_expires_at": 0},
            {"grant_types": ["client_credentials"]},
            {"jwks_uri": "http://client.example/"},
        ],
    )
    async def test_a_change_that_is_refused_changes_nothing(self, realm: Realm, over: Json) -> None:
        client = await registered(realm)
        answer = await change(realm, client, **over)
        assert answer.refusal == (400, "invalid_client_metadata")
        assert (await read(realm, client)).json == client

    async def test_what_operators_set_stays(self, realm: Realm) -> None:
        client = await registered(realm)
        app = await admin.find_app(realm.issuer, client["client_id"])
        held = msgspec.structs.replace(app.client, fapi2=True, pkce=False)
        await realm.change(app, networks=("127.0.0.0/8",), owner="ops", client=held)
        assert (await change(realm, client, client_name="New")).status == 200
        kept = await admin.find_app(realm.issuer, client["client_id"])
        assert (kept.name, kept.networks, kept.owner) == ("New", ("127.0.0.0/8",), "ops")
        assert (kept.client.fapi2, kept.client.pkce) == (True, False)

    async def test_a_removed_client_is_gone_with_its_grants(self, realm: Realm) -> None:
        client = await registered(realm, grant_types=["authorization_code", "refresh_token"])
        app_id, secret = client["client_id"], client["client_secret"]
        code = await realm.code(client_id=app_id)
        tokens = (await realm.exchange(code, client_id=app_id, client_secret=secret)).json
        assert (await realm.userinfo(tokens["access_token"])).status == 200
        answer = await remove(realm, client)
        assert (answer.status, answer.body) == (204, b"")
        assert (await realm.userinfo(tokens["access_token"])).status == 401
        refreshed = await realm.refresh(tokens["refresh_token"], client_id=app_id, client_secret=secret)
        assert refreshed.refusal == (401, "invalid_client")
        assert (await realm.authorize(client_id=app_id)).status == 400

    @pytest.mark.threat("L118")
    async def test_l118_a_token_of_another_client_or_of_one_that_is_gone(self, realm: Realm) -> None:
        client, other = await registered(realm), await registered(realm)
        token = bearer(other["registration_access_token"])
        operators = f"/register/{realm.app.app_id}"
        whole = {"client_id": client["client_id"], **registered_fields(client)}
        for path in (path_of(client), operators, "/register/unknown", "/register/" + "x" * 600):
            for method, body in (("GET", None), ("DELETE", None), ("PUT", whole)):
                answer = await realm.send_json(method, path, body or {}, token)
                assert answer.refusal == (401, "invalid_token"), (method, path)
        assert (await realm.send("GET", path_of(client))).refusal == (401, "invalid_token")
        assert (await read(realm, client)).json == client
        assert (await remove(realm, client)).status == 204
        for answer in (await read(realm, client), await change(realm, client), await remove(realm, client)):
            assert answer.refusal == (401, "invalid_token")

    async def test_a_disabled_client_manages_nothing(self, realm: Realm) -> None:
        client = await registered(realm)
        app = await admin.find_app(realm.issuer, client["client_id"])
        await realm.change(app, disabled=True)
        assert [(await each(realm, client)).status for each in (read, change, remove)] == [401] * 3
        await realm.change(app, disabled=False)
        assert (await read(realm, client)).status == 200

    async def test_an_app_that_an_operator_took_over_manages_nothing(self, realm: Realm) -> None:
        client = await registered(realm)
        declared = App(realm="oidc", app_id=client["client_id"], redirect_uris=(REDIRECT,), name="Ours")
        await admin.declare_app(realm.issuer, declared, "0" * 40)
        assert (await read(realm, client)).status == 401

    async def test_changes_and_a_removal_at_once(self, realm: Realm) -> None:
        client = await registered(realm)
        names = [f"name {number}" for number in range(6)]
        answers = await asyncio.gather(
            *(change(realm, client, client_name=name) for name in names), remove(realm, client)
        )
        assert answers[-1].status == 204
        assert {answer.status for answer in answers[:-1]} <= {200, 401}
        assert (await read(realm, client)).status == 401
        assert await realm.issuer.store.find_app("oidc", client["client_id"]) is None


async def test_a_registration_keeps_no_secret_and_no_token(realm: Realm) -> None:
    client = await registered(realm)
    app = await admin.find_app(realm.issuer, client["client_id"])
    shown = repr(app) + repr(app.secrets) + repr(app.registration)
    assert client["client_secret"] not in shown
    assert client["registration_access_token"] not in shown


async def test_pkce_is_demanded_of_registered_clients(realm: Realm) -> None:
    client = await registered(realm)
    answer = await realm.authorize(
        client_id=client["client_id"], code_challenge=None, code_challenge_method=None
    )
    assert (answer.status, b"error=invalid_request&amp;" in answer.body) == (400, True)
