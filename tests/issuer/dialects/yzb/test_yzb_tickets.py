import asyncio

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer.verbs.tickets import issue_ticket
from tests.issuer.dialects.yzb.realms import Realm

INVALID = ("4102", "js_ticket is invalid")
INVALID_SERVER = ("4102", "server_access_token is invalid")


async def ticket_of(realm: Realm, token: str) -> str:
    ticket: str = (await realm.ticket(token)).data["ticket"]
    return ticket


async def good(realm: Realm, code: str, kind: str) -> bool:
    answer = await realm.check(code, kind)
    assert answer.json["status"] == "2000" or answer.refusal in {INVALID, INVALID_SERVER}
    return bool(answer.json["status"] == "2000")


@pytest.mark.parametrize("kind", ["js_ticket", "access_token"])
async def test_tokens_and_tickets_live_7200_seconds(realm: Realm, clock: VirtualClock, kind: str) -> None:
    token = await realm.server_token()
    code = token if kind == "access_token" else await ticket_of(realm, token)
    clock.advance(7199)
    assert await good(realm, code, kind)
    clock.advance(1)
    assert not await good(realm, code, kind)


@pytest.mark.threat("I79")
async def test_a_superseded_ticket_keeps_600_seconds_and_not_one_more(
    realm: Realm, clock: VirtualClock
) -> None:
    token = await realm.server_token()
    first = await ticket_of(realm, token)
    clock.advance(60)
    second = await ticket_of(realm, token)
    assert first != second
    now = int(clock.now())
    assert (await realm.check(first, "js_ticket")).data == {"expires_in": now + 600}
    assert (await realm.check(second, "js_ticket")).data == {"expires_in": now + 7200}
    clock.advance(599)
    assert await good(realm, first, "js_ticket")
    clock.advance(1)
    assert not await good(realm, first, "js_ticket")
    assert await good(realm, second, "js_ticket")


@pytest.mark.threat("I79")
async def test_each_superseded_ticket_gets_its_own_600_seconds(realm: Realm, clock: VirtualClock) -> None:
    token = await realm.server_token()
    tickets = [await ticket_of(realm, token)]
    for _ in range(3):
        clock.advance(100)
        tickets.append(await ticket_of(realm, token))
    ends = [(await realm.check(ticket, "js_ticket")).data["expires_in"] for ticket in tickets]
    now = int(clock.now())
    assert ends == [now + 400, now + 500, now + 600, now + 7200]


@pytest.mark.threat("I79")
async def test_with_less_left_than_600_seconds_it_keeps_what_it_had(
    realm: Realm, clock: VirtualClock
) -> None:
    token = await realm.server_token()
    ticket, born = await ticket_of(realm, token), int(clock.now())
    clock.advance(6700)
    await ticket_of(realm, token)
    assert (await realm.check(ticket, "js_ticket")).data == {"expires_in": born + 7200}


async def test_server_tokens_are_superseded_by_the_same_rule(realm: Realm, clock: VirtualClock) -> None:
    first = await realm.server_token()
    clock.advance(1)
    second = await realm.server_token()
    clock.advance(599)
    assert await good(realm, first, "access_token")
    assert (await realm.ticket(first)).data
    clock.advance(1)
    assert not await good(realm, first, "access_token")
    assert (await realm.ticket(first)).refusal == INVALID_SERVER
    assert await good(realm, second, "access_token")


async def test_rotating_the_server_token_touches_no_ticket(realm: Realm, clock: VirtualClock) -> None:
    token = await realm.server_token()
    ticket, born = await ticket_of(realm, token), int(clock.now())
    clock.advance(1)
    await realm.server_token()
    assert (await realm.check(ticket, "js_ticket")).data == {"expires_in": born + 7200}
    clock.advance(600)
    assert not await good(realm, token, "access_token")
    assert await good(realm, ticket, "js_ticket")


@pytest.mark.threat("I79")
async def test_who_asks_at_the_same_time_gets_the_same(realm: Realm) -> None:
    token = await realm.server_token()
    tickets = await asyncio.gather(*(issue_ticket(realm.issuer, realm.app, token) for _ in range(16)))
    assert len({ticket.ticket for ticket in tickets}) == 1


@pytest.mark.threat("I79")
async def test_of_a_crowd_of_callers_everyone_gets_a_good_one(realm: Realm) -> None:
    token = await realm.server_token()
    for answer in await asyncio.gather(*(realm.ticket(token) for _ in range(16))):
        assert answer.data["expires_in"] == 7200
        assert await good(realm, answer.data["ticket"], "js_ticket")


@pytest.mark.parametrize("over", [{"disabled": True}, {"listed": False}])
@pytest.mark.threat("I79")
async def test_without_the_app_both_are_dead(realm: Realm, over: dict[str, bool]) -> None:
    token = await realm.server_token()
    ticket = await ticket_of(realm, token)
    await realm.change_app(**over)
    assert (await realm.check(ticket, "js_ticket")).json["status"] in {"4000", "4102"}
    assert (await realm.check(token)).json["status"] in {"4000", "4102"}
    assert (await realm.ticket(token)).json["status"] in {"4000", "4102"}


@pytest.mark.threat("I80")
async def test_checking_consumes_nothing(realm: Realm) -> None:
    tokens = (await realm.exchange(await realm.code())).data
    for _ in range(3):
        assert (await realm.check(tokens["access_token"], open_id=tokens["open_id"])).data
    assert (await realm.refresh(tokens)).data


@pytest.mark.threat("I80")
async def test_a_code_or_refresh_token_is_nothing_to_check(realm: Realm) -> None:
    code = await realm.code()
    assert (await realm.check(code)).refusal == INVALID_SERVER
    assert (await realm.check(code, "js_ticket")).refusal == INVALID
    tokens = (await realm.exchange(code)).data
    answer = await realm.check(tokens["refresh_token"], open_id=tokens["open_id"])
    assert answer.refusal == ("4102", "access_token is invalid")


@pytest.mark.threat("I80")
async def test_guessing_is_throttled_by_the_minute(realm: Realm, clock: VirtualClock) -> None:
    token = await realm.server_token()
    for _ in range(100):
        assert (await realm.check("0" * 64)).refusal == INVALID_SERVER
    assert (await realm.check(token)).refusal == ("4000", "too many requests")
    assert (await realm.server()).data  # nobody is shut out of the rest
    clock.advance(60)
    assert (await realm.check(token)).data


@pytest.mark.parametrize("seconds", [0, 7199, 7200, 10_000])
@pytest.mark.threat("F65")
async def test_expires_in_is_never_negative_and_given_tokens_are_good(
    realm: Realm, clock: VirtualClock, seconds: int
) -> None:
    token = await realm.server_token()
    clock.advance(seconds)
    answer = await realm.check(token)
    assert answer.json["status"] == ("2000" if seconds < 7200 else "4102")
    if seconds < 7200:
        assert answer.data["expires_in"] > clock.now()
