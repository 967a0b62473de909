"""Login: authorize, the code's tokens, the id_token, userinfo (OpenID Connect Core §2, §3.1, §5)."""

from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Client
from lingpai.issuer import jose
from tests.issuer.dialects.oidc.realms import (
    ISSUER,
    LOCAL,
    NONCE,
    NOW,
    ORIGIN,
    REDIRECT,
    SECRET,
    STATE,
    Realm,
    basic,
    bearer,
    claims_of,
)
from tests.issuer.dialects.visitors import PASSWORD, visiting
from tests.issuer.test_signing_keys import published, verify


async def keys_of(realm: Realm) -> dict[str, dict[str, Any]]:
    return published((await realm.send("GET", "/jwks")).body)


async def test_server_a_user_signs_in(realm: Realm) -> None:
    answered = (await realm.answered()).redirected
    assert list(answered) == ["code", "state", "iss"]
    assert (answered["state"], answered["iss"]) == (STATE, ISSUER)
    answer = await realm.exchange(answered["code"])
    assert answer.headers["Cache-Control"] == "no-store"
    found = answer.json
    assert list(found) == ["access_token", "token_type", "expires_in", "scope", "refresh_token", "id_token"]
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 3600)
    assert found["scope"] == "openid profile offline_access"
    reply = claims_of(found["id_token"])
    (jwk,) = (key for key in (await keys_of(realm)).values() if key["alg"] == "ES256")
    assert verify(found["id_token"], jwk) == reply
    sub = reply.pop("sub")
    assert len(reply.pop("sid")) == 22
    assert reply == {
        "iss": ISSUER,
        "aud": realm.app.app_id,
        "exp": NOW + 3600,
        "iat": NOW,
        "auth_time": NOW,
        "acr": "urn:lingpai:acr:password",
        "amr": ["pwd"],
        "at_hash": jose.at_hash(found["access_token"]),
        "nonce": NONCE,
    }
    known = (await realm.userinfo(found["access_token"])).json
    assert known == {
        "sub": sub,
        "name": "小明",
        "nickname": "小明",
        "preferred_username": "alice",
        "gender": "male",
    }


async def test_idtoken_signature_rs256_for_who_asks_for_it(realm: Realm) -> None:
    await realm.change_app(client=Client(id_token_signed_response_alg="RS256"))
    token = (await realm.tokens())["id_token"]
    (jwk,) = (key for key in (await keys_of(realm)).values() if key["alg"] == "RS256")
    assert verify(token, jwk)["nonce"] == NONCE


async def test_a_user_is_the_same_to_all_clients_and_after_all_is_taken_back(realm: Realm) -> None:
    subs = {claims_of((await realm.tokens())["id_token"])["sub"]}
    subs.add(claims_of((await realm.public_tokens())["id_token"])["sub"])
    member = await realm.issuer.store.find_member(realm.app.id, realm.user.id)
    assert member is not None
    assert subs == {member.open_id}


async def test_userinfo_by_header_and_by_form(realm: Realm) -> None:
    token = (await realm.tokens())["access_token"]
    by_get = await realm.userinfo(token)
    by_header = await realm.post("/userinfo", {}, bearer(token))
    by_body = await realm.post("/userinfo", {"access_token": token})
    assert by_get.json == by_header.json == by_body.json
    assert by_get.headers["Access-Control-Allow-Origin"] == "*"
    both = await realm.post("/userinfo", {"access_token": token}, bearer(token))
    assert both.refusal == (400, "invalid_request")
    by_query = await realm.get("/userinfo", {"access_token": token})
    about = f'resource_metadata="{ORIGIN}/.well-known/oauth-protected-resource/oidc/userinfo"'
    assert (by_query.status, by_query.headers["WWW-Authenticate"]) == (401, f'Bearer realm="oidc", {about}')


async def test_userinfo_says_what_was_allowed(realm: Realm) -> None:
    found = await realm.tokens(scope="openid")
    assert list((await realm.userinfo(found["access_token"])).json) == ["sub"]
    plain = await realm.tokens(scope="profile")
    assert "id_token" not in plain
    refused = await realm.userinfo(plain["access_token"])
    assert refused.refusal == (403, "insufficient_scope")
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


async def test_claims_in_the_id_token_for_who_asks(realm: Realm) -> None:
    wanted = '{"id_token":{"name":null,"gender":{"essential":true},"email":null},"userinfo":{"picture":null}}'
    answer = claims_of((await realm.tokens(claims=wanted))["id_token"])
    assert (answer["name"], answer["gender"], "email" in answer, "picture" in answer) == (
        "小明",
        "male",
        False,
        False,
    )
    assert "name" not in claims_of((await realm.tokens(scope="openid profile"))["id_token"])


@pytest.mark.parametrize("scope", ["openid groups profile unknown", "openid unknown"])
async def test_unknown_scopes_are_dropped(realm: Realm, scope: str) -> None:
    found = await realm.tokens(scope=scope)
    assert found["scope"] == " ".join(word for word in scope.split() if word in {"openid", "profile"})


