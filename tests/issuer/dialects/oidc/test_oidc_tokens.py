"""Tokens: redeemed, refreshed, issued to clients, introspected, revoked."""

import asyncio
from typing import Any

import pytest

from lingpai.core import base64url
from lingpai.core.clock import VirtualClock
from lingpai.issuer.policy import DAY
from tests.issuer.dialects.oidc.realms import NOW, REDIRECT, SECRET, Realm, basic, bearer, claims_of
from tests.issuer.engines import rows_of


class TestTheCode:
    async def test_codereuse_ends_what_it_gave(self, realm: Realm) -> None:
        code = await realm.code()
        found = (await realm.exchange(code)).json
        assert (await realm.exchange(code)).refusal == (400, "invalid_grant")
        assert (await realm.userinfo(found["access_token"])).refusal == (401, "invalid_token")
        assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_grant")

    async def test_of_all_who_redeem_it_one_does(self, realm: Realm) -> None:
        code = await realm.code()
        answers = await asyncio.gather(*(realm.exchange(code) for _ in range(6)))
        assert sorted(answer.status for answer in answers) == [200] + [400] * 5

    @pytest.mark.threat("L98")
    async def test_l98_another_client_gets_nothing_for_it_and_ends_nothing(self, realm: Realm) -> None:
        code = await realm.code()
        other = await realm.exchange(code, client_id=realm.other.app_id)
        assert other.refusal == (400, "invalid_grant")
        assert (await realm.exchange(code)).status == 200

    async def test_it_lives_for_a_minute(self, realm: Realm, clock: VirtualClock) -> None:
        code = await realm.code()
        clock.advance(60)
        assert (await realm.exchange(code)).refusal == (400, "invalid_grant")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"code_verifier": None},
            {"code_verifier": "x" * 43},
            {"redirect_uri": REDIRECT + "2"},
        ],
        ids=str,
    )
    async def test_a_wrong_request_spends_nothing(self, realm: Realm, wrong: dict[str, Any]) -> None:
        code = await realm.code()
        assert (await realm.exchange(code, **wrong)).refusal == (400, "invalid_grant")
        assert (await realm.exchange(code, redirect_uri=None)).status == 200  # PKCE says who asked


@pytest.mark.parametrize("text", ["A" * 43, "令牌", "x" * 5000])
async def test_any_text_is_no_code(realm: Realm, text: str) -> None:
    assert (await realm.exchange(text)).refusal == (400, "invalid_grant")


