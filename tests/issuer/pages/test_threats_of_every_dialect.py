"""Threats that concern every dialect at once: channels, lifetimes, browsers of elsewhere, injection."""

import re
from typing import Any

import pytest

from lingpai.core.errors import Kind
from lingpai.issuer import admin
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.verbs.apps import authenticate_app
from tests.issuer.harness import raises
from tests.issuer.pages.harness import PASSWORD, REDIRECT, SECRET, Browser, Harness, authorize_path

TOKENS = {
    "/v1/oauth2/accessToken": {
        "grant_type": "authorization_code",
        "client_id": "shop",
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "code": "0" * 64,
        "scope": "a",
        "code_verifier": "v" * 43,
    },
    "/OAuth2/token": {
        "grant_type": "authorization_code",
        "app_id": "100001",
        "secret": SECRET,
        "code": "0" * 64,
    },
    "/OAuth2/checkCode": {"app_id": "100001", "type": "js_ticket", "code": "0" * 64, "open_id": "0" * 32},
    "/oauth/oauth": {
        "client_id": "print",
        "grant_type": "refresh_token",
        "refresh_token": "0" * 64,
        "scope": "all",
        "sign": "0" * 32,
        "timestamp": "1717555200",
        "id": "8b6bb0d5-94f2-4a4d-9a0c-4ed1e2d8d5aa",
    },
}
"""A call of each token endpoint, all of its parameters given."""

INJECTIONS = (
    "' OR '1'='1",
    "x'; DROP TABLE users; --",
    '") UNION SELECT 1,2,3 --',
    "*)(uid=*))(|(uid=*",
    "{{7*191}}${7*191}<%= 7*191 %>",
    "../../../../etc/passwd",
    "%00",
    "$(id)`id`",
)
COMPUTED = "1337"
"""What a template that took the parameter for its own would show."""


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("token", "unsupported_response_type"),
        ("id_token", "invalid_request"),
        ("code token", "invalid_request"),
        (None, "invalid_request"),
    ],
)
@pytest.mark.threat("A13")
async def test_a_response_type_that_is_not_ours_is_reported_in_the_query(
    harness: Harness, browser: Browser, given: str | None, error: str
) -> None:
    seen = await browser.get(authorize_path(response_type=given))
    assert seen.location.startswith(REDIRECT + "?")
    assert "#" not in seen.location
    assert seen.answer["error"] == error
    assert seen.answer["state"] == "s t&ate"


@pytest.mark.parametrize(("dialect", "seconds"), [("yzb", 300), ("mall", 30), ("yilianyun", 600)])
@pytest.mark.threat("C33")
def test_codes_live_as_long_as_the_contracts_say_and_never_over_ten_minutes(
    dialect: str, seconds: int
) -> None:
    assert dialects()[dialect].policy.code == seconds <= 600


@pytest.mark.threat("D41")
async def test_who_has_a_secret_must_present_it(harness: Harness) -> None:
    for secret in ("", " ", SECRET[:-1]):
        with raises(Kind.INVALID_CLIENT):
            await authenticate_app(harness.mall, "shop", secret, "192.0.2.1")
    await admin.change_app(harness.mall, harness.shop, secrets=())
    for secret in ("", SECRET):
        with raises(Kind.INVALID_CLIENT):
            await authenticate_app(harness.mall, "shop", secret, "192.0.2.1")


@pytest.mark.parametrize("path", [*TOKENS, "/v1/oauth2/getOpenId", "/user/mall/login"])
@pytest.mark.threat("D47")
async def test_no_page_of_elsewhere_may_read_what_is_answered(
    harness: Harness, browser: Browser, path: str
) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for method in ("GET", "POST", "OPTIONS"):
        seen = await browser.send(method, path, {} if method == "POST" else None, headers)
        assert not [name for name in seen.headers if name.lower().startswith("access-control-")], method


@pytest.mark.parametrize("path", TOKENS)
@pytest.mark.threat("G75")
async def test_injection_into_each_parameter_is_just_a_wrong_value(
    harness: Harness, browser: Browser, path: str
) -> None:
    for name in TOKENS[path]:
        for injection in INJECTIONS:
            seen = await browser.send("POST", path, TOKENS[path] | {name: injection}, {"Accept": "*/*"})
            assert seen.status < 500, (name, injection)
            assert "_token" not in seen.text.replace("access_token", "", 1) or seen.status == 400, (
                name,
                seen.text,
            )
            assert not re.search(r'"(access_token|expires_in)"\s*:', seen.text), (name, injection)
            assert COMPUTED not in seen.text
    assert await harness.mall.store.find_login("mall", "hong") is not None


@pytest.mark.parametrize("field", ["login", "password", "form_token", "request"])
@pytest.mark.threat("G75")
async def test_injection_into_the_login_form(harness: Harness, browser: Browser, field: str) -> None:
    for injection in INJECTIONS:
        page = await browser.follow("/user/mall/login")
        given: dict[str, Any] = {"login": "hong", "password": PASSWORD, field: injection}
        seen = await browser.submit(page, **given)
        if field == "request":  # the login itself is right; what it leads to is refused
            assert seen.location.startswith("/user/mall/consent?request=")
            seen = await browser.follow(seen.location)
            assert (await browser.submit(await browser.get("/user/mall"))).status == 303  # out again
        assert seen.status in {400, 403, 429}, (injection, seen.status)
        assert COMPUTED not in seen.text
        assert injection not in seen.text or not set("<>'\"") & set(injection)


@pytest.mark.threat("G75")
async def test_injection_into_the_authorization_request(harness: Harness, browser: Browser) -> None:
    for name in ("client_id", "redirect_uri", "scope", "code_challenge", "code_challenge_method"):
        for injection in INJECTIONS:
            seen = await browser.get(authorize_path(**{name: injection}))
            assert seen.status in {302, 400}, (name, injection)
            assert not seen.location or seen.location.startswith(REDIRECT + "?error="), (name, injection)
            assert COMPUTED not in seen.text


@pytest.mark.threat("G75")
async def test_names_that_operators_give_are_data(harness: Harness, browser: Browser) -> None:
    for injection in INJECTIONS:
        user = await admin.add_user(harness.mall, injection, PASSWORD)
        found = await harness.mall.store.find_login("mall", injection)
        assert found is not None
        assert found[0].id == user.id