async def test_ensure_unknown_parameters_and_wishes_are_ignored(realm: Realm) -> None:
    found = await realm.tokens(
        extra="foobar",
        display="popup",
        claims_locales="de",
        acr_values="1 2",
    )
    assert claims_of(found["id_token"])["acr"] == "urn:lingpai:acr:password"


async def test_ensure_request_without_nonce_state_and_scope_succeeds(realm: Realm) -> None:
    answered = (await realm.answered(nonce=None, state=None, scope=None)).redirected
    assert list(answered) == ["code", "iss"]
    found = (await realm.exchange(answered["code"])).json
    assert list(found) == ["access_token", "token_type", "expires_in", "refresh_token"]


async def test_ensure_post_request_succeeds(realm: Realm) -> None:
    """Another site's form: the session is looked at only once the browser comes to our own address."""
    await realm.code()
    answer = await realm.post("/authorize", realm.asked(prompt="none"))
    assert answer.status == 303
    assert "Set-Cookie" not in answer.headers
    location = answer.headers["Location"]
    assert location.startswith("/oidc/authorize?")
    walked = await realm.visitor.walk(realm.url + location)
    assert walked.headers["Location"].startswith(f"{REDIRECT}?code=")
    wrong = await realm.post("/authorize", realm.asked(response_type=None))
    assert wrong.headers["Location"].startswith(f"{REDIRECT}?error=invalid_request")


class TestPrompt:
    async def test_none_not_logged_in(self, realm: Realm) -> None:
        answer = await realm.authorize(prompt="none")
        assert answer.redirected["error"] == "login_required"
        assert answer.redirected["iss"] == ISSUER
        assert "Set-Cookie" not in answer.headers

    async def test_none_logged_in(self, realm: Realm, clock: VirtualClock) -> None:
        first = claims_of((await realm.tokens())["id_token"])
        clock.advance(100)
        answer = await realm.answered(prompt="none", nonce="another", allowed=False)
        found = (await realm.exchange(answer.redirected["code"])).json
        reply = claims_of(found["id_token"])
        assert (reply["sub"], reply["auth_time"], reply["iat"]) == (first["sub"], NOW, NOW + 100)
        assert reply["nonce"] == "another"

    async def test_none_without_consent(self, realm: Realm) -> None:
        await realm.code(scope="openid")
        answer = await realm.answered(prompt="none", scope="openid profile")
        assert answer.redirected["error"] == "consent_required"

    async def test_none_with_another(self, realm: Realm) -> None:
        assert (await realm.authorize(prompt="none login")).redirected["error"] == "invalid_request"

    async def test_login_again(self, realm: Realm, clock: VirtualClock) -> None:
        before = claims_of((await realm.tokens())["id_token"])
        clock.advance(1)
        after = claims_of((await realm.tokens(prompt="login"))["id_token"])
        assert (after["sub"], after["auth_time"]) == (before["sub"], before["auth_time"] + 1)

    async def test_login_again_within_the_same_second(self, realm: Realm) -> None:
        await realm.tokens()
        answer = await realm.visitor.http.get(
            f"{realm.url}/oidc/authorize", params=realm.asked(prompt="login"), allow_redirects=True
        )
        assert 'type="password"' in await answer.text()

    async def test_consent_asks_again(self, realm: Realm) -> None:
        await realm.code()
        answer = await realm.answered(prompt="consent", allowed=False)
        assert answer.redirected["error"] == "access_denied"
        assert answer.redirected["iss"] == ISSUER

    async def test_select_account_shows_who_is_logged_in(self, realm: Realm) -> None:
        await realm.code()
        answer = await realm.visitor.http.get(
            f"{realm.url}/oidc/authorize", params=realm.asked(prompt="select_account"), allow_redirects=True
        )
        text = await answer.text()
        assert "小明" in text
        assert "again=1" in text

    async def test_kept_consent_is_not_asked_for_again(self, realm: Realm) -> None:
        await realm.code()
        assert "code" in (await realm.answered(allowed=False)).redirected


