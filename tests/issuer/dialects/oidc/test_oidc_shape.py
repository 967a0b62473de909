"""The dialect's shape is whole: every error, any bytes, CORS, and metadata that says what there is."""

import json
import random
import re
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest

from lingpai.core.errors import EDGE_KINDS, ISSUER_KINDS, Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Shape
from lingpai.issuer import admin
from lingpai.issuer.dialects.oidc.authorization_checks import CHECKS
from lingpai.issuer.dialects.oidc.authorization_endpoint import REDIRECTED
from lingpai.issuer.dialects.oidc.metadata import metadata, well_known
from lingpai.issuer.dialects.oidc.registration.shape import RegistrationShape
from lingpai.issuer.dialects.oidc.shape import ERRORS, BearerShape, FrontShape, OidcShape
from tests.issuer.dialects.calls import FORM
from tests.issuer.dialects.oidc.realms import (
    ISSUER,
    OPEN,
    ORIGIN,
    PREFIX,
    REDIRECT,
    SECRET,
    STATE,
    Answer,
    Realm,
    basic,
)

PERMITTED = {chr(c) for c in range(0x20, 0x7F)} - {'"', "\\"}
POSTED = (
    "/token",
    "/userinfo",
    "/introspect",
    "/revoke",
    "/authorize",
    "/logout",
    "/par",
    "/device_authorization",
    "/register",
)


def test_the_table_is_complete_and_has_nothing_else() -> None:
    assert set(ERRORS) == EDGE_KINDS | ISSUER_KINDS


def test_no_error_is_redirected_that_comes_before_client_and_redirect_uri_are_known() -> None:
    before = {Kind.INVALID_CLIENT, Kind.UNKNOWN_APP, Kind.INVALID_REDIRECT_URI, Kind.WRONG_REDIRECT_URI}
    assert not before & REDIRECTED.keys()


SHAPES = pytest.mark.parametrize(
    "shape",
    [OidcShape(), FrontShape(), BearerShape('a "realm"\r\n'), RegistrationShape("realm")],
    ids=["token", "front", "bearer", "registration"],
)
KINDS = pytest.mark.parametrize("kind", sorted(EDGE_KINDS | ISSUER_KINDS, key=str))


@SHAPES
@KINDS
def test_every_401_has_one_challenge(shape: Shape, kind: Kind) -> None:
    """(RFC 9110 §15.5.2)."""
    reply = shape.error(LingpaiError(kind, "It is refused.", parameter="scope"), "trace")
    names = [name for name, _ in reply.headers if name == "www-authenticate"]
    assert len(names) == 1 if reply.status == 401 else len(names) <= 1


@SHAPES
@KINDS
def test_descriptions_are_of_the_permitted_characters(shape: Shape, kind: Kind) -> None:
    reply = shape.error(LingpaiError(kind, 'odd "words" \\ 令牌\n', parameter="scope"), "trace")
    found = json.loads(reply.body)
    assert list(found) == ["error", "error_description"]
    assert set(found["error"]) | set(found["error_description"]) <= PERMITTED
    for _, value in reply.headers:
        assert "\r" not in value
        assert "\n" not in value


WRONG = (
    ({"client_id": None}, (400, "invalid_client")),
    ({"client_id": "999999"}, (400, "invalid_client")),
    ({"redirect_uri": None}, (400, "invalid_request")),
    ({"redirect_uri": REDIRECT + "/"}, (400, "invalid_request")),
    ({"redirect_uri": REDIRECT + "?a=1"}, (400, "invalid_request")),
    ({"redirect_uri": REDIRECT + "#x"}, (400, "invalid_request")),
    ({"redirect_uri": "https://client.example:443/callback"}, (400, "invalid_request")),
)


@pytest.mark.parametrize(("over", "expected"), WRONG, ids=str)
async def test_ensure_registered_redirect_uri(
    realm: Realm, over: dict[str, Any], expected: tuple[int, str]
) -> None:
    """With everything else wrong too: nobody is redirected before client and redirect URI are known."""
    answer = await realm.authorize(**{"response_type": None, "max_age": "x", **over})
    assert answer.refusal == expected
    assert "Location" not in answer.headers
    page = await realm.authorize({"Accept": "text/html"}, **over)
    assert (page.status, page.headers["Content-Type"]) == (400, "text/html; charset=utf-8")


