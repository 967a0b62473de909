"""Every member of the metadata says what there is (threat G72): each is tried, and none is there that is not."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from lingpai.core.issuer_records import App, Client
from lingpai.core.user_records import Address, UserClaims
from lingpai.issuer import admin
from lingpai.issuer.dialects.oidc.metadata import metadata
from lingpai.issuer.dialects.oidc.policy import MACHINE, SCOPES
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import (
    CHALLENGE,
    ISSUER,
    OPEN,
    REDIRECT,
    SECRET,
    VERIFIER,
    Realm,
    basic,
    claims_of,
)
from tests.issuer.test_signing_keys import published, verify

TOLD = metadata(ISSUER, OPEN)
Check = Callable[[Realm, Any], Awaitable[None]]
BY_KEY = "100010"


async def _issuer(realm: Realm, declared: str) -> None:
    assert declared == claims_of((await realm.tokens())["id_token"])["iss"] == ISSUER


async def _endpoint(realm: Realm, declared: str) -> None:
    answer = await realm.send("GET", declared.removeprefix(ISSUER))
    assert answer.status in {200, 400, 401, 405}
    assert answer.status != 405 or "POST" in answer.headers["Allow"]


async def _scopes(realm: Realm, declared: tuple[str, ...]) -> None:
    for scope in declared:
        assert (await realm.tokens(scope=f"openid {scope}"))["scope"].split()[-1] == scope
    assert (await realm.tokens(scope=" ".join(declared)))["scope"].split() == list(declared)


async def _response_types(realm: Realm, declared: tuple[str, ...]) -> None:
    for kind in declared:
        assert "code" in (await realm.answered(response_type=kind)).redirected
    for kind in ("token", "id_token", "code id_token"):
        assert (await realm.authorize(response_type=kind)).redirected["error"] == "unsupported_response_type"


async def _response_modes(realm: Realm, declared: tuple[str, ...]) -> None:
    for mode in declared:
        answer = await realm.answered(response_mode=mode, prompt="none" if mode == "query" else None)
        assert "Location" in answer.headers or b'name="code"' in answer.body, mode
    assert (await realm.authorize(response_mode="fragment")).redirected["error"] == "invalid_request"


async def _grants(realm: Realm, declared: tuple[str, ...]) -> None:
    for grant in declared:
        answer = await realm.post("/token", {"grant_type": grant}, basic(realm.app.app_id))
        assert answer.status == 200 or answer.json["error"] == "invalid_request", grant
    answer = await realm.post("/token", {"grant_type": "password"}, basic(realm.app.app_id))
    assert answer.refusal == (400, "unsupported_grant_type")


async def _acr(realm: Realm, declared: tuple[str, ...]) -> None:
    assert (claims_of((await realm.tokens())["id_token"])["acr"],) == declared


async def _subjects(realm: Realm, declared: tuple[str, ...]) -> None:
    assert declared == ("public", "pairwise")
    subs = {
        claims_of(found["id_token"])["sub"] for found in (await realm.tokens(), await realm.public_tokens())
    }
    assert len(subs) == 1
    # Pairwise subjects are tested in test_oidc_pairwise.py.


async def _id_token_algs(realm: Realm, declared: tuple[str, ...]) -> None:
    for alg in declared:
        await realm.change_app(client=Client(id_token_signed_response_alg=alg))  # type: ignore[arg-type]  # the document says it
        token = (await realm.tokens())["id_token"]
        keys = published((await realm.send("GET", TOLD["jwks_uri"].removeprefix(ISSUER))).body)
        (jwk,) = (key for key in keys.values() if key["alg"] == alg)
        assert verify(token, jwk)["iss"] == ISSUER


async def _by_key(realm: Realm, key: ClientKey, app_id: str) -> None:
    client = Client(token_endpoint_auth_method="private_key_jwt", jwks=key.jwks)
    app = App(realm=realm.issuer.realm, app_id=app_id, redirect_uris=(REDIRECT,), client=client)
    await admin.declare_app(realm.issuer, app, "")


def _asked_at(path: str) -> dict[str, str]:
    return {"grant_type": MACHINE} if path == "/token" else {"token": "x"}


def _methods(path: str) -> Check:
    async def check(realm: Realm, declared: tuple[str, ...]) -> None:
        key = ClientKey()
        await _by_key(realm, key, BY_KEY)
        own = realm.app.app_id
        ways: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
            "client_secret_basic": ({}, basic(own)),
            "client_secret_post": ({"client_id": own, "client_secret": SECRET}, {}),
            "private_key_jwt": (key.asserted(BY_KEY), {}),
            "none": ({"client_id": realm.public.app_id}, {}),
        }
        for method, (params, headers) in ways.items():
            answer = await realm.post(path, _asked_at(path) | params, headers)
            refused = answer.status == 401
            assert refused == (method not in declared), method

    return check


def _assertions(path: str) -> Check:
    async def check(realm: Realm, declared: tuple[str, ...]) -> None:
        for number, alg in enumerate(declared):
            key, app_id = ClientKey(alg), f"10002{number}"
            await _by_key(realm, key, app_id)
            answer = await realm.post(path, _asked_at(path) | key.asserted(app_id))
            assert answer.status == 200, alg

    return check


async def _claims(realm: Realm, declared: tuple[str, ...]) -> None:
    texts: dict[str, Any] = dict.fromkeys(
        ("given_name", "family_name", "middle_name", "zoneinfo", "locale", "phone_number"), "x"
    )
    known = UserClaims(
        **texts,
        profile="https://x.example/",
        website="https://x.example/",
        birthdate="1990-12-31",
        email="alice@example.com",
        address=Address(country="CN"),
    )
    await admin.set_claims(realm.issuer, realm.user, known)
    pictured = msgspec.structs.replace(realm.user.profile, avatar="https://x.example/a.png")
    await admin.change_user(realm.issuer, realm.user, profile=pictured)
    found = await realm.tokens(scope=" ".join(SCOPES))
    everything = claims_of(found["id_token"]) | (await realm.userinfo(found["access_token"])).json
    assert everything.keys() == set(declared)


async def _locales(realm: Realm, declared: tuple[str, ...]) -> None:
    langs = {"en": b'lang="en"', "zh-CN": b'lang="zh-Hans"'}
    assert set(declared) == set(langs)
    for locale in declared:
        answer = await realm.authorize(ui_locales=locale)
        page = await realm.visitor.look(realm.url + answer.headers["Location"])
        assert b"<html " + langs[locale] in page.body, locale


async def _claims_parameter(realm: Realm, declared: bool) -> None:
    found = await realm.tokens(scope="openid", claims='{"id_token":{"nickname":null}}')
    assert ("nickname" in claims_of(found["id_token"])) is declared is True


def _refused(name: str) -> Check:
    async def check(realm: Realm, declared: bool) -> None:
        assert declared is False
        asked: dict[str, Any] = {name: "https://x.example/"}
        answer = await realm.authorize(**asked)
        assert answer.redirected["error"] == f"{name}_not_supported"

    return check


async def _unpushed(realm: Realm, declared: bool) -> None:
    assert declared is False
    assert await realm.code()


async def _proofs(realm: Realm, declared: tuple[str, ...]) -> None:
    for alg in declared:
        answer = await realm.post(
            "/token", {"grant_type": MACHINE}, basic(realm.app.app_id) | ClientKey(alg).proof()
        )
        assert (answer.status, answer.json["token_type"]) == (200, "DPoP"), alg
    wrong = basic(realm.app.app_id) | ClientKey("RS256").proof()
    refused = await realm.post("/token", {"grant_type": MACHINE}, wrong)
    assert refused.refusal == (400, "invalid_dpop_proof")


async def _challenges(realm: Realm, declared: tuple[str, ...]) -> None:
    assert declared == ("S256",)
    assert await realm.code(code_challenge=CHALLENGE, code_challenge_method="S256")
    plain = await realm.authorize(code_challenge=VERIFIER, code_challenge_method="plain")
    assert plain.redirected["error"] == "invalid_request"


async def _iss(realm: Realm, declared: bool) -> None:
    assert declared is True
    assert (await realm.answered()).redirected["iss"] == (await realm.authorize(scope="é")).redirected["iss"]


async def _prompts(realm: Realm, declared: tuple[str, ...]) -> None:
    await realm.code()
    for prompt in declared:
        assert "code" in (await realm.answered(prompt=prompt)).redirected, prompt


async def _types(_realm: Realm, declared: tuple[str, ...]) -> None:
    assert declared == ("normal",)  # no claims of other sources (OpenID Connect Core §5.6)


async def _notified_of_logouts(realm: Realm, declared: bool) -> None:
    """`test_oidc_backchannel` has what they are sent."""
    await realm.change_app(client=Client(backchannel_logout_uri="https://shop.example/logout"))
    sid = claims_of((await realm.tokens())["id_token"])["sid"]
    user = await admin.find_user(realm.issuer, "alice")
    ended = await realm.issuer.store.end_sessions(user.id, realm.issuer.now())
    assert (len(ended.logouts), bool(sid)) == (1, declared)


async def _documents(realm: Realm, declared: bool) -> None:
    """`test_oidc_documents` has those that can be fetched, and how an address is answered where there are none."""
    answer = await realm.authorize(client_id="https://127.0.0.1/client")
    assert (answer.refusal == (400, "invalid_client_metadata")) is declared


WALK: dict[str, Check] = {
    "issuer": _issuer,
    **dict.fromkeys(
        (
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "revocation_endpoint",
            "introspection_endpoint",
            "device_authorization_endpoint",
            "pushed_authorization_request_endpoint",
            "end_session_endpoint",
            "registration_endpoint",
        ),
        _endpoint,
    ),
    "scopes_supported": _scopes,
    "response_types_supported": _response_types,
    "response_modes_supported": _response_modes,
    "grant_types_supported": _grants,
    "acr_values_supported": _acr,
    "subject_types_supported": _subjects,
    "id_token_signing_alg_values_supported": _id_token_algs,
    **{
        f"{name}_endpoint_auth_{what}_supported": check(path)
        for name, path in (("token", "/token"), ("revocation", "/revoke"), ("introspection", "/introspect"))
        for what, check in (("methods", _methods), ("signing_alg_values", _assertions))
    },
    "claim_types_supported": _types,
    "claims_supported": _claims,
    "ui_locales_supported": _locales,
    "claims_parameter_supported": _claims_parameter,
    "request_parameter_supported": _refused("request"),
    "request_uri_parameter_supported": _refused("request_uri"),
    "require_pushed_authorization_requests": _unpushed,
    "dpop_signing_alg_values_supported": _proofs,
    "code_challenge_methods_supported": _challenges,
    "authorization_response_iss_parameter_supported": _iss,
    "prompt_values_supported": _prompts,
    "client_id_metadata_document_supported": _documents,
    "backchannel_logout_supported": _notified_of_logouts,
    "backchannel_logout_session_supported": _notified_of_logouts,
}


@pytest.mark.threat("G72")
@pytest.mark.parametrize("name", TOLD)
async def test_what_the_metadata_says_is_so(realm: Realm, name: str) -> None:
    await WALK[name](realm, TOLD[name])


def test_no_member_is_checked_that_is_not_there() -> None:
    assert set(WALK) == set(TOLD)