class TestMaxAge:
    async def test_a_new_login_does(self, realm: Realm, clock: VirtualClock) -> None:
        before = claims_of((await realm.tokens())["id_token"])
        clock.advance(10)
        silent = await realm.answered(max_age="10", prompt="none")
        answer = claims_of((await realm.exchange(silent.redirected["code"])).json["id_token"])
        assert answer["auth_time"] == before["auth_time"]
        clock.advance(1)
        assert (await realm.answered(max_age="10", prompt="none")).redirected["error"] == "login_required"
        after = claims_of((await realm.tokens(max_age="10"))["id_token"])
        assert after["auth_time"] == before["auth_time"] + 11

    async def test_zero_is_a_login(self, realm: Realm) -> None:
        await realm.code()
        assert (await realm.answered(max_age="0", prompt="none")).redirected["error"] == "login_required"

    @pytest.mark.parametrize("given", ["-1", "x", "1.5", "9" * 10, "٣"])
    async def test_anything_else_is_refused(self, realm: Realm, given: str) -> None:
        assert (await realm.authorize(max_age=given)).redirected["error"] == "invalid_request"

    @pytest.mark.threat("L108")
    async def test_l108_an_old_session_answers_no_form_for_it(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        """The browser is sent to the question itself, with the session that it had all along."""
        await realm.code()
        clock.advance(60)
        jar = realm.visitor.http
        begun = await jar.get(
            f"{realm.url}/oidc/authorize", params=realm.asked(max_age="5"), allow_redirects=False
        )
        for _ in range(2):
            shown = await jar.get(realm.url + begun.headers["Location"], allow_redirects=False)
            assert shown.headers["Location"].startswith("/user/oidc/login?")


class TestWhomTheClientExpects:
    async def test_the_user_of_the_hint_silently(self, realm: Realm, clock: VirtualClock) -> None:
        token = (await realm.tokens())["id_token"]
        clock.advance(7200)  # a hint may have expired
        answer = await realm.answered(prompt="none", id_token_hint=token)
        assert "code" in answer.redirected

    @pytest.mark.threat("L106")
    async def test_l106_another_user_is_logged_in(self, realm: Realm) -> None:
        from lingpai.issuer import admin

        token = (await realm.tokens())["id_token"]
        await admin.add_user(realm.issuer, "bob", PASSWORD)
        async with visiting("bob") as bob:
            realm.visitor = bob
            await realm.code()
            silent = await realm.answered(prompt="none", id_token_hint=token)
            assert silent.redirected["error"] == "login_required"
            # They are asked to log in as the other, and are themselves again.
            assert (await realm.answered(id_token_hint=token)).redirected["error"] == "login_required"

    @pytest.mark.threat("L106")
    async def test_l106_a_hint_of_another_client_or_none_at_all(self, realm: Realm) -> None:
        token = (await realm.tokens())["id_token"]
        head, claims, _ = token.split(".")
        for hint in (token + "A", f"{head}.{claims}.", "x.y.z", "令牌"):
            refused = await realm.authorize(id_token_hint=hint)
            assert refused.redirected["error"] == "invalid_request", hint
        foreign = await realm.authorize(id_token_hint=token, client_id=realm.other.app_id)
        assert foreign.redirected["error"] == "invalid_request"

    @pytest.mark.threat("L114")
    async def test_l114_a_sub_in_the_claims(self, realm: Realm) -> None:
        sub = claims_of((await realm.tokens())["id_token"])["sub"]
        wish = '{"id_token":{"sub":{"value":"%s"}}}'
        assert "code" in (await realm.answered(prompt="none", claims=wish % sub)).redirected
        refused = await realm.answered(prompt="none", claims=wish % "somebody else")
        assert refused.redirected["error"] == "login_required"

    async def test_the_form_is_filled_in_for_a_login_hint(self, realm: Realm) -> None:
        answer = await realm.visitor.http.get(
            f"{realm.url}/oidc/authorize", params=realm.asked(login_hint="alice", ui_locales="fr zh-CN en")
        )
        text = await answer.text()
        assert 'name="login" value="alice"' in text
        assert "登录" in text


class TestAPublicClient:
    async def test_is_not_asked_again_where_https_says_who_it_is(self, realm: Realm) -> None:
        app_id = realm.public.app_id
        await realm.public_tokens()
        assert "code" in (await realm.answered(client_id=app_id, prompt="none")).redirected

    @pytest.mark.threat("L107")
    async def test_l107_on_loopback_is_never_silent(self, realm: Realm) -> None:
        asked: dict[str, Any] = {
            "client_id": realm.public.app_id,
            "redirect_uri": LOCAL.replace("/call", ":40123/call"),
        }
        assert "code" in (await realm.answered(**asked)).redirected
        assert (await realm.answered(**asked, prompt="none")).redirected["error"] == "consent_required"

    @pytest.mark.threat("L97")
    async def test_l97_pkce_cannot_be_left_out(self, realm: Realm) -> None:
        app_id = realm.public.app_id
        for over in (
            {"code_challenge": None, "code_challenge_method": None},
            {"code_challenge_method": "plain"},
            {"code_challenge_method": None},
            {"code_challenge": "short"},
        ):
            for client in (app_id, realm.app.app_id):
                refused = await realm.authorize(client_id=client, **over)
                assert refused.redirected["error"] == "invalid_request", over

    async def test_a_secret_with_it_is_refused(self, realm: Realm) -> None:
        code = await realm.code(client_id=realm.public.app_id)
        refused = await realm.exchange(code, client_id=realm.public.app_id, client_secret=SECRET)
        assert refused.refusal == (401, "invalid_client")


async def test_a_client_that_does_not_know_pkce(realm: Realm) -> None:
    await realm.change_app(client=Client(pkce=False))
    without: dict[str, Any] = {"code_challenge": None, "code_challenge_method": None}
    code = await realm.code(**without)
    assert (await realm.exchange(code)).refusal == (400, "invalid_grant")  # a verifier that nothing asked for
    assert (await realm.exchange(code, code_verifier=None, redirect_uri=None)).refusal == (
        400,
        "invalid_grant",
    )
    answer = await realm.exchange(code, basic(realm.app.app_id), code_verifier=None, client_secret=None)
    assert answer.status == 200
