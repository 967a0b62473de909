"""Public clients: PKCE in the place of a secret, and answers that their own pages may read (RFC 7636, Fetch)."""

import base64
import hashlib
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.mall.realms import REDIRECT, ROOT, SECRET, Answer, Realm

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
OWN = "https://www.baidu.com"
CORS = "Access-Control-Allow-Origin"
ENDPOINTS = [folder + path for folder in (ROOT, "/oauth2") for path in ("/accessToken", "/refreshToken")]


@pytest.fixture
async def public(realm: Realm) -> Realm:
    await realm.change_app(public=True, secrets=())
    return realm


async def redeem(realm: Realm, code: str, origin: str | None = None, **over: Any) -> Answer:
    given: Json = {"client_secret": None, "code_verifier": VERIFIER} | over
    return await realm.exchange(code, {"Origin": origin} if origin else None, **given)


async def preflight(realm: Realm, origin: str | None, path: str = ROOT + "/accessToken") -> Answer:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    return await realm.send("OPTIONS", path, headers=asked | ({"Origin": origin} if origin else {}))


@pytest.mark.threat("D41")
async def test_a_code_and_a_verifier_are_enough(public: Realm) -> None:
    tokens = await redeem(public, await public.code(**PKCE))
    assert tokens.status == 200, tokens.body
    fresh = await public.refresh(tokens.json["refresh_token"], client_secret=None)
    assert fresh.status == 200, fresh.body
    assert (await public.open_id(fresh.json["access_token"])).status == 200


@pytest.mark.parametrize("secret", ["", None])
@pytest.mark.threat("D41")
async def test_an_empty_secret_is_none(public: Realm, secret: str | None) -> None:
    assert (await redeem(public, await public.code(**PKCE), client_secret=secret)).status == 200
    header = "Basic " + base64.b64encode(b"100001:").decode()
    given = {"client_id": None, "client_secret": None, "code_verifier": VERIFIER}
    answer = await public.exchange(await public.code(**PKCE), {"Authorization": header}, **given)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"code_verifier": None}, "invalid_grant"),
        ({"code_verifier": VERIFIER[::-1]}, "invalid_grant"),
        ({"code_verifier": CHALLENGE}, "invalid_grant"),
        ({"client_secret": SECRET}, "invalid_client"),
        ({"client_id": "100002"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"redirect_uri": None}, "redirect_uri_mismatch"),
    ],
    ids=str,
)
@pytest.mark.threat("D41")
async def test_a_wrong_request_spends_nothing(public: Realm, wrong: Json, error: str) -> None:
    code = await public.code(**PKCE)
    assert (await redeem(public, code, **wrong)).refusal == (400, error)
    tokens = await redeem(public, code)
    assert tokens.status == 200
    assert (await redeem(public, code, **wrong)).status == 400
    assert (await public.open_id(tokens.json["access_token"])).status == 200


@pytest.mark.parametrize(
    "over",
    [{}, {"code_challenge": CHALLENGE}, {"code_challenge": VERIFIER, "code_challenge_method": "plain"}],
)
@pytest.mark.threat("A6")
async def test_no_code_without_a_hashed_challenge(public: Realm, over: Json) -> None:
    assert (await public.authorize(**over)).redirected["error"] == "invalid_request"


@pytest.mark.threat("D41")
async def test_a_code_from_when_the_app_had_a_secret_needs_more_than_its_name(realm: Realm) -> None:
    code = await realm.code()
    await realm.change_app(public=True, secrets=())
    answer = await realm.exchange(code, client_secret=None)
    assert answer.refusal == (400, "invalid_grant")
    assert "code challenge" in answer.json["error_description"]


@pytest.mark.threat("D41")
async def test_a_confidential_app_with_pkce_needs_its_secret_too(realm: Realm) -> None:
    code = await realm.code(**PKCE)
    assert (await redeem(realm, code)).refusal == (400, "invalid_client")
    assert (await redeem(realm, code, client_secret=SECRET)).status == 200


@pytest.mark.threat("D41")
async def test_disabled_and_outside_its_networks(public: Realm) -> None:
    code = await public.code(**PKCE)
    await public.change_app(networks=("198.51.100.0/24",))
    assert (await redeem(public, code)).refusal == (400, "unauthorized_client")
    await public.change_app(networks=(), disabled=True)
    assert (await redeem(public, code, OWN)).refusal == (400, "invalid_client")


