"""`/authorize` (docs/spec/mall.md, "Errors of authorize"; threats A)."""

import base64
import hashlib
import re
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.dialects.mall.realms import REDIRECT, ROOT, STATE, Realm

HTML = {"Accept": "text/html"}


@pytest.mark.threat("A1")
async def test_a_client_that_may_do_nothing_is_not_redirected(realm: Realm) -> None:
    await realm.change_app(disabled=True)
    assert (await realm.authorize()).refusal == (400, "invalid_client")
    await realm.change_app(disabled=False, listed=False)
    assert (await realm.authorize()).refusal == (400, "unauthorized_client")
    page = await realm.authorize(HTML)
    assert (page.status, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


OTHERS = (
    "https://www.baidu.com",
    "https://www.baidu.com/x",
    "https://www.baidu.com//",
    "https://WWW.baidu.com/",
    "https://www.baidu.com/?a=1",
    "https://user@www.baidu.com/",
    "https://www.baidu.com/%2F",
    "https://www.baidu.com/a/..",
    "https://www.baidu.com\\",
    "https://www.baidu.com:443/",
    "http://www.baidu.com/",
    "http://127.0.0.1:80/",
)
"""Redirect URIs that are not the registered one, though some software takes them for it."""


@pytest.mark.threat("A2")
async def test_redirect_uris_are_compared_as_plain_strings(realm: Realm) -> None:
    for given in OTHERS:
        answer = await realm.authorize(redirect_uri=given, response_type="token", scope="x")
        assert answer.refusal == (400, "redirect_uri_mismatch"), given
        assert "location" not in answer.headers


async def test_the_order_of_the_table(realm: Realm) -> None:
    """Everything is wrong at first; as it is mended in the table's order, the next row answers."""
    wrong: dict[str, Any] = {
        "client_id": None,
        "redirect_uri": "https://evil.example/#x",
        "response_type": None,
        "scope": "all",
    }
    await realm.change_app(grants=("refresh_token",))
    rows = [
        ({}, "invalid_client"),
        ({"client_id": realm.app.app_id}, "invalid_uri"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": REDIRECT}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code"}, "unauthorized_client"),
    ]
    for mended, error in rows:
        wrong |= mended
        answer = await realm.authorize(**wrong)
        assert (answer.redirected if answer.status == 302 else answer.json)["error"] == error
    await realm.change_app(grants=("authorization_code",))
    assert (await realm.authorize(**wrong)).redirected["error"] == "invalid_scope"
    assert (await realm.authorize(**wrong | {"scope": None})).status == 303


@pytest.mark.threat("A7")
async def test_a_repeated_parameter_is_never_redirected(realm: Realm) -> None:
    given = f"client_id={realm.app.app_id}&response_type=code&state=a"
    for more in ("&state=b", "&state=a", "&client_id=100002"):
        answer = await realm.send("GET", f"{ROOT}/authorize?{given}{more}")
        assert answer.refusal == (400, "invalid_request")
    for name in (
        "client_id[]",
        "client_id%5B%5D",
        "client_id%5b0%5D",
        "state[a]",
        "redirect_uri[]",
        "scope[",
    ):
        answer = await realm.send("GET", f"{ROOT}/authorize?{given}&{name}=1")
        assert answer.refusal == (400, "invalid_request"), name
    assert (await realm.send("GET", f"{ROOT}/authorize?{given}&other[]=1&other[]=2")).status == 303


@pytest.mark.threat("A8")
async def test_empty_is_absent_and_the_unknown_is_ignored(realm: Realm) -> None:
    answered = await realm.answered(state="", scope="", code_challenge="", prompt="none", request="x")
    assert list(answered.redirected) == ["code"]
    assert (await realm.authorize(response_type="")).redirected["error"] == "invalid_request"


@pytest.mark.parametrize(
    "state", ["a b+c&d=e%", "<script>\"'", "令牌", "line\r\nSet-Cookie: a=b", "x" * 2048]
)
@pytest.mark.threat("A9")
async def test_the_state_comes_back_untouched_and_once(realm: Realm, state: str) -> None:
    assert (await realm.answered(state=state, allowed=False)).redirected["error"] == "access_denied"
    answers = [await realm.answered(state=state, allowed=allowed) for allowed in (False, True)]
    assert [answer.redirected["state"] for answer in answers] == [state] * 2
    refused = await realm.authorize(state=state, scope="all")
    assert refused.redirected["state"] == state
    assert "Set-Cookie" not in refused.headers


@pytest.mark.parametrize("state", ["x" * 2049, "令" * 683])
async def test_a_state_above_two_kilobytes_is_refused(realm: Realm, state: str) -> None:
    refused = await realm.authorize(state=state)
    assert refused.status == 302
    assert refused.redirected == {
        "error": "invalid_request",
        "error_description": "The state is longer than 2048 bytes.",
        "state": state,
    }


async def test_a_state_with_a_nul_is_refused(realm: Realm) -> None:
    assert (await realm.authorize(state="a\0b")).refusal == (400, "invalid_request")


async def test_the_answers_to_the_app(realm: Realm) -> None:
    """Steps 2 and 8 of the contract's tables, byte for byte."""
    refused = await realm.answered(allowed=False)
    words = "The+user+denied+access+to+your+application"
    assert refused.headers["Location"] == (
        f"{REDIRECT}?error=access_denied&error_description={words}&state={STATE}"
    )
    answered = await realm.answered()
    assert re.fullmatch(
        re.escape(REDIRECT) + rf"\?code=[0-9A-F]{{64}}&state={STATE}", answered.headers["Location"]
    )


async def test_a_redirect_uri_with_a_query_keeps_it(realm: Realm) -> None:
    uri = "https://shop.example/back?page=1&x=%2F"
    await realm.change_app(redirect_uris=(uri,))
    answer = await realm.answered(redirect_uri=uri)
    assert answer.headers["Location"].startswith(uri + "&code=")


async def test_without_a_redirect_uri_the_only_one_is_taken(realm: Realm) -> None:
    code = await realm.code(redirect_uri=None)
    assert (await realm.exchange(code, redirect_uri=None)).status == 200


@pytest.mark.threat("C30")
async def test_pkce_is_kept_by_who_uses_it(realm: Realm, clock: VirtualClock) -> None:
    verifier = "v" * 43
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked: dict[str, Any] = {"code_challenge": challenge, "code_challenge_method": "S256"}
    code = await realm.code(**asked)
    for wrong in (None, "w" * 43, "v" * 42, "v" * 129, challenge):
        answer = await realm.exchange(code, code_verifier=wrong)
        expected = "invalid_request" if wrong and len(wrong) > 128 else "invalid_grant"
        assert answer.refusal == (400, expected)
    assert (await realm.exchange(code, code_verifier=verifier)).status == 200
    assert (await realm.exchange(await realm.code(), code_verifier=verifier)).refusal == (
        400,
        "invalid_grant",
    )
    for bad in ({"code_challenge": challenge}, asked | {"code_challenge_method": "plain"}):
        assert (await realm.authorize(**bad)).redirected["error"] == "invalid_request"


async def test_head_and_options(realm: Realm) -> None:
    head = await realm.send("HEAD", f"{ROOT}/authorize?client_id=1")
    assert (head.status, head.body) == (400, b"")
    options = await realm.send("OPTIONS", f"{ROOT}/accessToken")
    assert (options.status, options.headers["Allow"]) == (204, "OPTIONS, POST")
