import asyncio

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from lingpai.issuer.dialects.yzb.policy import SCOPE
from lingpai.issuer.verbs.end import end_user
from lingpai.issuer.verbs.members import consent, open_member, withdraw_consent
from tests.issuer.dialects.yzb.realms import SECRET, Realm
from tests.issuer.remoteness import demand_both_at_once

INVALID = ("4102", "authorization_code is invalid")
WRONG_SECRET = "f" * 40


@pytest.mark.threat("C24")
async def test_second_use_ends_what_the_first_gave(realm: Realm, clock: VirtualClock) -> None:
    code = await realm.code()
    tokens = (await realm.exchange(code)).data
    clock.advance(9)
    assert (await realm.exchange(code)).refusal == INVALID
    assert (await realm.check(tokens["access_token"], open_id=tokens["open_id"])).data
    clock.advance(1)
    assert (await realm.exchange(code)).refusal == INVALID
    checked = await realm.check(tokens["access_token"], open_id=tokens["open_id"])
    assert checked.refusal == ("4102", "access_token is invalid")
    assert (await realm.refresh(tokens)).refusal == ("4102", "refresh_token is invalid")


@pytest.mark.threat("C25")
async def test_of_many_at_once_one_wins_and_keeps_its_tokens(realm: Realm) -> None:
    code = await realm.code()
    answers = await asyncio.gather(*(realm.exchange(code) for _ in range(16)))
    won = [answer for answer in answers if answer.json["status"] == 2000]
    assert len(won) == 1
    assert {answer.refusal for answer in answers if answer is not won[0]} == {INVALID}


@pytest.mark.threat("C26", "C27")
async def test_wrong_requests_spend_nothing(realm: Realm) -> None:
    code = await realm.code()
    assert (await realm.exchange(code, secret=WRONG_SECRET)).refusal[0] == "4000"
    assert (await realm.exchange(code, app_id=realm.other.app_id)).refusal == INVALID
    assert (await realm.exchange(code, grant_type="password")).refusal[0] == "4101"
    tokens = (await realm.exchange(code)).data
    assert (await realm.exchange(code, secret=WRONG_SECRET)).refusal[0] == "4000"
    assert (await realm.exchange(code, app_id=realm.other.app_id)).refusal == INVALID
    assert (await realm.check(tokens["access_token"], open_id=tokens["open_id"])).data


@pytest.mark.parametrize(("seconds", "good"), [(299, True), (300, False), (301, False)])
@pytest.mark.threat("C32")
async def test_a_code_lives_300_seconds(realm: Realm, clock: VirtualClock, seconds: int, good: bool) -> None:
    code = await realm.code()
    clock.advance(seconds)
    answer = await realm.exchange(code)
    assert answer.json["status"] == (2000 if good else "4102")
    assert good or answer.refusal == INVALID


@pytest.mark.parametrize("step", [-3600, 3600])
@pytest.mark.threat("C32", "F65")
async def test_a_step_of_the_wall_clock_ends_nothing(realm: Realm, clock: VirtualClock, step: int) -> None:
    code = await realm.code()
    clock.step(step)
    tokens = (await realm.exchange(code)).data
    assert tokens["expires_in"] == 7200
    checked = await realm.check(tokens["access_token"], open_id=tokens["open_id"])
    assert checked.data == {"expires_in": int(clock.now()) + 7200}


@pytest.mark.threat("D39")
async def test_unknown_app_wrong_secret_and_disabled_app_look_the_same(realm: Realm) -> None:
    wrong = await realm.server(secret=WRONG_SECRET)
    unknown = await realm.server(app_id="999999")
    await realm.change_app(disabled=True)
    disabled = await realm.server()
    assert wrong.body == unknown.body == disabled.body
    assert wrong.refusal[0] == "4000"


@pytest.mark.threat("D40")
async def test_the_digest_of_a_secret_is_no_secret(realm: Realm) -> None:
    digest = realm.app.secrets[0].digest.hex()
    assert (await realm.server(secret=digest)).refusal[0] == "4000"


@pytest.mark.threat("D42")
async def test_an_app_uses_its_own_grant_types_only(realm: Realm) -> None:
    await realm.change_app(grants=("authorization_code",))
    assert (await realm.server()).refusal[0] == "4103"
    tokens = (await realm.exchange(await realm.code())).data
    assert (await realm.refresh(tokens)).refusal[0] == "4103"
    await realm.change_app(grants=("client_credential",))
    assert (await realm.exchange(await realm.code())).refusal[0] == "4103"
    assert (await realm.server()).data
    assert (await realm.server(grant_type="client_credentials")).data


@pytest.mark.threat("D46")
async def test_guessing_secrets_is_throttled_and_says_for_how_long(realm: Realm) -> None:
    for _ in range(20):
        assert (await realm.server(secret=WRONG_SECRET)).refusal[0] == "4000"
    throttled = await realm.server()
    assert throttled.refusal == ("4000", "too many requests")
    assert (throttled.status, throttled.headers["retry-after"]) == (200, "60")


@pytest.mark.threat("I81")
async def test_both_secrets_are_good_while_one_is_rotated(realm: Realm, clock: VirtualClock) -> None:
    fresh = await admin.rotate_secret(realm.issuer, realm.app, overlap=600)
    assert (await realm.server(secret=fresh)).data
    clock.advance(599)
    assert (await realm.server()).data
    clock.advance(1)
    assert (await realm.server()).refusal[0] == "4000"
    assert (await realm.server(secret=fresh)).data


