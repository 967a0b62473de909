"""`/accessToken` and `/refreshToken` (docs/spec/mall.md; threats C, E)."""

import asyncio

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from lingpai.issuer.policy import DAY
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.mall.realms import REDIRECT, ROOT, SECRET, Realm
from tests.issuer.remoteness import demand_both_at_once

GRANT = (400, "invalid_grant")
CLIENT = (400, "invalid_client")


async def alive(realm: Realm, tokens: Json) -> bool:
    return (await realm.open_id(tokens["access_token"])).status == 200


@pytest.mark.threat("D43")
async def test_the_order_of_the_table_for_codes(realm: Realm, clock: VirtualClock) -> None:
    """Everything is wrong at first; as it is mended in the table's order, the next row answers."""
    old = await realm.code()
    clock.advance(30)
    fresh = await realm.code()
    await realm.change_app(grants=("refresh_token",))
    given: Json = dict.fromkeys(("grant_type", "client_id", "client_secret"))
    given |= {"code": None, "redirect_uri": "https://evil.example/", "scope": "all"}
    rows: list[tuple[Json, str]] = [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "invalid_client"),
        ({"client_id": realm.app.app_id}, "invalid_client"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_secret": SECRET}, "invalid_request"),
        ({"code": "x"}, "invalid_grant"),
        ({"code": old}, "redirect_uri_mismatch"),
        ({"redirect_uri": REDIRECT}, "invalid_grant"),
        ({"code": fresh}, "unauthorized_client"),
    ]
    for mended, error in rows:
        given |= mended
        assert (await realm.exchange(**given)).refusal == (400, error), mended
    await realm.change_app(grants=("authorization_code",))
    assert (await realm.exchange(**given)).refusal == (400, "invalid_scope")
    assert (await realm.exchange(**given | {"scope": None})).status == 200


async def test_what_is_too_long_is_unknown(realm: Realm) -> None:
    long = "a" * 600
    assert (await realm.exchange(long)).refusal == GRANT
    assert (await realm.exchange(long, grant_type="password")).refusal == (400, "unsupported_grant_type")
    assert (await realm.refresh(long)).refusal == GRANT
    for name in ("getOpenId", "getUserInfo"):
        assert (await realm.get(f"{ROOT}/{name}", {"access_token": long})).refusal == (401, "invalid_token")


async def test_the_order_of_the_table_for_refresh_tokens(realm: Realm) -> None:
    tokens = await realm.tokens()
    await realm.change_app(grants=("authorization_code",))
    given: Json = dict.fromkeys(("token", "grant_type", "client_id", "client_secret"))
    given["scope"] = "all"
    rows: list[tuple[Json, str]] = [
        ({}, "invalid_request"),
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_client"),
        ({"client_id": realm.app.app_id, "client_secret": SECRET}, "invalid_request"),
        ({"token": "x"}, "invalid_grant"),
        ({"token": tokens["refresh_token"]}, "unauthorized_client"),
    ]
    for mended, error in rows:
        given |= mended
        assert (await realm.refresh(**given)).refusal == (400, error), mended
    await realm.change_app(grants=())
    assert (await realm.refresh(**given)).refusal == (400, "invalid_scope")
    assert (await realm.refresh(**given | {"scope": None})).status == 200


@pytest.mark.threat("C32")
async def test_a_code_lives_30_seconds(realm: Realm, clock: VirtualClock) -> None:
    first, second = await realm.code(), await realm.code()
    clock.advance(29)
    clock.step(-3600)
    assert (await realm.exchange(first)).status == 200
    clock.advance(1)
    answer = await realm.exchange(second)
    assert answer.refusal == GRANT
    assert answer.json["error_description"] == "The authorization code has expired"


@pytest.mark.threat("F65")
async def test_an_access_token_lives_an_hour(realm: Realm, clock: VirtualClock) -> None:
    tokens = await realm.tokens()
    assert (tokens["expires_in"], tokens["token_type"], tokens["scope"]) == (3600, "Bearer", None)
    clock.advance(3599)
    assert await alive(realm, tokens)
    clock.advance(1)
    answer = await realm.open_id(tokens["access_token"])
    assert answer.refusal == (401, "invalid_token")
    assert answer.json["error_description"] == "The access token provided has expired"


@pytest.mark.threat("E54")
async def test_a_refresh_token_lives_14_days_anew_at_each_use(realm: Realm, clock: VirtualClock) -> None:
    tokens = await realm.tokens()
    for _ in range(3):
        clock.advance(14 * DAY - 1)
        answer = await realm.refresh(tokens["refresh_token"])
        assert answer.json["expires_in"] == 3600
        assert answer.json["refresh_token"] != tokens["refresh_token"]
        tokens = answer.json
    clock.advance(14 * DAY)
    answer = await realm.refresh(tokens["refresh_token"])
    assert answer.refusal == GRANT
    assert answer.json["error_description"] == "The refresh token has expired"


async def test_the_old_access_token_lives_to_its_own_end(realm: Realm, clock: VirtualClock) -> None:
    tokens = await realm.tokens()
    clock.advance(1800)
    new = (await realm.refresh(tokens["refresh_token"])).json
    clock.advance(1799)
    assert await alive(realm, tokens)
    clock.advance(1)
    assert not await alive(realm, tokens)
    assert await alive(realm, new)