class TestRefreshOfAClientWithASecret:
    async def test_the_refresh_token_stays_and_nothing_is_written(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        first = await realm.tokens()
        clock.advance(60)
        second = (await realm.refresh(first["refresh_token"])).json
        assert second["refresh_token"] == first["refresh_token"]
        assert second["access_token"] != first["access_token"]
        answer, before = claims_of(second["id_token"]), claims_of(first["id_token"])
        assert "nonce" not in answer
        assert (answer["auth_time"], answer["sub"], answer["iat"]) == (NOW, before["sub"], NOW + 60)
        for found in (first, second):
            assert (await realm.userinfo(found["access_token"])).status == 200
        rows = await rows_of(realm.issuer.store, "SELECT generation FROM issuer_grants")
        assert [tuple(row) for row in rows] == [(1,)]

    async def test_it_goes_on_as_long_as_it_is_used(self, realm: Realm, clock: VirtualClock) -> None:
        token = (await realm.tokens())["refresh_token"]
        for _ in range(12):
            clock.advance(29 * DAY)
            assert (await realm.refresh(token)).status == 200
        clock.advance(17 * DAY)  # 365 days in all
        assert (await realm.refresh(token)).refusal == (400, "invalid_grant")

    async def test_it_ends_when_it_is_not_used(self, realm: Realm, clock: VirtualClock) -> None:
        token = (await realm.tokens())["refresh_token"]
        clock.advance(30 * DAY)
        assert (await realm.refresh(token)).refusal == (400, "invalid_grant")

    async def test_many_at_once_on_the_day_that_moves_the_end(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        token = (await realm.tokens())["refresh_token"]
        clock.advance(2 * DAY)
        answers = await asyncio.gather(*(realm.refresh(token) for _ in range(6)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.json["access_token"] for answer in answers}) == 1
        clock.advance(29 * DAY)
        assert (await realm.refresh(token)).status == 200

    @pytest.mark.threat("L124")
    async def test_l124_it_is_worth_nothing_without_the_secret(self, realm: Realm) -> None:
        token = (await realm.tokens())["refresh_token"]
        for over in ({"client_secret": None}, {"client_secret": "wrong"}, {"client_id": None}):
            assert (await realm.refresh(token, **over)).refusal == (401, "invalid_client")
        for app in (realm.other, realm.public):
            secret = None if app.public else SECRET
            refused = await realm.refresh(token, client_id=app.app_id, client_secret=secret)
            assert refused.refusal == (400, "invalid_grant")
        assert (await realm.refresh(token)).status == 200

    @pytest.mark.threat("L116")
    async def test_l116_a_narrower_scope_and_no_wider_one(self, realm: Realm) -> None:
        token = (await realm.tokens(scope="openid offline_access"))["refresh_token"]
        wider = await realm.refresh(token, scope="openid profile")
        assert wider.refusal == (400, "invalid_scope")
        narrow = (await realm.refresh(token, scope="openid")).json
        assert narrow["scope"] == "openid"
        assert list((await realm.userinfo(narrow["access_token"])).json) == ["sub"]

    @pytest.mark.parametrize("public", [False, True])
    async def test_a_client_may_repeat_offline_access_that_it_was_not_granted(
        self, realm: Realm, public: bool
    ) -> None:
        own = {"client_id": realm.public.app_id, "client_secret": None} if public else {}
        found = await (realm.public_tokens if public else realm.tokens)(scope="openid profile")
        assert found["scope"] == "openid profile"
        for asked, left in (
            ("openid profile offline_access", "openid profile"),
            ("offline_access openid", "openid"),
        ):
            again = await realm.refresh(found["refresh_token"], scope=asked, **own)
            assert (again.status, again.json["scope"]) == (200, left)
            found = again.json
        wider = await realm.refresh(found["refresh_token"], scope="openid email offline_access", **own)
        assert wider.refusal == (400, "invalid_scope")

    async def test_it_ends_with_the_login_without_offline_access(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        found = await realm.tokens(scope="openid")
        clock.advance(43_199)
        last = (await realm.refresh(found["refresh_token"])).json
        assert last["expires_in"] == 1
        clock.advance(1)
        assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_grant")
        assert (await realm.userinfo(last["access_token"])).refusal == (401, "invalid_token")


class TestRefreshOfAPublicClient:
    async def test_the_refresh_token_rotates(self, realm: Realm, clock: VirtualClock) -> None:
        first = await realm.public_tokens()
        second = (await realm.refresh_public(first["refresh_token"])).json
        assert second["refresh_token"] != first["refresh_token"]
        clock.advance(59)
        again = (await realm.refresh_public(first["refresh_token"])).json
        assert again["refresh_token"] == second["refresh_token"]
        clock.advance(1)
        assert (await realm.refresh_public(first["refresh_token"])).refusal == (400, "invalid_grant")
        assert (await realm.refresh_public(second["refresh_token"])).refusal == (400, "invalid_grant")
        assert (await realm.userinfo(second["access_token"])).refusal == (401, "invalid_token")


async def test_a_client_without_the_grant_type_gets_no_refresh_token(realm: Realm) -> None:
    await realm.change_app(grants=("authorization_code",))
    found = await realm.tokens(scope="openid offline_access")
    assert ("refresh_token" in found, found["scope"]) == (False, "openid")
    assert (await realm.refresh("A" * 43)).refusal == (400, "unauthorized_client")
    assert (await realm.own()).refusal == (400, "unauthorized_client")


class TestAClientsOwnToken:
    async def test_tokens_beside_each_other_cost_no_row(self, realm: Realm, clock: VirtualClock) -> None:
        await realm.change_app(scopes=("orders:read", "orders:write", "openid"))
        first = (await realm.own()).json
        assert list(first) == ["access_token", "token_type", "expires_in", "scope"]
        assert (first["expires_in"], first["scope"]) == (3600, "orders:read orders:write")
        same, narrow = (await realm.own()).json, (await realm.own(scope="orders:read openid")).json
        assert (same, narrow["scope"]) == (first, "orders:read")
        clock.advance(1)
        later = (await realm.own()).json
        assert later["access_token"] != first["access_token"]
        for token, scope in ((first, first["scope"]), (narrow, "orders:read"), (later, first["scope"])):
            known = await realm.introspect(token["access_token"])
            assert (known["active"], known["scope"]) == (True, scope)
            assert known["sub"] == known["client_id"] == realm.app.app_id
        assert len(await rows_of(realm.issuer.store, "SELECT id FROM issuer_grants")) == 1

    async def test_those_who_begin_at_once_share_a_grant(self, realm: Realm) -> None:
        answers = await asyncio.gather(*(realm.own() for _ in range(6)))
        assert len({answer.json["access_token"] for answer in answers}) == 1
        assert len(await rows_of(realm.issuer.store, "SELECT id FROM issuer_grants")) == 1

    async def test_other_words_take_the_place_and_tokens_live_on(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        before = (await realm.own()).json["access_token"]
        await realm.change_app(scopes=("orders:read",))
        clock.advance(10)
        assert (await realm.own()).json["scope"] == "orders:read"
        assert (await realm.introspect(before))["active"]
        clock.advance(3590)
        assert await realm.introspect(before) == {"active": False}

    async def test_a_token_never_ends_early_as_its_grant_does(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        for _ in range(4):
            found = (await realm.own()).json
            assert found["expires_in"] == 3600
            clock.advance(3599)
            assert (await realm.introspect(found["access_token"]))["active"]
            clock.advance(30 * DAY)

    async def test_words_that_it_may_not_have(self, realm: Realm) -> None:
        assert (await realm.own(scope="orders:read")).refusal == (400, "invalid_scope")

    @pytest.mark.threat("L123")
    async def test_l123_a_client_without_a_secret_has_none(self, realm: Realm) -> None:
        given = {"client_id": realm.public.app_id, "grant_type": "client_credentials"}
        assert (await realm.post("/token", given)).refusal == (400, "unauthorized_client")

    async def test_it_opens_no_userinfo(self, realm: Realm) -> None:
        token = (await realm.own()).json["access_token"]
        assert (await realm.userinfo(token)).refusal == (401, "invalid_token")


class TestIntrospection:
    async def test_what_is_said_of_a_users_tokens(self, realm: Realm, clock: VirtualClock) -> None:
        found = await realm.tokens()
        clock.advance(10)
        sub = claims_of(found["id_token"])["sub"]
        shared = {
            "active": True,
            "scope": "openid profile offline_access",
            "client_id": realm.app.app_id,
            "iat": NOW,
            "sub": sub,
            "iss": claims_of(found["id_token"])["iss"],
        }
        access = await realm.introspect(found["access_token"])
        assert access == shared | {"token_type": "Bearer", "exp": NOW + 3600}
        assert await realm.introspect(found["refresh_token"]) == shared | {"exp": NOW + 30 * DAY}

    @pytest.mark.threat("F59")
    async def test_nothing_is_revealed_of_others_dead_and_unknown_ones(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        found = await realm.tokens()
        public = await realm.public_tokens()
        for token in (public["access_token"], public["refresh_token"], found["id_token"], "A" * 43, "令牌"):
            assert await realm.introspect(token) == {"active": False}
        for token in (found["access_token"], found["refresh_token"]):
            assert await realm.introspect(token, realm.other) == {"active": False}
        clock.advance(3600)
        assert await realm.introspect(found["access_token"]) == {"active": False}
        assert (await realm.introspect(found["refresh_token"]))["active"]

    async def test_a_spent_refresh_token_of_a_public_client_is_dead(self, realm: Realm) -> None:
        from lingpai.core.errors import LingpaiError
        from lingpai.issuer.verbs.resolve_refresh import resolve_refresh_token

        first = (await realm.public_tokens())["refresh_token"]
        second = (await realm.refresh_public(first)).json["refresh_token"]
        assert (await resolve_refresh_token(realm.issuer, second, realm.public)).scope
        with pytest.raises(LingpaiError):
            await resolve_refresh_token(realm.issuer, first, realm.public)

    @pytest.mark.threat("L123")
    async def test_l123_a_client_without_a_secret_may_not_ask(self, realm: Realm) -> None:
        given = {"client_id": realm.public.app_id, "token": "A" * 43}
        assert (await realm.post("/introspect", given)).refusal == (401, "invalid_client")
        assert (await realm.post("/introspect", {"token": "x"})).refusal == (401, "invalid_client")
        assert (await realm.post("/introspect", {}, basic(realm.app.app_id))).refusal == (
            400,
            "invalid_request",
        )


class TestRevocation:
    @pytest.mark.parametrize("name", ["access_token", "refresh_token"])
    async def test_either_token_ends_the_grant(self, realm: Realm, name: str) -> None:
        found = await realm.tokens()
        answer = await realm.revoke(found[name])
        assert (answer.status, answer.body) == (200, b"")
        assert "Content-Type" not in answer.headers, "clients parse whatever calls itself JSON"
        assert (await realm.userinfo(found["access_token"])).refusal == (401, "invalid_token")
        assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_grant")

    async def test_a_public_client_ends_its_own(self, realm: Realm) -> None:
        found = await realm.public_tokens()
        given = {"client_id": realm.public.app_id, "token": found["refresh_token"], "token_type_hint": "x"}
        assert (await realm.post("/revoke", given)).status == 200
        assert (await realm.userinfo(found["access_token"])).status == 401

    async def test_others_and_unknown_ones_are_no_error_and_end_nothing(self, realm: Realm) -> None:
        found = await realm.tokens()
        for token in (found["access_token"], found["refresh_token"], "unknown"):
            answer = await realm.revoke(token, realm.other)
            assert (answer.status, answer.body) == (200, b"")
        assert (await realm.userinfo(found["access_token"])).status == 200

    async def test_a_clients_own_token_ends_and_the_next_is_another(self, realm: Realm) -> None:
        token = (await realm.own()).json["access_token"]
        await realm.revoke(token)
        assert await realm.introspect(token) == {"active": False}
        after = (await realm.own()).json["access_token"]
        assert (await realm.introspect(after))["active"]


@pytest.mark.threat("L103")
async def test_l103_no_token_is_taken_for_another(realm: Realm) -> None:
    found = await realm.tokens()
    own = (await realm.own()).json["access_token"]
    code = await realm.code()
    for token in (found["refresh_token"], found["id_token"], own, code):
        assert (await realm.userinfo(token)).status in {400, 401}
    for token in (found["access_token"], found["id_token"], own, code):
        assert (await realm.refresh(token)).refusal == (400, "invalid_grant")
    for token in (found["access_token"], found["refresh_token"], found["id_token"], own):
        assert (await realm.exchange(token)).refusal == (400, "invalid_grant")
    assert (await realm.send("GET", "/userinfo", headers=bearer(found["access_token"]))).status == 200


class TestNoScopeThatIsLeftMeansAll:
    async def test_of_a_client(self, realm: Realm) -> None:
        await realm.change_app(scopes=("openid", "email", "files:read", "files:write"))
        for scope in ("openid", "email", "openid email"):
            assert (await realm.own(scope=scope)).refusal == (400, "invalid_scope")
        for scope, given in (("files:read email", "files:read"), ("", "files:read files:write")):
            assert (await realm.own(scope=scope)).json["scope"] == given

    async def test_of_a_client_without_scopes_of_its_own(self, realm: Realm) -> None:
        found = await realm.own(scope="openid")
        assert (found.status, found.json.get("scope", "")) == (200, "")

    async def test_of_a_refresh(self, realm: Realm) -> None:
        token = (await realm.tokens(scope="openid profile"))["refresh_token"]
        assert (await realm.refresh(token, scope="offline_access")).refusal == (400, "invalid_scope")
        narrowed = await realm.refresh(token, scope="openid offline_access")
        assert narrowed.json["scope"] == "openid"


@pytest.mark.parametrize("where", ["header", "claims"])
async def test_a_token_of_endless_depth_is_none_of_ours(realm: Realm, where: str) -> None:
    deep = base64url.encode(b'{"kid":' + b"[" * 1500 + b"]" * 1500 + b"}")
    token = ".".join((deep, "e30", "e30") if where == "header" else ("e30", deep, "e30"))
    assert (await realm.get("/logout", {"id_token_hint": token})).status < 500
    assert (await realm.authorize(id_token_hint=token)).status < 500
    assert (await realm.post("/revoke", {"token": token}, basic(realm.app.app_id))).status == 200
    assert await realm.introspect(token) == {"active": False}