@pytest.mark.threat("A14")
async def test_the_order_of_the_checks(realm: Realm) -> None:
    """Everything is wrong at first; as it is mended in the order of the checks, the next one answers."""
    await realm.change_app(grants=("client_credentials",))
    wrong: dict[str, Any] = {
        "response_mode": "fragment",
        "request": "x",
        "request_uri": "https://x.example/",
        "registration": "{}",
        "response_type": None,
        "code_challenge": None,
        "scope": "nothing known",
        "resource": "urn:nowhere",
        "prompt": "none create",
        "max_age": "x",
        "dpop_jkt": "x",
        "nonce": "n" * 513,
        "claims": "[]",
        "id_token_hint": "x",
    }
    rows: tuple[tuple[dict[str, Any], str], ...] = (
        ({}, "invalid_request"),
        ({"response_mode": "query"}, "request_not_supported"),
        ({"request": None}, "request_uri_not_supported"),
        ({"request_uri": None}, "registration_not_supported"),
        ({"registration": None}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "code"}, "unauthorized_client"),
    )
    for mended, error in rows:
        wrong |= mended
        answer = (await realm.authorize(**wrong)).redirected
        assert (answer["error"], answer["state"], answer["iss"]) == (error, STATE, ISSUER)
    await realm.change_app(grants=())
    rest = (
        ("code_challenge", realm.asked()["code_challenge"], "invalid_request"),
        ("scope", "openid", "invalid_scope"),
        ("resource", None, "invalid_target"),
        ("prompt", "login select_account consent", "invalid_request"),
        ("max_age", None, "invalid_request"),
        ("dpop_jkt", None, "invalid_request"),
        ("nonce", None, "invalid_request"),
        ("claims", None, "invalid_request"),
        ("id_token_hint", None, "invalid_request"),
    )
    for name, right, error in rest:
        assert (await realm.authorize(**wrong)).redirected["error"] == error, name
        wrong[name] = right
    assert (await realm.authorize(**wrong)).headers["Location"].startswith("/user/oidc/consent?")
    assert len(CHECKS) == 13


@pytest.mark.parametrize("prompt", ["create", "login create", "None"])
async def test_a_prompt_that_is_not_published_is_refused(realm: Realm, prompt: str) -> None:
    assert (await realm.authorize(prompt=prompt)).redirected["error"] == "invalid_request"
    pushed = await realm.post("/par", realm.asked(client_secret=SECRET, prompt=prompt))
    assert pushed.refusal == (400, "invalid_request")


@pytest.mark.threat("L96", "A12")
async def test_l96_iss_is_in_every_answer_byte_for_byte(realm: Realm) -> None:
    reply = (await realm.send("GET", "/.well-known/openid-configuration")).json["issuer"]
    answers = [
        await realm.authorize(scope="é"),
        await realm.authorize(prompt="none"),
        await realm.authorize(request="x"),
        await realm.answered(allowed=False),
        await realm.answered(),
        await realm.answered(prompt="none"),
    ]
    for answer in answers:
        assert parse_qs(urlsplit(answer.headers["Location"]).query)["iss"] == [reply]


async def test_an_essential_acr_that_there_is_not(realm: Realm) -> None:
    wish = '{"id_token":{"acr":{"essential":true,"values":["urn:mace:incommon:iap:silver"]}}}'
    assert (await realm.authorize(claims=wish)).redirected["error"] == "access_denied"
    mine = wish.replace("urn:mace:incommon:iap:silver", "urn:lingpai:acr:password")
    assert "Location" in (await realm.authorize(claims=mine)).headers


@pytest.mark.threat("L114")
async def test_l114_claims_that_are_large_or_deep(realm: Realm) -> None:
    for claims in (
        '{"a":' * 400 + "1" + "}" * 400,
        '{"a":"%s"}' % ("x" * 2048),
        "nul",
        '"x"',
        "[" * 2000,
    ):
        assert (await realm.authorize(claims=claims)).redirected["error"] == "invalid_request", claims[:20]
    huge = await realm.post("/authorize", realm.asked(claims="x" * 1_000_000))
    assert huge.refusal == (413, "invalid_request")


