"""Codes, pairs of tokens, their lifetimes, and the limit of a day."""

import asyncio
from collections import Counter

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.issuer_records import App, AppMode
from lingpai.issuer import admin
from lingpai.issuer.policy import DAY, HOUR
from lingpai.issuer.verbs.check import resolve_access_token, resolve_app_token
from tests.issuer.dialects.calls import Json
from tests.issuer.dialects.yilianyun.realms import MSIGN, SECRET, Realm
from tests.issuer.harness import raises
from tests.issuer.remoteness import demand_both_at_once

LIMIT = 20
MIDNIGHT = (10 * 60 + 40) * 60
"""Seconds of the day in UTC+8 at which the tests begin; the day ends `DAY - MIDNIGHT` later."""


@pytest.mark.threat("C32")
async def test_a_code_lives_600_seconds(realm: Realm, clock: VirtualClock) -> None:
    first, second = await realm.code(), await realm.code()
    clock.advance(599)
    assert (await realm.exchange(first)).error == "0"
    clock.advance(1)
    assert (await realm.exchange(second)).error == "6"


@pytest.mark.threat("C24")
async def test_a_code_that_comes_again_ends_what_it_gave(realm: Realm, clock: VirtualClock) -> None:
    code = await realm.code()
    tokens = (await realm.exchange(code)).tokens
    clock.advance(9)
    assert (await realm.exchange(code)).error == "6"
    await resolve_access_token(realm.issuer, tokens["access_token"])
    clock.advance(1)
    for wrong in ({"scope": "more"}, {"scope": None}, {"app": realm.own}):
        assert (await realm.exchange(code, **wrong)).error != "0"
    await resolve_access_token(realm.issuer, tokens["access_token"])
    assert (await realm.exchange(code)).error == "6"
    assert (await realm.refresh(tokens["refresh_token"])).error == "14"


@pytest.mark.threat("C25")
async def test_of_many_who_redeem_a_code_one_gets_tokens(realm: Realm) -> None:
    code = await realm.code()
    answers = await asyncio.gather(*(realm.exchange(code) for _ in range(16)))
    assert Counter(answer.error for answer in answers) == {"0": 1, "6": 15}


@pytest.mark.threat("C27")
async def test_a_code_of_another_app_stays_usable_by_its_own(realm: Realm) -> None:
    other = await admin.declare_app(realm.issuer, App(realm="", app_id="client-003"), SECRET)
    code = await realm.code()
    assert (await realm.exchange(code, other)).error == "6"
    assert (await realm.exchange(code)).error == "0"


async def test_an_access_token_lives_30_days_and_its_refresh_token_35(
    realm: Realm, clock: VirtualClock
) -> None:
    tokens = await realm.tokens()
    assert tokens["expires_in"] == 30 * DAY
    clock.advance(30 * DAY - 1)
    assert (await resolve_access_token(realm.issuer, tokens["access_token"])).expires_in == 1
    clock.advance(1)
    with raises(Kind.EXPIRED_ACCESS_TOKEN):
        await resolve_access_token(realm.issuer, tokens["access_token"])
    clock.advance(5 * DAY - 1)
    tokens = (await realm.refresh(tokens["refresh_token"])).tokens
    clock.advance(35 * DAY)
    assert (await realm.refresh(tokens["refresh_token"])).error == "20"


@pytest.mark.threat("E51", "E56")
async def test_a_lost_answer_is_given_again_for_two_hours(realm: Realm, clock: VirtualClock) -> None:
    tokens = await realm.tokens()
    fresh = (await realm.refresh(tokens["refresh_token"])).tokens
    clock.advance(2 * HOUR - 1)
    repeated = (await realm.refresh(tokens["refresh_token"])).tokens
    assert repeated == fresh | {"expires_in": 30 * DAY - 2 * HOUR + 1}
    await resolve_access_token(realm.issuer, tokens["access_token"])  # the old one dies within two hours
    clock.advance(1)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(realm.issuer, tokens["access_token"])
    assert (await realm.refresh(tokens["refresh_token"])).error == "14"  # E49: a replay ends the grant
    assert (await realm.refresh(fresh["refresh_token"])).error == "14"


@pytest.mark.threat("E50")
async def test_of_many_who_refresh_all_get_one_pair(realm: Realm) -> None:
    token = (await realm.tokens())["refresh_token"]
    answers = await asyncio.gather(*(realm.refresh(token) for _ in range(16)))
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].error == "0"


@pytest.mark.threat("E52", "E53")
async def test_a_wrong_refresh_ends_nothing(realm: Realm) -> None:
    tokens = await realm.tokens()
    assert (await realm.refresh(tokens["refresh_token"], realm.own)).error == "14"
    assert (await realm.refresh(tokens["refresh_token"], scope="all more")).error == "15"
    assert (await realm.refresh(tokens["refresh_token"], scope=None)).error == "27"
    assert (await realm.refresh(tokens["access_token"])).error == "14"  # F61
    assert (await realm.refresh(tokens["refresh_token"])).error == "0"