@pytest.mark.threat("E49")
async def test_a_used_refresh_token_ends_a_public_grant_too(public: Realm, clock: VirtualClock) -> None:
    first = (await redeem(public, await public.code(**PKCE))).json
    second = (await public.refresh(first["refresh_token"], client_secret=None)).json
    clock.advance(60)
    assert (await public.refresh(first["refresh_token"], client_secret=None)).refusal[1] == "invalid_grant"
    assert (await public.open_id(second["access_token"])).status == 401


@pytest.mark.threat("D47")
async def test_the_apps_own_page_reads_tokens_and_refusals(public: Realm) -> None:
    code = await public.code(**PKCE)
    for answer in (
        await redeem(public, "x", OWN),
        await redeem(public, code, OWN, code_verifier=None),
        await redeem(public, code, OWN, grant_type="password"),
        await redeem(public, code, OWN),
    ):
        assert answer.headers[CORS] == OWN
        assert answer.headers["Vary"] == "Origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    fresh = await public.refresh(answer.json["refresh_token"], {"Origin": OWN}, client_secret=None)
    assert (fresh.status, fresh.headers[CORS]) == (200, OWN)


FOREIGN = [
    "https://evil.example", "null", "http://www.baidu.com", "https://www.baidu.com:8443", "https://baidu.com",
    "https://www.baidu.com.evil.example", "https://www.baidu.com/", "https://WWW.baidu.com", "*", "https://",
    "https://evil@www.baidu.com", "http://app.example",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.threat("D47")
async def test_no_other_page_reads_anything(public: Realm, origin: str) -> None:
    await public.change_app(domains=("app.example",))
    answer = await redeem(public, await public.code(**PKCE), origin)
    assert answer.status == 200  # who does not ask as a browser does reads it anyway
    for each in (answer, await redeem(public, "x", origin), await preflight(public, origin)):
        assert not [name for name in each.headers if name.lower().startswith("access-control")]


@pytest.mark.threat("D47")
async def test_pages_of_domains_and_of_this_machine(public: Realm, clock: VirtualClock) -> None:
    local = "http://127.0.0.1:5173"
    redirects = (REDIRECT, local + "/callback", "com.example.app:/callback")
    await public.change_app(domains=("spa.example", "*.b.example"), redirect_uris=redirects)
    for origin in (OWN, local, "https://spa.example", "https://x.b.example"):
        clock.advance(1)
        assert (await redeem(public, "x", origin)).headers[CORS] == origin
        assert (await preflight(public, origin)).headers[CORS] == origin


@pytest.mark.threat("D47")
async def test_no_page_reads_answers_for_an_app_with_a_secret(realm: Realm) -> None:
    answer = await realm.exchange(await realm.code(), {"Origin": OWN})
    assert answer.status == 200
    assert CORS not in answer.headers
    assert CORS not in (await preflight(realm, OWN)).headers
    other = await realm.exchange("x", {"Origin": OWN}, client_id="nobody")
    assert CORS not in other.headers


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.threat("D47")
async def test_a_preflight_says_what_may_be_sent(public: Realm, path: str) -> None:
    answer = await preflight(public, OWN, path)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers[CORS] == OWN
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert "content-type" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    plain = await preflight(public, None, path)
    assert (plain.status, plain.headers["Allow"]) == (204, "OPTIONS, POST")
    assert CORS not in plain.headers


@pytest.mark.threat("D47")
async def test_preflights_read_the_apps_once_a_second(
    public: Realm, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, read = [], public.issuer.store.list_apps

    async def list_apps(realm: str) -> Any:
        listed.append(realm)
        return await read(realm)

    monkeypatch.setattr(public.issuer.store, "list_apps", list_apps)
    for _ in range(5):
        assert CORS in (await preflight(public, OWN)).headers
    assert len(listed) == 1
    await admin.change_app(public.issuer, public.app, disabled=True)
    clock.advance(1)
    assert CORS not in (await preflight(public, OWN)).headers
    assert len(listed) == 2


@pytest.mark.threat("D41")
async def test_pages_and_resources_stay_closed(public: Realm) -> None:
    tokens = (await redeem(public, await public.code(**PKCE))).json
    for path in ("/getOpenId", "/getUserInfo"):
        answer = await public.get(ROOT + path, {"access_token": tokens["access_token"]}, {"Origin": OWN})
        assert CORS not in answer.headers
    assert CORS not in (await public.authorize({"Origin": OWN}, **PKCE)).headers
