"""What a client learns of the user: by scopes, by single claims, and of the session (OpenID Connect Core §5)."""

import json
from typing import Any

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Client, Resource
from lingpai.core.user_records import Address, UserClaims
from lingpai.issuer import admin
from lingpai.issuer.dialects.oidc.policy import CLAIMS, SCOPE_OF
from lingpai.issuer.pages.words import CATALOGUES
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, Realm, claims_of
from tests.issuer.dialects.visitors import PASSWORD

TOLD = UserClaims(
    given_name="Ann",
    family_name="Li",
    birthdate="1990-01-31",
    zoneinfo="Asia/Shanghai",
    email="ann@example.com",
    email_verified=True,
    phone_number="+86 10 1234 5678",
    address=Address(street_address="1 Main Street", country="CN"),
)
PROFILE = {
    "name": "小明",
    "family_name": "Li",
    "given_name": "Ann",
    "nickname": "小明",
    "preferred_username": "alice",
    "gender": "male",
    "birthdate": "1990-01-31",
    "zoneinfo": "Asia/Shanghai",
    "updated_at": NOW,
}
EMAIL = {"email": "ann@example.com", "email_verified": True}
PHONE = {"phone_number": "+86 10 1234 5678", "phone_number_verified": False}
ADDRESS = {"address": {"street_address": "1 Main Street", "country": "CN"}}


@pytest.fixture(autouse=True)
async def user_with_claims(realm: Realm) -> None:
    await admin.set_claims(realm.issuer, realm.user, TOLD)


def wanted(**members: Any) -> str:
    return json.dumps(members)


async def info_of(realm: Realm, **over: Any) -> dict[str, Any]:
    found = await realm.tokens(**over)
    info: dict[str, Any] = (await realm.userinfo(found["access_token"])).json
    assert info.pop("sub") == claims_of(found["id_token"])["sub"]
    return info


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid", {}),
        ("openid profile", PROFILE),
        ("openid email", EMAIL),
        ("openid phone", PHONE),
        ("openid address", ADDRESS),
        ("openid profile email address phone", PROFILE | EMAIL | ADDRESS | PHONE),
    ],
)
async def test_oidcc_scope_all(realm: Realm, scope: str, expected: dict[str, Any]) -> None:
    assert await info_of(realm, scope=scope) == expected


async def test_what_nothing_is_known_of_is_left_out(realm: Realm) -> None:
    await admin.set_claims(realm.issuer, realm.user, UserClaims())
    assert await info_of(realm, scope="openid email address phone") == {}


async def test_oidcc_server_no_profile_claim_is_in_the_id_token_unasked(realm: Realm) -> None:
    found = claims_of((await realm.tokens(scope="openid profile email"))["id_token"])
    assert not SCOPE_OF.keys() & found.keys()


