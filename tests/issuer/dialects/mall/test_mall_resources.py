"""`/getOpenId` and `/getUserInfo`, and realms side by side (docs/spec/mall.md; threats E55, F, I82, I84)."""

import re
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import mall
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.verbs.members import withdraw_consent
from lingpai.store.issuer_port import IssuerStore
from tests.helpers.passwords import CHEAP
from tests.issuer.dialects.calls import FORM
from tests.issuer.dialects.mall.realms import REDIRECT, ROOT, SECRET, Realm, serving_realm

INVALID = (401, "invalid_token")
SCOPES = mall.Scopes(offered=("seller", "orders"), open_id="basic", user_info="seller")


@pytest.fixture
async def test_realm(
    store: IssuerStore, ring: KeyRing, clock: VirtualClock, http: aiohttp.ClientSession
) -> AsyncIterator[Realm]:
    """A second realm in the same store, with other settings."""
    policy = mall.policy(access=10 * 3600, default_scope="basic")
    issuer = await Issuer.open("mall-test", policy, store, ring, clock, Passwords(CHEAP))
    async with serving_realm(issuer, http, prefix="/mall-test", scopes=SCOPES) as served:
        yield served


async def open_id(realm: Realm, client_id: str, redirect_uri: str = REDIRECT) -> str:
    code = await realm.code(client_id=client_id, redirect_uri=redirect_uri)
    tokens = (await realm.exchange(code, client_id=client_id, redirect_uri=redirect_uri)).json
    found: str = (await realm.open_id(tokens["access_token"])).json["result"]["open_id"]
    return found


@pytest.mark.threat("I82")
async def test_an_open_id_is_of_one_user_in_one_client(realm: Realm, test_realm: Realm) -> None:
    first = await open_id(realm, "100001")
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert await open_id(realm, "100001") == first
    assert len({first, await open_id(realm, "100002"), await open_id(test_realm, "100001")}) == 3


async def test_the_types_of_the_answers(realm: Realm) -> None:
    token = (await realm.tokens())["access_token"]
    found = (await realm.open_id(token)).json
    assert list(found) == ["status", "msg", "result"]
    assert list(found["result"]) == ["access_token", "client_id", "expires", "scope", "open_id"]
    assert (found["status"], type(found["result"]["expires"])) == (1, int)
    nameless = msgspec.structs.replace(realm.user.profile, seller_name="")
    await admin.change_user(realm.issuer, realm.user, profile=nameless)
    assert (await realm.user_info(token)).json["result"] == {"seller_name": ""}


async def test_a_token_that_is_not_one(realm: Realm) -> None:
    token = (await realm.tokens())["access_token"]
    for wrong in (
        token[:-1],
        token + "0",
        "0" * 64,
        "x",
        "令牌",
        token[:-1] + ("0" if token[-1] != "0" else "1"),
    ):
        for path in ("getOpenId", "getUserInfo"):
            answer = await realm.get(f"{ROOT}/{path}", {"access_token": wrong})
            assert answer.refusal == INVALID
            assert wrong not in answer.headers["WWW-Authenticate"]


async def test_a_malformed_header(realm: Realm) -> None:
    for header in ("Bearer", "Bearer a b", "bearer  ", "Basic x", "Token x", "Bearer a,b", "x"):
        answer = await realm.get(f"{ROOT}/getOpenId", {}, {"Authorization": header})
        assert answer.refusal == (400, "invalid_request")
        assert 'error="invalid_request"' in answer.headers["WWW-Authenticate"]


async def test_an_empty_token_is_none(realm: Realm) -> None:
    answer = await realm.get(f"{ROOT}/getOpenId", {"access_token": ""})
    assert answer.refusal == (401, "invalid_request")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="mall"'


@pytest.mark.threat("F63")
async def test_what_ends_is_dead_at_once(realm: Realm) -> None:
    tokens = await realm.tokens()
    member = await realm.issuer.store.find_member(realm.app.id, realm.user.id)
    assert member is not None
    assert member.added
    await withdraw_consent(realm.issuer, member)
    assert (await realm.open_id(tokens["access_token"])).refusal == INVALID
    tokens = await realm.tokens()
    await realm.issuer.store.remove_user(realm.user.id, realm.issuer.now())
    assert (await realm.user_info(tokens["access_token"])).refusal == INVALID


async def test_several_devices_of_one_user_do_not_end_each_other(realm: Realm) -> None:
    first, second = await realm.tokens(), await realm.tokens()
    assert (await realm.open_id(first["access_token"])).status == 200
    assert (await realm.open_id(second["access_token"])).status == 200


@pytest.mark.threat("E55", "I84")
async def test_realms_share_nothing(realm: Realm, test_realm: Realm) -> None:
    tokens, code = await realm.tokens(), await realm.code()
    assert (await test_realm.open_id(tokens["access_token"])).refusal == INVALID
    assert (await test_realm.refresh(tokens["refresh_token"])).refusal == (400, "invalid_grant")
    assert (await test_realm.exchange(code)).refusal == (400, "invalid_grant")
    await admin.disable_user(test_realm.issuer, test_realm.user)
    assert (await realm.exchange(code)).status == 200
    missing = await test_realm.send("GET", "/else")
    assert missing.refusal == (404, "invalid_request")