async def test_one_token_per_app_and_terminal(realm: Realm) -> None:
    first = await realm.tokens()
    second = (await realm.scan(msign=MSIGN)).tokens
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(realm.issuer, first["access_token"])
    assert (await realm.refresh(first["refresh_token"])).error == "14"
    elsewhere = await admin.save_terminal(realm.issuer, "4004504009", owner=realm.user)
    await realm.exchange(await realm.code(elsewhere))
    await resolve_access_token(realm.issuer, second["access_token"])


async def test_scopes_of_an_app_are_all_that_it_gets(realm: Realm) -> None:
    await realm.change(realm.app, scopes=("print", "menu"))
    code = (await realm.answered()).redirected["code"]
    assert (await realm.exchange(code)).error == "15"
    tokens = (await realm.exchange(code, scope="print")).tokens
    assert tokens["scope"] == "print"  # that token's; the grant keeps the whole
    again = (await realm.refresh(tokens["refresh_token"], scope="print menu")).tokens
    assert again["scope"] == "print menu"


async def own_tokens(realm: Realm) -> Json:
    return (await realm.own_token()).tokens


async def test_a_self_owned_app_s_token_does_not_expire(realm: Realm, clock: VirtualClock) -> None:
    tokens = await own_tokens(realm)
    assert (tokens["machine_code"], tokens["expires_in"]) == ("", 30 * DAY)
    clock.advance(1000 * DAY)
    await resolve_app_token(realm.issuer, tokens["access_token"])
    await own_tokens(realm)  # there is one
    with raises(Kind.INVALID_APP_TOKEN):
        await resolve_app_token(realm.issuer, tokens["access_token"])


async def test_a_self_owned_app_s_token_may_be_refreshed(realm: Realm, clock: VirtualClock) -> None:
    tokens = await own_tokens(realm)
    fresh = (await realm.refresh(tokens["refresh_token"], realm.own)).tokens
    assert (await realm.refresh(tokens["refresh_token"], realm.own)).tokens == fresh
    clock.advance(2 * HOUR)
    with raises(Kind.INVALID_APP_TOKEN):
        await resolve_app_token(realm.issuer, tokens["access_token"])
    await resolve_app_token(realm.issuer, fresh["access_token"])


async def test_twenty_a_day_for_each_terminal(realm: Realm, clock: VirtualClock) -> None:
    token = (await realm.tokens())["refresh_token"]
    spent = token
    for _ in range(LIMIT - 1):
        spent, token = token, (await realm.refresh(token)).tokens["refresh_token"]
    assert (await realm.refresh(token)).error == "41"
    assert (await realm.scan(msign=MSIGN)).error == "41"
    assert (await realm.exchange(await realm.code())).error == "41"
    assert (await realm.refresh(spent)).error == "0"  # a lost answer does not count
    elsewhere = await admin.save_terminal(realm.issuer, "4004504009", owner=realm.user)
    assert (await realm.exchange(await realm.code(elsewhere))).error == "0"
    clock.advance(DAY - MIDNIGHT - 1)
    key = await realm.shown()
    assert (await realm.scan(qr_key=key)).error == "41"
    clock.advance(1)  # midnight in UTC+8
    assert (await realm.refresh(token)).error == "0"
    assert (await realm.scan(qr_key=key)).error == "0"  # a refusal spends no key


async def test_twenty_a_day_for_a_self_owned_app(realm: Realm, clock: VirtualClock) -> None:
    tokens = [await own_tokens(realm) for _ in range(LIMIT // 2)]
    for _ in range(LIMIT // 2):
        tokens.append((await realm.refresh(tokens[-1]["refresh_token"], realm.own)).tokens)
    assert (await realm.own_token()).error == "41"
    assert (await realm.refresh(tokens[-1]["refresh_token"], realm.own)).error == "41"
    await resolve_app_token(realm.issuer, tokens[-1]["access_token"])
    other = App(realm="", app_id="client-004", mode=AppMode.SELF_OWNED)
    assert (await realm.own_token(await admin.declare_app(realm.issuer, other, SECRET))).error == "0"


async def test_never_a_twenty_first_at_once(realm: Realm) -> None:
    codes = await asyncio.gather(*(realm.code() for _ in range(LIMIT + 5)))
    answers = await asyncio.gather(*(realm.exchange(code) for code in codes))
    assert Counter(answer.error for answer in answers) == {"0": LIMIT, "41": 5}


@pytest.mark.parametrize("step", [-HOUR, HOUR])
@pytest.mark.threat("F65")
async def test_steps_of_the_clock_move_no_end(realm: Realm, clock: VirtualClock, step: float) -> None:
    code, tokens = await realm.code(), await realm.tokens()
    clock.step(step)
    realm.issuer.policy = msgspec.structs.replace(realm.issuer.policy, timestamp_tolerance=2 * HOUR)
    assert (await resolve_access_token(realm.issuer, tokens["access_token"])).expires_in == 30 * DAY
    clock.advance(599)
    assert (await realm.exchange(code)).error == "0"


async def test_the_app_and_the_token_are_read_at_the_same_time(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await realm.code()
    demand_both_at_once(realm.issuer.store, monkeypatch)
    tokens = (await realm.exchange(code)).tokens
    assert (await realm.refresh(tokens["refresh_token"])).tokens
