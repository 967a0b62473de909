"""Signed calls: signature, time, replays, and the order in which faults are reported."""

import asyncio
import uuid
from collections import Counter
from typing import Any

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from lingpai.issuer.dialects.yilianyun.signing import sign_of
from tests.issuer.dialects.yilianyun.realms import (
    ADD,
    DELETE,
    MACHINE,
    MSIGN,
    NOW,
    OAUTH,
    SCAN,
    SECRET,
    Realm,
)

OTHERS = "5cc928f1" * 8
GOOD: dict[str, dict[str, Any]] = {
    OAUTH: {"grant_type": "client_credentials", "scope": "all"},
    SCAN: {"machine_code": MACHINE, "msign": MSIGN, "scope": "all"},
    ADD: {"machine_code": MACHINE, "msign": MSIGN, "access_token": OTHERS},
    DELETE: {"machine_code": MACHINE, "access_token": OTHERS},
}


def test_the_contract_s_vector() -> None:
    assert sign_of("client-001", "1717555200", SECRET) == "05984f4692f61921ef5d83e7d8cc65a9"


@pytest.mark.parametrize("path", GOOD)
async def test_the_order_of_checks(realm: Realm, path: str) -> None:
    """A call with everything wrong, mended step by step: each answer is of the next check."""
    await realm.change(realm.app, listed=False)
    wrong = GOOD[path] | {
        "client_id": "client-009",
        "sign": None,
        "timestamp": str(NOW - 601),
        "id": "not a uuid",
    }
    answers = [await realm.post(path, wrong)]
    for mended in (
        {"sign": "0" * 32},
        {"id": str(uuid.uuid4())},
        {"client_id": realm.app.app_id},
        {"timestamp": str(NOW)},
        {"sign": sign_of(realm.app.app_id, str(NOW), SECRET)},
        {},
    ):
        wrong |= mended
        answers.append(await realm.post(path, wrong))
    assert [answer.error for answer in answers] == ["12", "33", "2", "47", "11", "19", "34"]


async def test_the_order_of_checks_behind_the_signature(realm: Realm) -> None:
    app = await realm.change(realm.own, listed=False)
    given: dict[str, Any] = {"grant_type": "authorization_code", "code": OTHERS, "scope": None}
    errors = [(await realm.call(OAUTH, app, **given)).error]
    await realm.change(app, listed=True)
    errors.append((await realm.call(OAUTH, app, **given)).error)
    errors.append((await realm.call(OAUTH, **given)).error)
    scopes = ("everything", "all all", "all  all", "all more", "all")
    errors += [(await realm.call(OAUTH, **given | {"scope": scope})).error for scope in scopes]
    assert errors == ["19", "31", "27", "15", "6", "15", "15", "6"]
    await realm.change(realm.app, grants=("refresh_token",))
    assert (await realm.call(OAUTH, **given)).error == "10"


async def test_a_disabled_app_is_19_and_one_from_elsewhere_10(realm: Realm) -> None:
    await realm.change(realm.own, networks=("192.0.2.0/24",))
    assert (await realm.own_token()).error == "10"
    await realm.change(realm.own, networks=(), disabled=True)
    assert (await realm.own_token()).error == "19"


@pytest.mark.threat("I81")
async def test_a_signature_of_any_letter_case_and_of_nothing_else(realm: Realm) -> None:
    given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
    assert (await realm.post(OAUTH, given | {"sign": given["sign"].upper()})).error == "0"
    for wrong in (given["sign"][:-1], given["sign"] + "0", "０" * 32, "K" * 32, given["sign"][::-1]):
        refused = await realm.post(OAUTH, given | {"sign": wrong, "id": str(uuid.uuid4())})
        assert refused.error == "11"


@pytest.mark.parametrize(("off", "error"), [(-600, "0"), (600, "0"), (-601, "47"), (601, "47")])
@pytest.mark.threat("I81")
async def test_the_tolerance_in_both_directions(realm: Realm, off: int, error: str) -> None:
    assert (await realm.own_token(timestamp=str(NOW + off))).error == error


@pytest.mark.parametrize(
    "timestamp", ["171755520", "17175552000", "1717555200.0", "now", "-717555200", "٣" * 10]
)
@pytest.mark.threat("I81")
async def test_timestamps_of_ten_digits_only(realm: Realm, timestamp: str) -> None:
    answer = await realm.own_token(timestamp=timestamp)
    assert answer.error == "47"
    assert list(answer.json["body"]) == ["timestamp"]


@pytest.mark.threat("I81")
async def test_the_tolerance_is_a_setting(realm: Realm) -> None:
    realm.issuer.policy = msgspec.structs.replace(realm.issuer.policy, timestamp_tolerance=60)
    assert (await realm.own_token(timestamp=str(NOW - 60))).error == "0"
    assert (await realm.own_token(timestamp=str(NOW - 61))).error == "47"


