"""Who asks `/accessToken` and `/refreshToken`, and in which form (docs/spec/mall.md; threats D)."""

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus, unquote, urlencode

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.mall.realms import REDIRECT, ROOT, SECRET, Realm

GRANT = (400, "invalid_grant")
CLIENT = (400, "invalid_client")


def basic(app_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{app_id}:{secret}".encode()).decode()


RIGHT = basic("100001", SECRET)


@pytest.mark.parametrize(
    ("header", "body", "expected"),
    [
        (RIGHT, {}, 200),
        (RIGHT.replace("Basic", "basic"), {"client_id": "100001"}, 200),
        (basic("%31%30%30001", SECRET.replace("0", "%30")), {}, 200),
        (RIGHT, {"client_id": "100001", "client_secret": SECRET}, "invalid_request"),
        (RIGHT, {"client_secret": SECRET}, "invalid_request"),
        (RIGHT, {"client_id": "100002"}, "invalid_request"),
        (basic("100001", ""), {}, "invalid_client"),
        (basic("", SECRET), {}, "invalid_client"),
        (basic("100001", SECRET + ":"), {}, "invalid_client"),
        (basic("100001", "%ff"), {}, "invalid_client"),
        (basic("9" * 5000, SECRET), {}, "invalid_client"),
        ("Basic " + base64.b64encode(b"100001").decode(), {}, "invalid_client"),
        ("Basic " + base64.b64encode(b"\xff:\xff").decode(), {}, "invalid_client"),
        ("Basic ?", {}, "invalid_client"),
        ("Basic", {}, "invalid_client"),
        ("Bearer x", {}, "invalid_client"),
        ("Bearer x", {"client_id": "100001", "client_secret": SECRET}, 200),
    ],
)
@pytest.mark.threat("D37", "D38")
async def test_basic(realm: Realm, header: str, body: Json, expected: Any) -> None:
    given = {"client_id": None, "client_secret": None} | body
    answer = await realm.exchange(await realm.code(), {"Authorization": header}, **given)
    if expected == 200:
        assert answer.status == 200, answer.body
    else:
        assert answer.refusal == (400, expected)
        assert "WWW-Authenticate" not in answer.headers


@pytest.mark.threat("D37")
async def test_a_secret_with_a_colon_and_reserved_characters(realm: Realm) -> None:
    secret = "a:b%c+d e&令牌"
    await realm.change_app(secrets=(admin.make_secret(realm.issuer, secret),))
    header = basic("100001", "a:b%25c%2Bd+e%26%E4%BB%A4%E7%89%8C")
    given = {"client_id": None, "client_secret": None}
    assert (await realm.exchange(await realm.code(), {"Authorization": header}, **given)).status == 200
    assert (await realm.exchange(await realm.code(), client_secret=secret)).status == 200


@pytest.mark.parametrize(
    "secret", ["a+b/c==", "100%", "%41", "a%2Bb", "%ff", "p&q=r?s#t", "x:y z", "+", "令牌+%"]
)
@pytest.mark.threat("D37")
async def test_a_secret_comes_form_encoded_or_as_it_is(realm: Realm, secret: str) -> None:
    await realm.change_app(secrets=(admin.make_secret(realm.issuer, secret),))
    given = {"client_id": None, "client_secret": None}
    for form in (quote_plus(secret), quote(secret, safe=""), secret):
        header = basic("100001", form)
        answer = await realm.exchange(await realm.code(), {"Authorization": header}, **given)
        assert answer.status == 200, (form, answer.body)
    for wrong in (secret + "+", "+" + secret, secret + "%", quote_plus(secret + "x"), quote_plus(secret) * 2):
        answer = await realm.exchange("x", {"Authorization": basic("100001", wrong)}, **given)
        assert answer.refusal == CLIENT, wrong


@pytest.mark.threat("D37")
async def test_an_id_comes_form_encoded_or_as_it_is(realm: Realm) -> None:
    app = msgspec.structs.replace(realm.app, id=0, app_id="a+b%41")
    await admin.declare_app(realm.issuer, app, SECRET)
    for app_id in ("a+b%41", "a%2Bb%2541"):
        for body in ({}, {"client_id": "a+b%41"}):
            given = {"client_id": None, "client_secret": None} | body
            answer = await realm.exchange("x", {"Authorization": basic(app_id, SECRET)}, **given)
            assert answer.refusal == GRANT
    answer = await realm.exchange("x", {"Authorization": basic("a b%41", SECRET)}, **given)
    assert answer.refusal == (400, "invalid_request")


@pytest.mark.threat("D37")
async def test_two_readings_are_one_attempt(realm: Realm) -> None:
    given = {"client_id": None, "client_secret": None}
    for _ in range(realm.issuer.policy.authentication.pair):
        answer = await realm.exchange("x", {"Authorization": basic("100001", "a+b")}, **given)
        assert answer.refusal == CLIENT
    assert (await realm.exchange("x")).status == 429


@pytest.mark.parametrize("empty", ["", " ", "\t"])
@pytest.mark.threat("D37")
async def test_an_empty_header_is_none(realm: Realm, empty: str) -> None:
    answer = await realm.exchange(await realm.code(), {"Authorization": empty})
    assert answer.status == 200, answer.body
    token = answer.json["access_token"]
    for path in ("getOpenId", "getUserInfo"):
        found = await realm.get(f"{ROOT}/{path}", {"access_token": token}, {"Authorization": empty})
        assert found.status == 200, found.body
        missing = await realm.get(f"{ROOT}/{path}", {}, {"Authorization": empty})
        assert missing.refusal == (401, "invalid_request")


@pytest.mark.threat("D39")
async def test_unknown_and_wrong_look_the_same(realm: Realm) -> None:
    unknown = await realm.exchange("x", client_id="999999")
    wrong = await realm.exchange("x", client_secret="wrong")
    await realm.change_app(disabled=True)
    disabled = await realm.exchange("x")
    assert unknown.refusal == CLIENT
    assert (unknown.status, unknown.body) == (wrong.status, wrong.body) == (disabled.status, disabled.body)


@pytest.mark.threat("D46")
async def test_who_guesses_waits(realm: Realm, clock: VirtualClock) -> None:
    pair = realm.issuer.policy.authentication.pair
    for _ in range(pair):
        assert (await realm.exchange("x", client_secret="wrong")).refusal == CLIENT
    answer = await realm.exchange("x")
    assert answer.refusal == (429, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "60"
    assert (await realm.exchange("x", client_id="100002")).refusal == GRANT
    clock.advance(60)
    assert (await realm.exchange("x")).refusal == GRANT


async def test_a_client_outside_its_networks(realm: Realm) -> None:
    code = await realm.code()
    await realm.change_app(networks=("198.51.100.0/24",))
    assert (await realm.exchange(code)).refusal == (400, "unauthorized_client")
    await realm.change_app(networks=("127.0.0.0/8",))
    assert (await realm.exchange(code)).status == 200


async def test_leading_zeros_of_a_client_id_count(realm: Realm) -> None:
    app = msgspec.structs.replace(realm.app, id=0, app_id="000042")
    await admin.declare_app(realm.issuer, app, SECRET)
    assert (await realm.exchange("x", client_id="000042")).refusal == GRANT
    assert (await realm.exchange("x", client_id="42")).refusal == CLIENT


@pytest.mark.threat("D35")
async def test_multipart_does_and_the_rest_is_refused(realm: Realm) -> None:
    fields = {
        "client_id": realm.app.app_id,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "grant_type": "authorization_code",
        "code": await realm.code(),
    }
    parts = "".join(
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    body = (parts + "--b--\r\n").encode()
    answer = await realm.send(
        "POST", f"{ROOT}/accessToken", body, {"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status == 200, answer.body
    for kind in ("text/plain", "multipart/form-data", "application/xml", "application/json; charset=utf-16"):
        answer = await realm.send("POST", f"{ROOT}/accessToken", body, {"Content-Type": kind})
        assert answer.refusal == (415, "invalid_request")
    assert (await realm.send("POST", f"{ROOT}/accessToken", body)).refusal == (415, "invalid_request")
    assert (await realm.send("POST", f"{ROOT}/accessToken")).refusal == (400, "invalid_request")


@pytest.mark.threat("D34")
async def test_post_alone(realm: Realm) -> None:
    for path in ("/accessToken", "/refreshToken"):
        for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD"):
            answer = await realm.send(method, ROOT + path)
            assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")
            assert method == "HEAD" or answer.refusal == (405, "invalid_request")


@pytest.mark.threat("D35")
@pytest.mark.parametrize(
    "label", ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", None]
)
async def test_json_may_call_itself_a_form_or_nothing(realm: Realm, label: str | None) -> None:
    given = {
        "client_id": realm.app.app_id,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "grant_type": "authorization_code",
        "code": await realm.code(),
    }
    headers = {} if label is None else {"Content-Type": label}
    answer = await realm.send("POST", f"{ROOT}/accessToken", json.dumps(given).encode(), headers)
    assert answer.status == 200, answer.body


@pytest.mark.threat("A7")
@pytest.mark.parametrize("name", ["code[]", "redirect_uri[]", "redirect_uri[0]", "client_id[", "scope[a][b]"])
async def test_a_list_is_no_value(realm: Realm, name: str) -> None:
    """As PHP's `a[]`, beside the value or in its place; in no encoding is it ignored, and nothing is spent."""
    code = await realm.code()
    given = {
        "client_id": realm.app.app_id,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "grant_type": "authorization_code",
        "code": code,
    }
    base = name.partition("[")[0]
    for kept in (given, {key: value for key, value in given.items() if key != base}):
        pairs = {**kept, name: given.get(base, "x")}
        multipart = "".join(
            f'--b\r\ncontent-disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in pairs.items()
        )
        for kind, body in (
            ("application/x-www-form-urlencoded", urlencode(pairs)),
            (
                "application/x-www-form-urlencoded",
                "&".join(f"{key}={quote(value)}" for key, value in pairs.items()),
            ),
            ("application/json", json.dumps(pairs)),
            ("multipart/form-data; boundary=b", f"{multipart}--b--\r\n"),
        ):
            answer = await realm.send("POST", f"{ROOT}/accessToken", body.encode(), {"Content-Type": kind})
            assert answer.refusal == (400, "invalid_request"), (kind, name)
            assert answer.json["error_description"] == f"parameter {base} is repeated"
    listed = await realm.post_json(f"{ROOT}/accessToken", {**given, "code": [code]})
    assert listed.refusal == (400, "invalid_request")
    assert (await realm.exchange(code)).status == 200


async def test_a_redirect_uri_that_was_encoded_twice_is_the_same(realm: Realm) -> None:
    uri = "https://shop.example/a b?x=1%2B1&y=%C3%A9".replace(" ", "%20")
    await realm.change_app(redirect_uris=(uri,))
    for given, taken in (
        (quote(uri, safe=""), True),
        (uri, True),
        (quote(uri), True),
        (quote(quote(uri, safe=""), safe=""), False),
        (unquote(uri), False),
        (quote(uri + "/", safe=""), False),
        (quote(uri.upper(), safe=""), False),
        (quote(uri, safe="") + "%", False),
        (quote(uri, safe="") + "%00", False),
    ):
        answer = await realm.exchange(await realm.code(redirect_uri=uri), redirect_uri=given)
        assert answer.status == (200 if taken else 400), given
        assert taken or answer.refusal[1] in {"redirect_uri_mismatch", "invalid_request"}
    assert (await realm.authorize(redirect_uri=quote(uri, safe=""))).refusal == (400, "redirect_uri_mismatch")