async def test_the_settings_of_a_realm(test_realm: Realm, clock: VirtualClock) -> None:
    tokens = await test_realm.tokens()
    assert (tokens["scope"], tokens["expires_in"]) == ("basic", 36_000)
    clock.advance(35_999)
    found = await test_realm.open_id(tokens["access_token"])
    assert found.json["result"]["scope"] == "basic"
    clock.advance(1)
    assert (await test_realm.open_id(tokens["access_token"])).refusal == INVALID


async def test_scopes_that_a_realm_offers(test_realm: Realm) -> None:
    basic = await test_realm.tokens()
    refused = await test_realm.user_info(basic["access_token"])
    assert refused.refusal == (403, "insufficient_scope")
    assert 'realm="mall-test", error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    tokens = await test_realm.tokens(scope="seller orders")
    assert tokens["scope"] == "seller orders"
    assert (await test_realm.user_info(tokens["access_token"])).status == 200
    assert (await test_realm.open_id(tokens["access_token"])).refusal == (403, "insufficient_scope")
    for wrong in ("admin", "seller admin", "seller  orders", "seller\torders"):
        assert (await test_realm.authorize(scope=wrong)).redirected["error"] == "invalid_scope"
    await test_realm.change_app(scopes=("orders",))
    assert (await test_realm.authorize(scope="seller")).redirected["error"] == "invalid_scope"
    assert (await test_realm.authorize(scope="orders")).status == 303


@pytest.mark.threat("E53")
async def test_a_refresh_may_ask_for_less_and_not_for_more(test_realm: Realm) -> None:
    tokens = await test_realm.tokens(scope="seller orders")
    more = await test_realm.refresh(tokens["refresh_token"], scope="seller basic")
    assert more.refusal == (400, "invalid_scope")
    less = await test_realm.refresh(tokens["refresh_token"], scope="seller")
    assert less.json["scope"] == "seller"
    code = await test_realm.code(scope="seller")
    assert (await test_realm.exchange(code, scope="seller orders")).refusal == (400, "invalid_scope")
    assert (await test_realm.exchange(code, scope="seller")).json["scope"] == "seller"


async def test_a_token_with_less_scope_is_good_for_less(test_realm: Realm, clock: VirtualClock) -> None:
    code = await test_realm.code(scope="basic seller orders")
    tokens = (await test_realm.exchange(code, scope="orders basic")).json
    assert tokens["scope"] == "basic orders"
    assert (await test_realm.open_id(tokens["access_token"])).json["result"]["scope"] == "basic orders"
    assert (await test_realm.user_info(tokens["access_token"])).refusal == (403, "insufficient_scope")
    seller = (await test_realm.refresh(tokens["refresh_token"], scope="seller")).json
    assert seller["scope"] == "seller"
    assert (await test_realm.user_info(seller["access_token"])).status == 200
    assert (await test_realm.open_id(seller["access_token"])).refusal == (403, "insufficient_scope")
    again = (await test_realm.refresh(tokens["refresh_token"], scope="seller")).json
    assert again == seller
    whole = (await test_realm.refresh(seller["refresh_token"])).json
    assert whole["scope"] == "basic seller orders"
    assert (await test_realm.user_info(whole["access_token"])).status == 200
    clock.advance(36_000)
    for ended in (tokens, seller, whole):
        assert (await test_realm.open_id(ended["access_token"])).refusal == INVALID


async def test_a_rotated_secret_is_good_for_its_overlap(realm: Realm, clock: VirtualClock) -> None:
    secret = await admin.rotate_secret(realm.issuer, realm.app, 10)
    clock.advance(9)
    assert (await realm.exchange(await realm.code())).status == 200
    clock.advance(1)
    assert (await realm.exchange(await realm.code())).refusal == (400, "invalid_client")
    assert (await realm.exchange(await realm.code(), client_secret=secret)).status == 200
    assert secret != SECRET


async def test_every_resource_error_carries_a_challenge(realm: Realm) -> None:
    """Also those of the request itself (RFC 6750 §3)."""
    token = (await realm.tokens())["access_token"]
    json = {"Content-Type": "application/json"}
    form = {"Content-Type": FORM}
    for path in ("getOpenId", "getUserInfo"):
        for method, query, body, headers, status in (
            ("DELETE", f"?access_token={token}", None, {}, 405),
            ("PUT", "", b"x", {"Content-Type": "text/plain"}, 405),
            ("POST", "", b'{"access_token":"x"}', json, 415),
            ("POST", "", b"access_token=%ff", form, 400),
            ("POST", "", b"access_token=" + b"x" * 70_000, form, 413),
            ("GET", f"?access_token[]={token}", None, {}, 400),
            ("GET", f"?access_token={token}&access_token={token}", None, {}, 400),
            ("GET", "", None, {}, 401),
        ):
            answer = await realm.send(method, f"{ROOT}/{path}{query}", body, headers)
            assert answer.status == status, answer.body
            challenge = answer.headers["WWW-Authenticate"]
            assert challenge.startswith('Bearer realm="mall"')
            assert ('error="invalid_request"' in challenge) is (status != 401)
