"""Terminals: shown keys, secrets, binding."""

import asyncio
from collections import Counter

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, AppMode
from lingpai.issuer import admin
from lingpai.issuer.policy import DAY
from tests.issuer.dialects.yilianyun.realms import ADD, DELETE, MACHINE, MSIGN, SECRET, Answer, Realm


async def test_a_shown_key_is_good_for_300_seconds(realm: Realm, clock: VirtualClock) -> None:
    key = await realm.shown()
    clock.advance(300)
    assert (await realm.scan(qr_key=key)).error == "30"
    key = await realm.shown()
    clock.advance(299)
    assert (await realm.scan(qr_key=key)).error == "0"


async def test_a_shown_key_is_good_once_and_the_newest_only(realm: Realm) -> None:
    old, key = await realm.shown(), await realm.shown()
    assert (await realm.scan(qr_key=old)).error == "30"
    answers = await asyncio.gather(*(realm.scan(qr_key=key) for _ in range(16)))
    assert Counter(answer.error for answer in answers) == {"0": 1, "30": 15}


@pytest.mark.parametrize("given", [{"msign": MSIGN}, {"qr_key": "x"}])
async def test_scanning_is_for_open_apps(realm: Realm, given: dict[str, str]) -> None:
    assert (await realm.scan(realm.own, **given)).error == "31"


async def test_a_terminal_without_an_owner_is_authorized_by_what_it_shows(realm: Realm) -> None:
    terminal = await admin.save_terminal(realm.issuer, "4004504007", msign="seven")
    tokens = (await realm.scan(machine_code=terminal.machine_code, msign="seven")).tokens
    assert tokens["machine_code"] == "4004504007"
    assert (await realm.refresh(tokens["refresh_token"])).tokens["machine_code"] == "4004504007"


async def add(realm: Realm, app: App, token: str, **over: str) -> Answer:
    given = {"machine_code": MACHINE, "msign": MSIGN, "access_token": token}
    return await realm.call(ADD, app, **(given | over))


async def test_a_terminal_is_bound_to_one_app_at_a_time(realm: Realm) -> None:
    rival = App(realm="", app_id="client-004", mode=AppMode.SELF_OWNED)
    rival = await admin.declare_app(realm.issuer, rival, SECRET)
    tokens = [(await realm.own_token(app)).tokens["access_token"] for app in (realm.own, rival)]
    assert (await add(realm, realm.own, tokens[1])).error == "14"  # another app's token
    assert (await add(realm, realm.own, tokens[0])).error == "0"
    assert (await add(realm, realm.own, tokens[0])).error == "0"
    assert (await add(realm, rival, tokens[1])).error == "17"
    given = {"machine_code": MACHINE}
    assert (await realm.call(DELETE, rival, access_token=tokens[1], **given)).error == "8"
    assert (await realm.call(DELETE, realm.own, access_token=tokens[0], **given)).error == "0"
    assert (await add(realm, rival, tokens[1])).error == "0"


@pytest.mark.parametrize(
    ("over", "error"),
    [({"msign": "wrong"}, "35"), ({"machine_code": "unknown"}, "35"), ({"access_token": "x"}, "14")],
)
async def test_what_cannot_be_added(realm: Realm, over: dict[str, str], error: str) -> None:
    token = (await realm.own_token()).tokens["access_token"]
    assert (await add(realm, realm.own, token, **over)).error == error


@pytest.mark.threat("F61")
async def test_an_expired_token_is_18_and_one_of_another_kind_14(realm: Realm, clock: VirtualClock) -> None:
    tokens, own = await realm.tokens(), (await realm.own_token()).tokens
    assert (await add(realm, realm.own, tokens["access_token"])).error == "14"
    assert (await add(realm, realm.own, own["refresh_token"])).error == "14"
    clock.advance(30 * DAY)
    deleted = await realm.call(DELETE, machine_code=MACHINE, access_token=tokens["access_token"])
    assert deleted.error == "18"
    assert (await add(realm, realm.own, own["access_token"])).error == "0"


async def test_unbinding_leaves_the_app_its_token(realm: Realm) -> None:
    token = (await realm.own_token()).tokens["access_token"]
    await add(realm, realm.own, token)
    for error in ("0", "8"):
        assert (await realm.call(DELETE, realm.own, machine_code=MACHINE, access_token=token)).error == error
