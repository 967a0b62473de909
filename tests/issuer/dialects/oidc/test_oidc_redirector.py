"""No link to this service leads to an address that nobody here has checked (RFC 9700 §4.11.2; threat A10)."""

import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from lingpai.issuer.context import Issuer
from tests.issuer.dialects.calls import Json, encoded
from tests.issuer.dialects.oidc.publishing import Published
from tests.issuer.dialects.oidc.realms import REDIRECT, Answer, Realm, serving_realm
from tests.issuer.dialects.oidc.test_oidc_documents import ID, document
from tests.issuer.dialects.visitors import visiting

AFTER = "https://client.example/bye"
FRAME = {"Sec-Fetch-Dest": "iframe"}
LINK = f'href="{REDIRECT}?error='
pytestmark = pytest.mark.threat("A10")


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession) -> AsyncIterator[Realm]:
    published = Published()
    published.documents[ID] = document()
    async with serving_realm(issuer, http, published) as served:
        yield served


async def registered(realm: Realm, **over: Any) -> Json:
    return (await realm.register(**over)).json


def demand_page(answer: Answer, within: str) -> None:
    text = answer.body.decode()
    assert (answer.status, answer.headers["Content-Type"]) == (400, "text/html; charset=utf-8")
    assert "Location" not in answer.headers
    assert within in text
    assert '<span class="strong">https://client.example</span>' in text
    assert not re.search("<script|http-equiv", text)


@pytest.mark.parametrize("kind", ["registered", "document"])
@pytest.mark.parametrize(
    ("over", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"state": "x" * 2049}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
    ids=str,
)
async def test_a10_an_error_waits_for_a_press(realm: Realm, kind: str, over: Json, error: str) -> None:
    app_id = ID if kind == "document" else (await registered(realm))["client_id"]
    answer = await realm.authorize({"Accept": "text/html"}, client_id=app_id, **over)
    demand_page(answer, LINK + error + "&amp;")
    assert ("notes.example" if kind == "document" else "registered itself") in answer.body.decode()
    framed = await realm.authorize(FRAME, client_id=app_id, **over)
    assert framed.status == (303 if over == {"prompt": "none"} else 400)
    assert (await realm.authorize(**over)).redirected["error"] == error


async def test_a10_whether_or_not_the_user_is_logged_in(realm: Realm) -> None:
    await realm.code()
    app_id = (await registered(realm))["client_id"]
    seen = await realm.visitor.look(
        f"{realm.url}/oidc/authorize?{encoded(realm.asked(client_id=app_id, prompt='none'))}"
    )
    demand_page(Answer(*seen), LINK + "consent_required&amp;")


async def test_a10_a_posted_error_waits_too(realm: Realm) -> None:
    answer = await realm.authorize(client_id=ID, response_mode="form_post", scope="nothing")
    demand_page(answer, f'method="post" action="{REDIRECT}"')
    assert b'name="error" value="invalid_scope"' in answer.body
    assert "form-action https://client.example;" in answer.headers["Content-Security-Policy"] + ";"


async def test_a10_who_allowed_the_client_gets_there_at_once(realm: Realm) -> None:
    await realm.code(client_id=ID)
    assert "code" in (await realm.answered(client_id=ID, prompt="none")).redirected


async def test_a10_a_logout_leads_there_only_from_a_session_with_the_client(realm: Realm) -> None:
    client = await registered(realm, post_logout_redirect_uris=[AFTER])
    own = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    found = (await realm.exchange(await realm.code(client_id=own["client_id"]), **own)).json
    asked = {"id_token_hint": found["id_token"], "post_logout_redirect_uri": AFTER, "state": "s"}
    url = f"{realm.url}/oidc/logout?{encoded(asked)}"
    async with visiting("alice") as stranger:
        seen = await stranger.look(url)
        assert (seen.status, "Location" in seen.headers) == (200, False)
        assert f'href="{AFTER}?state=s"'.encode() in seen.body
        assert b"http-equiv" not in seen.body
        question = await realm.post("/logout", asked)
        left = question.headers["Location"].replace("/logout?", "/left?")
        assert b"http-equiv" not in (await stranger.look(realm.url + left)).body
    assert (await realm.visitor.look(url)).headers["Location"] == AFTER + "?state=s"