@pytest.mark.parametrize(
    ("networks", "good"), [((), True), (("127.0.0.0/8",), True), (("10.0.0.0/8",), False)]
)
async def test_only_listed_addresses_may_call(realm: Realm, networks: tuple[str, ...], good: bool) -> None:
    token = await realm.server_token()
    await realm.change_app(networks=networks)
    resource = {"app_id": realm.app.app_id, "access_token": token}
    answers = [
        await realm.server(),
        await realm.ticket(token),
        await realm.check(token),
        await realm.post("/CommonResource/getUserCount", resource),
        await realm.post("/UserResource/getAppIsAdded", resource | {"open_id": realm.member.open_id}),
    ]
    expected = {"2000"} if good else {"4000"}
    assert {answer.json["status"] for answer in answers} == expected


async def test_address_is_given_only_to_who_knows_the_secret(realm: Realm) -> None:
    await realm.change_app(networks=("10.0.0.0/8",))
    assert (await realm.server(secret=WRONG_SECRET)).refusal[1] == "app_id or secret is invalid"
    assert (await realm.server()).refusal[1] == "calls for this app are not allowed from this address"


@pytest.mark.threat("E49", "E50", "E51")
async def test_the_used_refresh_token_gives_the_same_pair_for_60_seconds(
    realm: Realm, clock: VirtualClock
) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    first = (await realm.refresh(tokens)).data
    assert first["refresh_token"] != tokens["refresh_token"]
    assert first["access_token"] != tokens["access_token"]
    clock.advance(59)
    again = (await realm.refresh(tokens)).data
    assert again | {"expires_in": 7200} == first
    assert again["expires_in"] == 7200 - 59
    clock.advance(1)
    assert (await realm.refresh(tokens)).refusal == ("4102", "refresh_token is invalid")
    assert (await realm.refresh(first)).refusal == ("4102", "refresh_token is invalid")
    checked = await realm.check(first["access_token"], open_id=first["open_id"])
    assert checked.refusal == ("4102", "access_token is invalid")


@pytest.mark.threat("E50")
async def test_of_many_refreshes_at_once_all_get_one_pair(realm: Realm) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    answers = await asyncio.gather(*(realm.refresh(tokens) for _ in range(16)))
    assert len({answer.body for answer in answers}) == 1
    assert answers[0].data["refresh_token"] != tokens["refresh_token"]


@pytest.mark.threat("E51")
async def test_using_the_successor_closes_the_window(realm: Realm) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    first = (await realm.refresh(tokens)).data
    second = (await realm.refresh(first)).data
    assert (await realm.refresh(tokens)).refusal == ("4102", "refresh_token is invalid")
    assert (await realm.refresh(second)).refusal == ("4102", "refresh_token is invalid")


@pytest.mark.threat("E52")
async def test_wrong_refreshes_end_nothing(realm: Realm) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    assert (await realm.refresh(tokens, app_id=realm.other.app_id)).refusal[1] == "refresh_token is invalid"
    assert (await realm.refresh(tokens, open_id="nobody")).refusal == INVALID
    assert (await realm.refresh(tokens, grant_type="authorization_code")).refusal[0] == "4101"
    assert (await realm.refresh(tokens)).data


@pytest.mark.parametrize(("seconds", "good"), [(30 * 86400 - 1, True), (30 * 86400, False)])
@pytest.mark.threat("E54")
async def test_a_refresh_token_lives_30_days(
    realm: Realm, clock: VirtualClock, seconds: int, good: bool
) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    clock.advance(seconds)
    assert (await realm.refresh(tokens)).json["status"] == ("2000" if good else "4102")


@pytest.mark.threat("E54")
async def test_whoever_is_ended_is_not_refreshed(realm: Realm) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    await end_user(realm.issuer, realm.user)
    assert (await realm.refresh(tokens)).refusal == ("4102", "refresh_token is invalid")
    tokens = (await realm.exchange(await realm.code())).data
    await withdraw_consent(realm.issuer, realm.member)
    assert (await realm.refresh(tokens)).refusal == ("4102", "refresh_token is invalid")


@pytest.mark.threat("I82")
async def test_open_ids_are_stable_in_an_app_and_unlike_between_apps(realm: Realm) -> None:
    first = (await realm.exchange(await realm.code())).data
    second = (await realm.exchange(await realm.code())).data
    other = (
        await realm.exchange(await realm.code(app=realm.other), app_id=realm.other.app_id, secret=SECRET)
    ).data
    assert first["open_id"] == second["open_id"] == realm.member.open_id
    assert other["open_id"] != first["open_id"]
    assert first["scope"] == SCOPE
    assert len(first["open_id"]) <= 256


@pytest.mark.threat("I82")
async def test_imported_open_ids_of_the_original_s_length_work(realm: Realm) -> None:
    open_id = "bkNhRE1LN2FG" * 19 + "PQ"
    newcomer = await admin.add_user(realm.issuer, "ming", "")
    await admin.import_open_ids(realm.issuer, realm.app, [("ming", open_id)])
    member = await open_member(realm.issuer, realm.app, newcomer)
    await consent(realm.issuer, realm.app, member, SCOPE)
    tokens = (await realm.exchange(await realm.code(newcomer))).data
    assert tokens["open_id"] == open_id
    assert (await realm.check(tokens["access_token"], open_id=open_id)).data


async def test_the_app_and_the_token_are_read_at_the_same_time(
    realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, server = await realm.code(), await realm.server_token()
    demand_both_at_once(realm.issuer.store, monkeypatch)
    tokens = (await realm.exchange(code)).data
    tokens = (await realm.refresh(tokens)).data
    assert (await realm.check(tokens["access_token"], open_id=tokens["open_id"])).data
    assert (await realm.check(server)).data
    ticket = (await realm.ticket(server)).data["ticket"]
    assert (await realm.check(ticket, "js_ticket")).data