async def test_repeated_parameters_are_reported_on_a_page(realm: Realm) -> None:
    given = f"client_id={realm.app.app_id}&response_type=code&state=a"
    for more in ("&state=b", "&state=a", "&client_id=100002", "&nonce=1&nonce=2"):
        answer = await realm.send("GET", f"/authorize?{given}{more}")
        assert answer.refusal == (400, "invalid_request")
        assert "Location" not in answer.headers
    twice = b"grant_type=client_credentials&grant_type=client_credentials"
    answer = await realm.send("POST", "/token", twice, {"Content-Type": FORM, **basic(realm.app.app_id)})
    assert answer.refusal == (400, "invalid_request")
    resources = await realm.send(
        "GET", f"/authorize?{given}&resource=urn:a&resource=urn:b&redirect_uri={REDIRECT}"
    )
    assert resources.redirected["error"] == "invalid_request"  # for want of a code challenge


class TestClientAuthentication:
    async def test_by_header_and_by_body(self, realm: Realm) -> None:
        asked = {"grant_type": "client_credentials"}
        app_id, secret = realm.app.app_id, "0123456789abcdef0123456789abcdef01234567"
        by_body = await realm.post("/token", asked | {"client_id": app_id, "client_secret": secret})
        by_header = await realm.post("/token", asked | {"client_id": app_id}, basic(app_id))
        assert by_body.json == by_header.json

    @pytest.mark.parametrize("app_id", ["示例商城应用一二三", "𠮷" * 64])
    async def test_an_id_is_as_long_form_encoded_as_it_is(self, realm: Realm, app_id: str) -> None:
        app = App(realm=realm.issuer.realm, app_id=app_id, redirect_uris=(REDIRECT,))
        await admin.declare_app(realm.issuer, app, SECRET)
        for given in (quote_plus(app_id), app_id):
            answer = await realm.post("/token", {"grant_type": "client_credentials"}, basic(given))
            assert answer.status == 200, answer.body
        longer = basic("𠮷" * 65)
        assert (await realm.post("/introspect", {"token": "x"}, longer)).refusal == (401, "invalid_client")

    async def test_two_at_once(self, realm: Realm) -> None:
        asked = {"grant_type": "client_credentials", "client_id": realm.app.app_id, "client_secret": "x"}
        assert (await realm.post("/token", asked, basic(realm.app.app_id))).refusal == (
            400,
            "invalid_request",
        )
        asked = {"grant_type": "client_credentials", "client_id": realm.other.app_id}
        assert (await realm.post("/token", asked, basic(realm.app.app_id))).refusal == (
            400,
            "invalid_request",
        )

    async def test_none_unknown_and_wrong_look_the_same(self, realm: Realm) -> None:
        asked = {"grant_type": "client_credentials"}
        by_body = [
            await realm.post("/token", asked | over)
            for over in (
                {},
                {"client_id": "999999", "client_secret": "x"},
                {"client_id": realm.app.app_id, "client_secret": "x"},
                {"client_id": realm.app.app_id},
            )
        ]
        by_header = [
            await realm.post("/token", asked, headers)
            for headers in (
                basic("999999"),
                basic(realm.app.app_id, "x"),
                {"Authorization": "Basic !"},
                {"Authorization": "Digest x"},
            )
        ]
        assert {answer.refusal for answer in (*by_body, *by_header)} == {(401, "invalid_client")}
        assert len({answer.body for answer in (*by_body, *by_header)}) == 1
        for answer in (*by_body, *by_header):
            assert answer.headers["WWW-Authenticate"].startswith("Basic ")

    async def test_it_comes_before_the_grant_type(self, realm: Realm) -> None:
        assert (await realm.post("/token", {"grant_type": "password"})).refusal == (401, "invalid_client")
        for grant, error in ((None, "invalid_request"), ("password", "unsupported_grant_type")):
            answer = await realm.post("/token", {"grant_type": grant}, basic(realm.app.app_id))
            assert answer.refusal == (400, error)