class TestSingleClaims:
    async def test_oidcc_claims_essential(self, realm: Realm) -> None:
        asked = wanted(userinfo={"name": {"essential": True}, "email": None, "unknown": None})
        assert await info_of(realm, scope="openid", claims=asked) == {
            "name": "小明",
            "email": "ann@example.com",
        }

    async def test_in_the_id_token_and_after_a_refresh(self, realm: Realm) -> None:
        asked = wanted(id_token={"email": None, "address": {"essential": True}, "auth_time": None})
        found = await realm.tokens(scope="openid offline_access", claims=asked)
        again = (await realm.refresh(found["refresh_token"])).json
        for token in (found["id_token"], again["id_token"]):
            said = claims_of(token)
            assert (said["email"], said["address"]) == (TOLD.email, ADDRESS["address"])
        assert list((await realm.userinfo(found["access_token"])).json) == ["sub"]

    async def test_a_token_for_less_than_all_has_none(self, realm: Realm) -> None:
        asked = wanted(userinfo={"email": None})
        found = await realm.tokens(scope="openid offline_access", claims=asked)
        narrow = (await realm.refresh(found["refresh_token"], scope="openid")).json
        assert list((await realm.userinfo(narrow["access_token"])).json) == ["sub"]

    async def test_a_token_for_one_of_several_resources_has_them(self, realm: Realm) -> None:
        uri = "https://api.example/orders"
        await realm.issuer.store.save_resource(
            Resource(realm=realm.issuer.realm, uri=uri, scopes=("orders:read",))
        )
        here = ISSUER + "/userinfo"
        asked = {"scope": "openid orders:read", "resource": (here, uri)}
        code = await realm.code(**asked, claims=wanted(userinfo={"email": None}))
        found = (await realm.exchange(code, resource=here)).json
        assert (await realm.userinfo(found["access_token"])).json["email"] == TOLD.email

    async def test_each_is_allowed_by_itself(self, realm: Realm) -> None:
        await realm.code(scope="openid")
        asked = wanted(userinfo={"email": None}, id_token={"phone_number": None})
        silent: dict[str, Any] = {"scope": "openid", "prompt": "none"}
        answer = (await realm.answered(claims=asked, **silent)).redirected
        assert answer["error"] == "consent_required"
        await realm.code(scope="openid", claims=asked)
        assert "code" in (await realm.answered(claims=asked, **silent)).redirected
        more = wanted(userinfo={"email": None, "address": None})
        answer = (await realm.answered(claims=more, **silent)).redirected
        assert answer["error"] == "consent_required"

    async def test_a_scope_has_its_claims_already(self, realm: Realm) -> None:
        await realm.code(scope="openid email")
        silent: dict[str, Any] = {"scope": "openid email", "prompt": "none"}
        asked = wanted(userinfo={"email": None}, id_token={"email": None})
        assert "code" in (await realm.answered(claims=asked, **silent)).redirected

    async def test_an_app_gets_no_claim_of_a_scope_that_it_may_not_ask_for(self, realm: Realm) -> None:
        await realm.change_app(scopes=("openid", "email"))
        asked = wanted(userinfo={"email": None, "phone_number": None})
        assert await info_of(realm, scope="openid", claims=asked) == {"email": TOLD.email}

    async def test_without_openid_there_are_none(self, realm: Realm) -> None:
        await realm.change_app(scopes=("orders", "email"))
        found = await realm.tokens(scope="orders", claims=wanted(userinfo={"email": None}))
        assert (await realm.userinfo(found["access_token"])).refusal == (403, "insufficient_scope")

    @pytest.mark.threat("L114")
    @pytest.mark.parametrize(
        "claims",
        ["[]", "x", '{"userinfo":' + "[" * 900 + "]" * 900 + "}", '{"userinfo":{"a":"' + "x" * 2048 + '"}}'],
        ids=["list", "word", "deep", "long"],
    )
    async def test_l114_what_is_no_object_is_refused_and_what_is_deep_is_nothing(
        self, realm: Realm, claims: str
    ) -> None:
        answer = await realm.authorize(claims=claims)
        if claims.startswith('{"userinfo":['):
            assert answer.headers["Location"].startswith("/user/oidc/consent?")
        else:
            assert answer.redirected["error"] == "invalid_request"


def test_pages_say_in_both_languages_what_each_scope_and_claim_means() -> None:
    for catalogue in CATALOGUES.values():
        names = [*CLAIMS, *(f"claim:{name}" for name in SCOPE_OF)]
        assert not [name for name in names if name not in catalogue["permissions"]]


class TestTheSession:
    @pytest.mark.threat("L113")
    async def test_l113_it_has_a_name_that_no_two_clients_share(self, realm: Realm) -> None:
        first = claims_of((await realm.tokens())["id_token"])
        again = claims_of((await realm.tokens())["id_token"])
        public = claims_of((await realm.public_tokens())["id_token"])
        assert first["sid"] == again["sid"] != public["sid"]
        assert len(first["sid"]) == 22
        session = (await realm.issuer.store.read_session(1) or (None,))[0]
        assert session is not None
        assert str(session.sid) not in json.dumps(first)

    async def test_the_same_user_who_logs_in_again_keeps_it_and_another_has_one_of_their_own(
        self, realm: Realm, clock: VirtualClock
    ) -> None:
        first = claims_of((await realm.tokens())["id_token"])
        clock.advance(10)
        again = claims_of((await realm.tokens(prompt="login"))["id_token"])
        assert (again["sid"], again["auth_time"]) == (first["sid"], NOW + 10)
        await admin.add_user(realm.issuer, "bob", PASSWORD)
        realm.visitor.login = "bob"
        other = claims_of((await realm.tokens(prompt="login"))["id_token"])
        assert other["sid"] != first["sid"]

    async def test_a_refresh_says_it_again(self, realm: Realm) -> None:
        found = await realm.tokens()
        again = (await realm.refresh(found["refresh_token"])).json
        assert claims_of(again["id_token"])["sid"] == claims_of(found["id_token"])["sid"]

    async def test_a_client_may_have_a_max_age_of_its_own(self, realm: Realm, clock: VirtualClock) -> None:
        await realm.code()
        await realm.change_app(client=msgspec.structs.replace(Client(), default_max_age=60))
        clock.advance(30)
        assert "code" in (await realm.answered(prompt="none")).redirected
        clock.advance(31)
        assert (await realm.answered(prompt="none")).redirected["error"] == "login_required"
        assert "code" in (await realm.answered(prompt="none", max_age="100")).redirected
        found = claims_of((await realm.tokens())["id_token"])
        assert found["auth_time"] == NOW + 61
