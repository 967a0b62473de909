import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.issuer import admin
from lingpai.issuer.policy import SupersedePolicy
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.check import (
    resolve_access_token,
    resolve_any_token,
    resolve_app_token,
    resolve_ticket,
)
from lingpai.issuer.verbs.end import end_app
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.tickets import issue_ticket, live_tickets
from tests.issuer.harness import Harness, raises


@pytest.mark.parametrize("step", [0, 3600, -3600])
@pytest.mark.threat("I79")
async def test_each_superseded_ticket_keeps_its_own_ten_minutes(
    harness: Harness, clock: VirtualClock, step: int
) -> None:
    issuer, app = harness.issuer, harness.app
    token = (await issue_app_token(issuer, app)).access_token
    tickets = []
    for _ in range(3):
        tickets.append((await issue_ticket(issuer, app, token)).ticket)
        clock.advance(100)
    clock.step(step)
    assert set(await live_tickets(issuer, app)) == set(tickets)
    left = [(await resolve_ticket(issuer, ticket, app)).expires_in for ticket in tickets]
    assert left == [400, 500, 7100]  # superseded at 100 and 200 of 300
    clock.advance(399)
    assert (await resolve_ticket(issuer, tickets[0], app)).expires_in == 1
    clock.advance(1)
    with raises(Kind.INVALID_TICKET):
        await resolve_ticket(issuer, tickets[0], app)
    assert await live_tickets(issuer, app) == (tickets[2], tickets[1])


@pytest.mark.threat("I79")
async def test_a_ticket_near_its_end_does_not_live_longer_for_being_superseded(
    harness: Harness, clock: VirtualClock
) -> None:
    token = (await issue_app_token(harness.issuer, harness.app)).access_token
    old = await issue_ticket(harness.issuer, harness.app, token)
    clock.advance(7190)
    await issue_ticket(harness.issuer, harness.app, token)
    clock.advance(9)
    assert (await resolve_ticket(harness.issuer, old.ticket)).expires_in == 1
    clock.advance(1)
    with raises(Kind.INVALID_TICKET):
        await resolve_ticket(harness.issuer, old.ticket)


@pytest.mark.threat("I79")
async def test_many_at_once_get_the_same_live_ticket(harness: Harness) -> None:
    token = (await issue_app_token(harness.issuer, harness.app)).access_token
    first = await issue_ticket(harness.issuer, harness.app, token)
    tickets = await asyncio.gather(*(issue_ticket(harness.issuer, harness.app, token) for _ in range(64)))
    assert len({ticket.ticket for ticket in tickets}) == 1
    assert tickets[0].ticket != first.ticket
    assert (await issue_ticket(harness.issuer, harness.app, token)).ticket != tickets[0].ticket


async def test_rotating_the_server_token_does_not_touch_tickets(
    harness: Harness, clock: VirtualClock
) -> None:
    issuer, app = harness.issuer, harness.app
    token = (await issue_app_token(issuer, app)).access_token
    ticket = (await issue_ticket(issuer, app, token)).ticket
    newer = (await issue_app_token(issuer, app)).access_token
    assert newer != token
    clock.advance(599)
    await resolve_app_token(issuer, token, app)
    clock.advance(1)
    with raises(Kind.INVALID_APP_TOKEN):
        await issue_ticket(issuer, app, token)
    assert (await resolve_ticket(issuer, ticket, app)).expires_in == 6600
    clock.advance(6600)
    with raises(Kind.EXPIRED_APP_TOKEN):
        await resolve_app_token(issuer, newer)


@pytest.mark.threat("I79")
async def test_ended_app_has_neither_token_nor_ticket(harness: Harness) -> None:
    issuer, app = harness.issuer, harness.app
    token = (await issue_app_token(issuer, app)).access_token
    ticket = (await issue_ticket(issuer, app, token)).ticket
    await end_app(issuer, app)
    with raises(Kind.INVALID_APP_TOKEN):
        await resolve_app_token(issuer, token)
    with raises(Kind.INVALID_TICKET):
        await resolve_ticket(issuer, ticket)
    assert await live_tickets(issuer, app) == ()


@pytest.mark.threat("F61", "I80")
async def test_tokens_of_one_kind_or_app_are_not_taken_for_another(harness: Harness) -> None:
    issuer, app, other = harness.issuer, harness.app, harness.other
    server = (await issue_app_token(issuer, app)).access_token
    ticket = (await issue_ticket(issuer, app, server)).ticket
    user = await harness.tokens()
    everything = {server, ticket, user.access_token, user.refresh_token, await harness.code()}
    for good, resolve, kind in (
        (server, resolve_app_token, Kind.INVALID_APP_TOKEN),
        (ticket, resolve_ticket, Kind.INVALID_TICKET),
        (user.access_token, resolve_access_token, Kind.INVALID_ACCESS_TOKEN),
    ):
        await resolve(issuer, good, app)
        with raises(kind):
            await resolve(issuer, good, other)
        for wrong in everything - {good}:
            with raises(kind):
                await resolve(issuer, wrong, app)
    assert (await resolve_any_token(issuer, server)).grant.kind != (
        await resolve_any_token(issuer, user.access_token)
    ).grant.kind
    with raises(Kind.INVALID_OPEN_ID):
        await resolve_access_token(issuer, user.access_token, app, "another")


async def test_endless_app_token_says_an_end_and_has_none(harness: Harness, clock: VirtualClock) -> None:
    harness.issuer.policy = msgspec.structs.replace(
        harness.issuer.policy,
        app_token=2_592_000,
        app_token_endless=True,
        app_token_refresh=True,
        refresh=35 * 86400,
        keep=SupersedePolicy(app=0),
    )
    tokens = await issue_app_token(harness.issuer, harness.app)
    assert tokens.expires_in == 2_592_000
    clock.advance(20 * 365 * 86400)
    await resolve_app_token(harness.issuer, tokens.access_token)
    again = await issue_app_token(harness.issuer, harness.app)
    with raises(Kind.INVALID_APP_TOKEN):
        await resolve_app_token(harness.issuer, tokens.access_token)
    await refresh(harness.issuer, harness.app, again.refresh_token)


async def test_app_that_is_not_listed_gets_nothing(harness: Harness) -> None:
    unlisted = await admin.change_app(harness.issuer, harness.app, listed=False)
    with raises(Kind.APP_NOT_LISTED):
        await issue_app_token(harness.issuer, unlisted)