class TestMetadata:
    async def test_discovery_endpoint_verification(self, realm: Realm) -> None:
        answers = [await realm.http.get(realm.url + path) for path in well_known(PREFIX)]
        bodies = [await answer.read() for answer in answers]
        assert len(set(bodies)) == 1
        for answer in answers:
            assert answer.headers["Content-Type"] == "application/json"
            assert answer.headers["Cache-Control"] == "public, max-age=3600"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        found = json.loads(bodies[0])
        assert found == json.loads(json.dumps(metadata(ISSUER, OPEN)))
        assert found["issuer"] == ISSUER
        for required in (
            "response_types_supported",
            "subject_types_supported",
            "code_challenge_methods_supported",
        ):
            assert found[required]
        assert "none" not in found["id_token_signing_alg_values_supported"]
        assert "RS256" in found["id_token_signing_alg_values_supported"]

    async def test_userinfo_describes_itself_as_a_resource(self, realm: Realm) -> None:
        refused = await realm.send("GET", "/userinfo")
        place = re.search('resource_metadata="([^"]+)"', refused.headers["WWW-Authenticate"])
        assert place is not None
        async with realm.http.get(realm.url + place[1].removeprefix(ORIGIN)) as answer:
            found = await answer.json()
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert found == {
            "resource": ISSUER + "/userinfo",
            "authorization_servers": [ISSUER],
            "scopes_supported": list(metadata(ISSUER, OPEN)["scopes_supported"]),
            "bearer_methods_supported": ["header"],
            "resource_name": "userinfo",
        }

    @pytest.mark.threat("L120")
    async def test_l120_pages_may_read_what_no_cookie_counts_for(self, realm: Realm) -> None:
        origin = {"Origin": "https://page.example"}
        asked = origin | {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        for path in ("/token", "/revoke", "/userinfo", "/jwks", "/.well-known/openid-configuration"):
            preflight = await realm.send("OPTIONS", path, headers=asked)
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == "*"
            assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization, DPoP, *"
            assert "Access-Control-Allow-Credentials" not in preflight.headers
        for path in ("/token", "/userinfo", "/revoke"):
            answer = await realm.post(path, {}, origin)
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, "*")
        for path in ("/authorize", "/introspect", "/logout", "/device"):
            for method in ("OPTIONS", "POST"):
                answer = await realm.send(method, path, b"", origin | {"Content-Type": FORM})
                assert not [name for name in answer.headers if name.lower().startswith("access-control")]
                assert answer.status in ({204} if method == "OPTIONS" else {303, 400, 401})


async def test_any_bytes_are_a_refusal_in_the_dialects_own_shape(realm: Realm) -> None:
    random_bytes = random.Random(2119)
    names = (
        b"client_id=",
        b"&grant_type=",
        b"&code=",
        b"&token=",
        b"&claims=",
        b"&access_token=",
        b"&scope=",
        b"&id_token_hint=",
        b"&resource=",
        b"&",
    )
    for path in POSTED:
        for kind in (FORM, "application/json", "multipart/form-data", "x", ""):
            body = b"".join(random_bytes.choice(names) + random_bytes.randbytes(7) for _ in range(9))
            answer = await realm.send("POST", path, body, {"Content-Type": kind, "Authorization": "Bearer é"})
            assert 400 <= answer.status < 500, (path, kind, body)
            if answer.headers["Content-Type"] == "application/json":
                assert list(answer.json) == ["error", "error_description"]
    for query in (b"%", b"client_id=%ff", b"a" * 9000, b"client_id=1&client_id=2", b"=%00%0d%0a"):
        answer = await realm.send("GET", "/authorize?" + query.decode("latin-1"))
        assert 400 <= answer.status < 500


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
    tokens = await realm.tokens()

    async def fail(*_args: object, **_more: object) -> None:
        raise fault

    def fail_at_once(*_args: object) -> None:
        raise fault

    monkeypatch.setattr(realm.issuer.store, "find_app", fail)
    monkeypatch.setattr(realm.issuer.store, "read_grant", fail)
    monkeypatch.setattr(realm.issuer.store, "begin_read", fail_at_once)
    answers: list[Answer] = [
        await realm.exchange("A" * 43),
        await realm.authorize(),
        await realm.userinfo(tokens["access_token"]),
        await realm.post("/introspect", {"token": "x"}, basic(realm.app.app_id)),
    ]
    assert [answer.refusal for answer in answers] == [expected] * 4
    assert not any(b"secret words" in answer.body for answer in answers)
