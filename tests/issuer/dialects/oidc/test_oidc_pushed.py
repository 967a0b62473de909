"""Pushed authorization requests (RFC 9126): checked when they are pushed, visited until they are answered."""

import asyncio
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Client
from tests.issuer.dialects.calls import Json, encoded
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import (
    CHALLENGE,
    ISSUER,
    LOCAL,
    NONCE,
    REDIRECT,
    SECRET,
    STATE,
    Answer,
    Realm,
    basic,
    claims_of,
)
from tests.issuer.dialects.oidc.test_oidc_assertions import ID, add_client
from tests.issuer.dialects.visitors import visiting
from tests.issuer.engines import rows_of

PREFIX = "urn:ietf:params:oauth:request_uri:"


async def push(realm: Realm, headers: dict[str, str] | None = None, **over: Any) -> Answer:
    return await realm.post("/par", realm.asked(client_secret=SECRET, **over), headers)


async def pushed(realm: Realm, **over: Any) -> str:
    """The name of a request that was pushed."""
    answer = await push(realm, **over)
    assert answer.status == 201, answer.body
    found: str = answer.json["request_uri"]
    return found


async def come(realm: Realm, uri: str, *, allowed: bool = True, app_id: str = "", **outside: Any) -> Answer:
    """How the app is answered after a browser came with the name and its user answered."""
    query = encoded({"client_id": app_id or realm.app.app_id, "request_uri": uri} | outside)
    url = f"{realm.url}{realm.prefix}/authorize?{query}"
    return Answer(*await realm.visitor.walk(url, allowed=allowed))


async def test_a_pushed_request_signs_a_user_in(realm: Realm) -> None:
    answer = await push(realm)
    assert (answer.status, list(answer.json)) == (201, ["request_uri", "expires_in"])
    assert answer.json["expires_in"] == 90
    assert (answer.headers["Cache-Control"], answer.headers["Content-Type"]) == (
        "no-store",
        "application/json",
    )
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    uri = answer.json["request_uri"]
    assert uri.startswith(PREFIX)
    reply = (await come(realm, uri)).redirected
    assert (reply["state"], reply["iss"]) == (STATE, ISSUER)
    found = (await realm.exchange(reply["code"])).json
    assert claims_of(found["id_token"])["nonce"] == NONCE


async def test_the_name_says_nothing_and_is_another_each_time(realm: Realm) -> None:
    first, second = await pushed(realm), await pushed(realm)
    assert first != second
    assert len(first) == len(PREFIX) + 43


@pytest.mark.parametrize("by", ["basic", "public", "post"])
async def test_clients_authenticate_as_at_the_token_endpoint(realm: Realm, by: str) -> None:
    if by == "basic":
        asked = realm.asked(client_id=None)
        answer = await realm.post("/par", asked, basic(realm.app.app_id))
    elif by == "public":
        answer = await realm.post("/par", realm.asked(client_id=realm.public.app_id))
    else:
        answer = await push(realm)
    assert answer.status == 201, answer.body
    app_id = realm.public.app_id if by == "public" else realm.app.app_id
    assert "code" in (await come(realm, answer.json["request_uri"], app_id=app_id)).redirected


async def test_who_does_not_authenticate_pushes_nothing(realm: Realm) -> None:
    for over in ({"client_secret": "wrong"}, {"client_secret": None}, {"client_id": None}):
        answer = await realm.post("/par", realm.asked(client_secret=SECRET) | over)
        assert answer.refusal == (401, "invalid_client")
    assert await rows_of(realm.issuer.store, "SELECT id FROM issuer_pushed_requests") == []


@pytest.mark.parametrize(
    ("over", "error"),
    [
        ({"request_uri": PREFIX + "A" * 43}, "invalid_request"),
        ({"request_uri": "https://client.example/request"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"redirect_uri": REDIRECT + "/other"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "nothing"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"nonce": "x" * 513}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"id_token_hint": "a.b.c"}, "invalid_request"),
        ({"state": "x" * 2049}, "invalid_request"),
    ],
    ids=str,
)
async def test_a_request_that_authorize_would_refuse_is_refused_here(
    realm: Realm, over: Json, error: str
) -> None:
    assert (await push(realm, **over)).refusal == (400, error)


async def test_an_app_that_is_not_listed_pushes_nothing(realm: Realm) -> None:
    await realm.change_app(listed=False)
    assert (await push(realm)).refusal == (400, "unauthorized_client")


@pytest.mark.threat("H77")
@pytest.mark.parametrize(
    "over", [{"scope": "nothing"}, {"request": "a.b.c"}, {"redirect_uri": REDIRECT + "/other"}], ids=str
)
async def test_h77_a_request_that_is_refused_uses_its_assertion_and_its_proof_up(
    realm: Realm, over: Json
) -> None:
    key = ClientKey()
    await add_client(realm, key.jwks)
    asserted = realm.asked() | key.asserted(ID)
    assert (await realm.post("/par", asserted | over)).status == 400
    assert (await realm.post("/par", asserted)).refusal == (401, "invalid_client")
    proof = key.proof("/par")
    assert (await push(realm, proof, **over)).status == 400
    assert (await push(realm, proof)).refusal == (400, "invalid_dpop_proof")


async def test_it_takes_post_alone(realm: Realm) -> None:
    answer = await realm.get("/par", realm.asked(client_secret=SECRET))
    assert (answer.status, answer.headers["Allow"]) == (405, "OPTIONS, POST")


