"""Answers by a form that the browser posts (OAuth 2.0 Form Post Response Mode)."""

import re
from html.parser import HTMLParser

import pytest

from tests.issuer.dialects.calls import encoded
from tests.issuer.dialects.oidc.realms import ISSUER, REDIRECT, STATE, Answer, Realm, claims_of


class Form(HTMLParser):
    """The one form of a page, and its scripts."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def fields(self) -> dict[str, str | None]:
        return {str(each["name"]): each["value"] for each in self.of("input")}


def posted(answer: Answer, uri: str = REDIRECT) -> dict[str, str | None]:
    """What a page posts to the client, the page being as it has to be."""
    form = Form(answer.body)
    (target,), (script,) = form.of("form"), form.of("script")
    assert (target["method"], target["action"]) == ("post", uri)
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert f"script-src 'nonce-{script['nonce']}'" in policy
    assert "form-action https://client.example" in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.fullmatch("[0-9a-f]{32}", str(script["nonce"]))
    return form.fields


async def respond(realm: Realm, *, allowed: bool = True, **over: str | None) -> Answer:
    """The page at the end of the user's way."""
    query = encoded(realm.asked(response_mode="form_post", **over))
    answer = await realm.visitor.walk(f"{realm.url}{realm.prefix}/authorize?{query}", allowed=allowed)
    return Answer(*answer)


async def test_a_code_by_form(realm: Realm) -> None:
    fields = posted(await respond(realm))
    assert list(fields) == ["code", "state", "iss"]
    assert (fields["state"], fields["iss"]) == (STATE, ISSUER)
    found = (await realm.exchange(fields["code"])).json
    assert claims_of(found["id_token"])["aud"] == realm.app.app_id
    silent = posted(await respond(realm, prompt="none"))
    assert (await realm.exchange(silent["code"])).status == 200


async def test_a_nonce_is_used_once(realm: Realm) -> None:
    nonces = {Form((await respond(realm)).body).of("script")[0]["nonce"] for _ in range(3)}
    assert len(nonces) == 3


async def test_errors_by_form(realm: Realm) -> None:
    refused = posted(await respond(realm, allowed=False))
    assert list(refused) == ["error", "error_description", "state", "iss"]
    assert refused["error"] == "access_denied"
    for over, error in (
        ({"scope": "nothing"}, "invalid_scope"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
    ):
        answer = await realm.authorize(response_mode="form_post", **over)
        assert posted(answer)["error"] == error
    elsewhere = await realm.authorize(response_mode="form_post", redirect_uri="https://evil.example/")
    assert (elsewhere.status, b"<form" in elsewhere.body) == (400, False)


@pytest.mark.threat("L115")
async def test_l115_what_would_end_the_attribute(realm: Realm) -> None:
    attack = '"><script>alert(1)</script><form action="https://evil.example">'
    uri = "https://client.example/cb?a=b&c='d'"
    await realm.change_app(redirect_uris=(uri,))
    for answer in (
        await respond(realm, state=attack, redirect_uri=uri),
        await respond(realm, state=attack, redirect_uri=uri, allowed=False, prompt="consent"),
        await realm.authorize(response_mode="form_post", state=attack, redirect_uri=uri, scope=attack),
    ):
        assert posted(answer, uri)["state"] == attack


async def test_pushed(realm: Realm) -> None:
    from tests.issuer.dialects.oidc.test_oidc_pushed import come, pushed

    uri = await pushed(realm, response_mode="form_post")
    assert posted(await come(realm, uri))["state"] == STATE