@pytest.mark.parametrize(
    "form", ["{}", "FBFE0134-4CD1-11EF-9B3C-0242AC120002", "ffffffff-ffff-ffff-ffff-ffffffffffff"]
)
async def test_ids_of_any_version_and_case(realm: Realm, form: str) -> None:
    assert (await realm.own_token(id=form.format(uuid.uuid1()))).error == "0"


@pytest.mark.parametrize(
    "request_id", ["1", "f" * 32, "g" * 8 + "-0000-0000-0000-000000000000", "{" + "0" * 36 + "}"]
)
async def test_ids_of_another_form_are_33(realm: Realm, request_id: str) -> None:
    assert (await realm.own_token(id=request_id)).error == "33"


@pytest.mark.threat("I81")
async def test_a_request_that_comes_again_is_34_whatever_came_of_it(realm: Realm) -> None:
    code = await realm.code()
    given = realm.signed(grant_type="authorization_code", code=code, scope="all")
    answers = await asyncio.gather(*(realm.post(OAUTH, given) for _ in range(16)))
    assert Counter(answer.error for answer in answers) == {"0": 1, "34": 15}
    tokens = next(answer.tokens for answer in answers if answer.error == "0")
    for other in (given | {"id": given["id"].upper()}, given | {"scope": "none"}):
        assert (await realm.post(OAUTH, other)).error == "34"
    assert (await realm.refresh(tokens["refresh_token"])).tokens  # none of them was a replay of the code
    refused = realm.signed(grant_type="authorization_code", code=OTHERS, scope="all")
    assert [(await realm.post(OAUTH, refused)).error for _ in range(2)] == ["6", "34"]


@pytest.mark.threat("I81")
async def test_an_id_is_of_one_app_and_one_timestamp(realm: Realm) -> None:
    given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
    assert (await realm.post(OAUTH, given)).error == "0"
    assert (await realm.own_token(id=given["id"], timestamp=str(NOW + 1))).error == "0"
    assert (await realm.exchange(OTHERS, id=given["id"])).error == "6"
    assert (await realm.post(OAUTH, given)).error == "34"


async def test_replays_are_refused_as_a_setting(realm: Realm) -> None:
    realm.issuer.policy = msgspec.structs.replace(realm.issuer.policy, requests_once=False)
    given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
    assert [(await realm.post(OAUTH, given)).error for _ in range(2)] == ["0", "0"]


@pytest.mark.threat("I81")
async def test_both_secrets_sign_while_one_is_being_rotated(realm: Realm, clock: VirtualClock) -> None:
    fresh = await admin.rotate_secret(realm.issuer, realm.own, 3600)

    async def error(secret: str) -> str:
        timestamp = str(int(clock.now()))
        sign = sign_of(realm.own.app_id, timestamp, secret)
        return (await realm.own_token(sign=sign, timestamp=timestamp)).error

    old = "secret-002"
    assert (await error(old), await error(fresh)) == ("0", "0")
    clock.advance(3599)
    assert (await error(old), await error(fresh)) == ("0", "0")
    clock.advance(1)
    assert (await error(old), await error(fresh)) == ("11", "0")


@pytest.mark.threat("D46")
async def test_guessing_signatures_is_throttled_and_shuts_nobody_else_out(
    realm: Realm, clock: VirtualClock
) -> None:
    for _ in range(20):
        assert (await realm.own_token(sign="0" * 32)).error == "11"
    throttled = await realm.own_token()
    assert (throttled.error, throttled.headers["retry-after"]) == ("34", "60")
    assert (await realm.tokens())["machine_code"] == MACHINE  # another app at the same address
    clock.advance(60)
    assert (await realm.own_token()).error == "0"


@pytest.mark.threat("D46")
async def test_guessing_msigns_is_throttled_by_app_and_terminal(realm: Realm, clock: VirtualClock) -> None:
    own = (await realm.own_token()).tokens["access_token"]
    for _ in range(10):
        assert (await realm.scan(msign="wrong")).error == "35"
    assert (await realm.scan(msign=MSIGN)).error == "34"
    added = await realm.call(ADD, realm.own, machine_code=MACHINE, msign=MSIGN, access_token=own)
    assert added.error == "0"
    clock.advance(600)
    assert (await realm.scan(msign=MSIGN)).error == "0"


@pytest.mark.threat("D34")
async def test_credentials_in_the_query_are_not_read(realm: Realm) -> None:
    given = realm.signed(realm.own, grant_type="client_credentials", scope="all")
    query = "&".join(f"{name}={value}" for name, value in given.items())
    assert (await realm.send("POST", f"{OAUTH}?{query}")).error == "12"