async def test_it_may_be_visited_again_until_it_is_answered(realm: Realm) -> None:
    uri = await pushed(realm)
    for _ in range(2):
        answer = await realm.authorize(
            **dict.fromkeys(realm.asked())
            | {
                "client_id": realm.app.app_id,
                "request_uri": uri,
            }
        )
        assert (answer.status, "/user/oidc/consent" in answer.headers["Location"]) == (303, True)
    assert "code" in (await come(realm, uri)).redirected
    after = await come(realm, uri)
    assert (after.status, b"already answered" in after.body) == (400, True)


@pytest.mark.threat("L110")
async def test_l110_one_code_whoever_comes_with_it(realm: Realm) -> None:
    uri = await pushed(realm)
    query = encoded({"client_id": realm.app.app_id, "request_uri": uri})
    url = f"{realm.url}{realm.prefix}/authorize?{query}"

    async def walk() -> dict[str, str]:
        async with visiting("alice") as visitor:
            answer = Answer(*await visitor.walk(url, allowed=True))
            return answer.redirected if answer.status in {200, 303} and "Location" in answer.headers else {}

    reply = [each.get("code") for each in await asyncio.gather(*(walk() for _ in range(4)))]
    assert len({code for code in reply if code}) == 1
    assert len(await rows_of(realm.issuer.store, "SELECT id FROM issuer_grants")) == 1


@pytest.mark.threat("L110")
async def test_l110_a_refusal_is_an_answer(realm: Realm) -> None:
    uri = await pushed(realm)
    assert (await come(realm, uri, allowed=False)).redirected["error"] == "access_denied"
    assert (await come(realm, uri)).status == 400


@pytest.mark.threat("L110")
async def test_l110_parameters_outside_do_not_count(realm: Realm) -> None:
    uri = await pushed(realm, scope="openid", state="inside")
    answer = (
        await come(realm, uri, scope="openid profile", state="outside", redirect_uri="https://evil.example/")
    ).redirected
    assert answer["state"] == "inside"
    assert (await realm.exchange(answer["code"])).json["scope"] == "openid"


@pytest.mark.threat("A15")
@pytest.mark.threat("L110")
async def test_l110_of_another_client_forged_or_late(realm: Realm, clock: VirtualClock) -> None:
    uri = await pushed(realm)
    for app_id, given in (
        (realm.other.app_id, uri),
        (realm.app.app_id, uri[:-1] + ("A" if uri[-1] != "A" else "E")),
        (realm.app.app_id, PREFIX),
        (realm.app.app_id, PREFIX + "令牌"),
        (realm.app.app_id, PREFIX + "A" * 5000),
        (realm.app.app_id, PREFIX + await realm.code()),
    ):
        refused = await realm.get("/authorize", {"client_id": app_id, "request_uri": given})
        assert refused.status == 400
        assert "Location" not in refused.headers
    clock.advance(89)
    waiting = await realm.get("/authorize", {"client_id": realm.app.app_id, "request_uri": uri})
    assert waiting.status == 303
    clock.advance(1)
    late = await realm.get("/authorize", {"client_id": realm.app.app_id, "request_uri": uri})
    assert late.refusal == (400, "invalid_request_uri")
    page = await realm.get(
        "/authorize", {"client_id": realm.app.app_id, "request_uri": uri}, {"Accept": "text/html"}
    )
    assert (page.status, b"already answered" in page.body) == (400, True)


@pytest.mark.threat("L110")
async def test_l110_a_megabyte(realm: Realm) -> None:
    assert (await push(realm, claims="x" * 1_000_000)).refusal[0] in {400, 413}
    assert (await push(realm, state="x" * 8000)).refusal == (400, "invalid_request")


async def test_another_request_uri_is_not_fetched(realm: Realm) -> None:
    answer = (await realm.authorize(request_uri="https://client.example/request")).redirected
    assert answer["error"] == "request_uri_not_supported"


async def test_a_client_that_has_to_push(realm: Realm) -> None:
    await realm.change_app(client=Client(require_pushed_authorization_requests=True))
    answer = (await realm.authorize()).redirected
    assert (answer["error"], "push" in answer["error_description"]) == ("invalid_request", True)
    assert "code" in (await come(realm, await pushed(realm))).redirected


async def test_the_app_may_have_changed_since(realm: Realm) -> None:
    uri = await pushed(realm)
    await realm.change_app(redirect_uris=(REDIRECT + "/new",))
    assert (await come(realm, uri)).status == 400


async def test_by_post_it_goes_on_by_the_name_alone(realm: Realm) -> None:
    uri = await pushed(realm)
    answer = await realm.post("/authorize", {"client_id": realm.app.app_id, "request_uri": uri})
    assert (answer.status, CHALLENGE in answer.headers["Location"]) == (303, False)
    assert answer.headers["Location"].startswith("/oidc/authorize?client_id=")


async def test_without_a_page(realm: Realm) -> None:
    await realm.code()
    uri = await pushed(realm, prompt="none")
    assert "code" in (await come(realm, uri)).redirected
    assert (await come(realm, uri)).status == 400


async def test_a_loopback_port_of_the_day(realm: Realm) -> None:
    asked = realm.asked(
        client_id=realm.public.app_id, redirect_uri=LOCAL.replace("127.0.0.1", "127.0.0.1:5001")
    )
    assert (await realm.post("/par", asked)).status == 201
