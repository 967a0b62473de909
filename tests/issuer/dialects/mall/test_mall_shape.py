"""The dialect's shape is whole (threats I83, D43, D44)."""

import json
import random

import pytest

from lingpai.core.errors import EDGE_KINDS, ISSUER_KINDS, Kind, LingpaiError
from lingpai.core.wire import Shape
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.mall.authorization_endpoint import REDIRECTED
from lingpai.issuer.dialects.mall.shape import ERRORS, MallShape, ResourceShape
from tests.issuer.dialects.calls import FORM
from tests.issuer.dialects.mall.realms import ROOT, Answer, Realm

PERMITTED = {chr(c) for c in range(0x20, 0x7F)} - {'"', "\\"}


def test_the_table_is_complete_and_has_nothing_else() -> None:
    assert set(ERRORS) == EDGE_KINDS | ISSUER_KINDS


def test_no_error_is_redirected_that_comes_before_client_and_redirect_uri_are_known() -> None:
    before = {Kind.INVALID_CLIENT, Kind.UNKNOWN_APP, Kind.INVALID_REDIRECT_URI, Kind.WRONG_REDIRECT_URI}
    assert not before & REDIRECTED.keys()


@pytest.mark.parametrize("shape", [MallShape(), ResourceShape('a "realm"\r\n')], ids=["bare", "resource"])
@pytest.mark.parametrize("kind", sorted(EDGE_KINDS | ISSUER_KINDS, key=str))
@pytest.mark.threat("D44")
def test_descriptions_are_of_the_permitted_characters(shape: Shape, kind: Kind) -> None:
    reply = shape.error(LingpaiError(kind, 'odd "words" \\ 令牌\n', parameter="scope"), "trace")
    found = json.loads(reply.body)
    assert list(found) == ["error", "error_description"]
    assert set(found["error"]) | set(found["error_description"]) <= PERMITTED
    assert reply.status == ERRORS[kind][0] or (kind is Kind.MISSING_PARAMETER and reply.status == 401)
    for _, value in reply.headers:
        assert "\r" not in value
        assert "\n" not in value


async def test_a_body_that_is_too_large(realm: Realm) -> None:
    answer = await realm.post(f"{ROOT}/accessToken", {"code": "x" * 70_000})
    assert answer.refusal == (413, "invalid_request")


class Crash(Exception):
    pass


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Crash("secret words"), (500, "server_error")),
        (LingpaiError(Kind.STORE_UNAVAILABLE, "gone"), (503, "temporarily_unavailable")),
    ],
)
async def test_crashes_and_a_store_that_is_gone(
    realm: Realm, monkeypatch: pytest.MonkeyPatch, fault: Exception, expected: tuple[int, str]
) -> None:
    code, tokens = await realm.code(), await realm.tokens()

    async def fail(*_args: object, **_more: object) -> None:
        raise fault

    def fail_at_once(_grant: int) -> None:
        raise fault

    monkeypatch.setattr(realm.issuer.store, "find_app", fail)
    monkeypatch.setattr(realm.issuer.store, "begin_read", fail_at_once)
    answers = [
        await realm.exchange(code),
        await realm.authorize(),
        await realm.open_id(tokens["access_token"]),
        await realm.user_info(tokens["access_token"]),
    ]
    assert [answer.refusal for answer in answers] == [expected] * 4
    assert not any(b"secret words" in answer.body for answer in answers)
    page = await realm.authorize({"Accept": "text/html"})
    assert (page.status, page.headers["Content-Type"]) == (expected[0], "text/html; charset=utf-8")


def _no_secret(text: str, *secrets: str) -> None:
    for secret in secrets:
        assert secret not in text


@pytest.mark.threat("G71", "F64")
async def test_nothing_of_a_request_is_logged(realm: Realm, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    code, tokens = await realm.code(), await realm.tokens()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    both = {"Authorization": f"Bearer {access}"}
    await realm.get(f"{ROOT}/getOpenId", {"access_token": access}, both)
    await realm.open_id(access + "0")
    await realm.exchange(code, redirect_uri="https://elsewhere.example/")
    await realm.exchange(code, client_secret="a wrong secret")
    await realm.refresh(refresh, scope="more")
    await realm.exchange(code)
    await realm.exchange(code)
    assert caplog.text.count("/v1/oauth2/accessToken") >= 3
    _no_secret(caplog.text, code, access, refresh, "a wrong secret", "elsewhere.example")


async def test_nothing_is_allowed_to_other_origins(realm: Realm, issuer: Issuer) -> None:
    """A16: no CORS anywhere; the dialect's clients are back ends."""
    del issuer
    headers = {"Origin": "https://evil.example"}
    answers: list[Answer] = [
        await realm.authorize(headers),
        await realm.exchange(None, headers),
        await realm.get(f"{ROOT}/getOpenId", {}, headers),
    ]
    assert not [name for answer in answers for name in answer.headers if name.lower().startswith("access-")]


KINDS = (
    FORM,
    "application/json",
    "multipart/form-data; boundary=b",
    "application/x-www-form-urlencoded; charset=x",
)


@pytest.mark.threat("D48")
async def test_any_bytes_are_refused_in_the_dialects_shape(realm: Realm) -> None:
    for _ in range(200):
        body = random.choice((b"", b"grant_type=refresh_token&", b'{"grant_type":"')) + random.randbytes(20)
        answer = await realm.send("POST", f"{ROOT}/accessToken", body, {"Content-Type": random.choice(KINDS)})
        status, _ = answer.refusal
        assert 400 <= status < 500
