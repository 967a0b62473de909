"""`/oauth/authorize`, through the pages and back to the app."""

from typing import Any

import pytest

from lingpai.issuer import admin
from tests.issuer.dialects.yilianyun.realms import DELETE, MACHINE, REDIRECT, Answer, Realm

BROWSER = {"Accept": "text/html"}


async def test_a_code_of_the_chosen_terminal_comes_back(realm: Realm) -> None:
    answer = await realm.answered(state="state 1&2")
    location = answer.headers["Location"]
    assert location.startswith(REDIRECT + "&response_type=code&code=")
    assert list(answer.redirected) == ["shop", "response_type", "code", "state"]
    assert answer.redirected["state"] == "state 1&2"
    assert (await realm.exchange(answer.redirected["code"])).tokens["machine_code"] == MACHINE


async def test_the_merchant_is_asked_each_time_as_each_time_it_is_for_a_terminal(realm: Realm) -> None:
    codes = {(await realm.answered()).redirected["code"] for _ in range(2)}
    assert len(codes) == 2
    refused = (await realm.answered(allowed=False)).redirected
    assert refused == {
        "shop": "7",
        "error": "access_denied",
        "error_description": "商户拒绝了授权",
        "state": "1",
    }


@pytest.mark.parametrize("state", ["a b+c", "<script>", "'\"&=%C3%28", "令牌", "x" * 2048])
@pytest.mark.threat("A9")
async def test_state_comes_back_as_it_was(realm: Realm, state: str) -> None:
    assert (await realm.answered(state=state)).redirected["state"] == state


@pytest.mark.parametrize(
    ("over", "error"),
    [
        ({"client_id": None, "response_type": "token"}, "4"),
        ({"response_type": None, "client_id": "client-009"}, "4"),
        ({"redirect_uri": None}, "4"),
        ({"state": None}, "4"),
        ({"response_type": "token", "client_id": "client-009"}, "1"),
        ({"client_id": "client-009", "redirect_uri": "https://evil.example/"}, "2"),
        ({"redirect_uri": "https://evil.example/"}, "3"),
        ({"redirect_uri": REDIRECT + "#x"}, "3"),
        ({"redirect_uri": REDIRECT.upper()}, "3"),
        ({"client_id": "client-002"}, "31"),
        ({"state": "\r\n\0"}, "47"),
    ],
)
@pytest.mark.threat("A1", "A2")
async def test_errors_are_shown_and_never_redirected(realm: Realm, over: dict[str, Any], error: str) -> None:
    reply = await realm.authorize(**over)
    assert (reply.status, reply.error) == (200, error)
    page = await realm.authorize(BROWSER, **over)
    assert (page.status, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "evil.example" not in page.body.decode()
    for answer in (reply, page):
        assert "Location" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers  # A16


async def test_19_comes_after_the_redirect_uri(realm: Realm) -> None:
    await realm.change(realm.app, listed=False)
    assert (await realm.authorize(redirect_uri="https://evil.example/")).error == "3"
    assert (await realm.authorize()).error == "19"
    await realm.change(realm.app, listed=True, grants=("refresh_token",))
    assert (await realm.authorize()).error == "10"


@pytest.mark.threat("D41")
async def test_a_public_client_is_refused_with_a_page_that_says_why(realm: Realm) -> None:
    await realm.change(realm.app, public=True)
    assert (await realm.authorize()).error == "31"
    page = await realm.authorize({"Accept": "text/html", "Accept-Language": "en"})
    assert (page.status, "Location" in page.headers) == (400, False)
    assert "it needs a secret" in page.body.decode()


@pytest.mark.threat("A7")
async def test_repeated_parameters_are_47(realm: Realm) -> None:
    answer = await realm.send("GET", "/oauth/authorize?state=1&state=2")
    assert (answer.error, answer.json["body"]) == ("47", {"state": "重复"})


async def test_a_code_outlives_no_terminal_and_no_merchant(realm: Realm) -> None:
    code = await realm.code()
    await admin.disable_user(realm.issuer, realm.user)
    assert (await realm.exchange(code)).error == "6"


async def deleted(realm: Realm, token: str, machine_code: str = MACHINE) -> Answer:
    return await realm.call(DELETE, machine_code=machine_code, access_token=token)


async def test_a_deleted_printer_may_be_authorized_again(realm: Realm) -> None:
    tokens = await realm.tokens()
    assert (await deleted(realm, tokens["access_token"])).error == "0"
    assert (await deleted(realm, tokens["access_token"])).error == "14"
    assert (await realm.refresh(tokens["refresh_token"])).error == "14"
    assert (await deleted(realm, (await realm.tokens())["access_token"])).error == "0"