@pytest.mark.threat("C24")
async def test_a_replayed_code_ends_what_it_made(realm: Realm, clock: VirtualClock) -> None:
    code = await realm.code()
    tokens = (await realm.exchange(code)).json
    clock.advance(9)
    assert (await realm.exchange(code)).refusal == GRANT
    assert await alive(realm, tokens)
    clock.advance(1)
    assert (await realm.exchange(code)).refusal == GRANT
    assert not await alive(realm, tokens)
    assert (await realm.refresh(tokens["refresh_token"])).refusal == GRANT


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_secret": "wrong"},
        {"client_secret": None},
        {"client_id": "100002"},
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": None},
        {"code_verifier": "v" * 43},
        {"scope": "all"},
    ],
    ids=str,
)
@pytest.mark.threat("C26")
async def test_a_wrong_request_neither_spends_nor_ends(
    realm: Realm, clock: VirtualClock, wrong: Json
) -> None:
    code = await realm.code()
    assert (await realm.exchange(code, **wrong)).status == 400
    tokens = await realm.exchange(code)
    assert tokens.status == 200
    clock.advance(10)
    assert (await realm.exchange(code, **wrong)).status == 400
    assert await alive(realm, tokens.json)


@pytest.mark.threat("C26")
async def test_a_replay_that_the_client_may_not_make_ends_nothing(realm: Realm, clock: VirtualClock) -> None:
    code = await realm.code()
    tokens = (await realm.exchange(code)).json
    clock.advance(10)
    await realm.change_app(grants=("refresh_token",))
    assert (await realm.exchange(code)).refusal == GRANT
    assert await alive(realm, tokens)


@pytest.mark.threat("C25")
async def test_of_parallel_uses_one_wins(realm: Realm) -> None:
    code = await realm.code()
    answers = await asyncio.gather(*(realm.exchange(code) for _ in range(32)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 31


@pytest.mark.threat("E50", "E51")
async def test_the_last_refresh_token_gives_the_same_pair_for_60_seconds(
    realm: Realm, clock: VirtualClock
) -> None:
    tokens = await realm.tokens()
    answers = await asyncio.gather(*(realm.refresh(tokens["refresh_token"]) for _ in range(16)))
    pairs = {(each.json["access_token"], each.json["refresh_token"]) for each in answers}
    assert len(pairs) == 1
    clock.advance(59)
    again = (await realm.refresh(tokens["refresh_token"])).json
    assert (again["access_token"], again["refresh_token"]) in pairs
    assert again["expires_in"] == 3600 - 59


@pytest.mark.threat("E49")
async def test_after_the_window_a_used_refresh_token_ends_the_grant(
    realm: Realm, clock: VirtualClock
) -> None:
    tokens = await realm.tokens()
    new = (await realm.refresh(tokens["refresh_token"])).json
    clock.advance(60)
    assert await alive(realm, new)
    assert (await realm.refresh(tokens["refresh_token"])).refusal == GRANT
    assert not await alive(realm, new)
    assert (await realm.refresh(new["refresh_token"])).refusal == GRANT


@pytest.mark.threat("E51")
async def test_the_window_closes_when_the_successor_is_used(realm: Realm) -> None:
    tokens = await realm.tokens()
    new = (await realm.refresh(tokens["refresh_token"])).json
    newer = (await realm.refresh(new["refresh_token"])).json
    assert (await realm.refresh(tokens["refresh_token"])).refusal == GRANT
    assert not await alive(realm, newer)


@pytest.mark.threat("E52")
async def test_another_client_ends_nothing(realm: Realm) -> None:
    tokens = await realm.tokens()
    assert (await realm.refresh(tokens["refresh_token"], client_id="100002")).refusal == GRANT
    assert await alive(realm, tokens)
    assert (await realm.refresh(tokens["refresh_token"])).status == 200


@pytest.mark.threat("E54")
async def test_who_was_disabled_has_nothing(realm: Realm) -> None:
    tokens = await realm.tokens()
    await admin.disable_user(realm.issuer, realm.user)
    assert not await alive(realm, tokens)
    assert (await realm.refresh(tokens["refresh_token"])).refusal == GRANT
    await admin.disable_user(realm.issuer, realm.user, disabled=False)
    await realm.change_app(disabled=True)
    assert not await alive(realm, tokens)
    assert (await realm.refresh(tokens["refresh_token"])).refusal == CLIENT


@pytest.mark.threat("F61")
async def test_one_kind_of_handle_is_no_other(realm: Realm) -> None:
    code, tokens = await realm.code(), await realm.tokens()
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    for wrong in (access, refresh, code.lower()):
        assert (await realm.exchange(wrong)).refusal == GRANT
    for wrong in (access, code, refresh.upper()):
        assert (await realm.refresh(wrong)).refusal == GRANT
    for wrong in (refresh, code, code.lower(), access.upper()):
        assert (await realm.open_id(wrong)).refusal == (401, "invalid_token")
    assert code == code.upper()
    assert access == access.lower()


async def test_the_app_and_the_token_are_read_at_the_same_time(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await realm.code()
    demand_both_at_once(realm.issuer.store, monkeypatch)
    tokens = (await realm.exchange(code)).json
    assert (await realm.refresh(tokens["refresh_token"])).status == 200
