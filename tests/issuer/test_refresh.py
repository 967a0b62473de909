import asyncio

import msgspec
import pytest
from structlog.testing import capture_logs

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.issuer_records import GrantState
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import Daily, OldAccess, Policy, SupersedePolicy
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.end import end_app, end_member, end_token, end_user
from lingpai.issuer.verbs.members import open_member
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from tests.issuer.harness import Harness, raises


def change(issuer: Issuer, **fields: object) -> None:
    issuer.policy = msgspec.structs.replace(issuer.policy, **fields)


@pytest.mark.parametrize("step", [0, 3600, -3600])
@pytest.mark.threat("E51", "E56")
async def test_a_lost_answer_is_given_again_inside_the_window(
    harness: Harness, clock: VirtualClock, step: int
) -> None:
    first = await harness.tokens()
    second = await refresh(harness.issuer, harness.app, first.refresh_token)
    clock.step(step)
    clock.advance(59)
    again = await refresh(harness.issuer, harness.app, first.refresh_token)
    assert (again.access_token, again.refresh_token) == (second.access_token, second.refresh_token)
    assert (again.repeated, again.expires_in) == (True, 7200 - 59)
    assert second.refresh_token != first.refresh_token


@pytest.mark.parametrize("step", [0, 3600, -3600])
@pytest.mark.threat("E49")
async def test_a_replay_at_the_exact_end_of_the_window_ends_the_family(
    harness: Harness, clock: VirtualClock, step: int
) -> None:
    first = await harness.tokens()
    second = await refresh(harness.issuer, harness.app, first.refresh_token)
    clock.step(step)
    clock.advance(60)
    with capture_logs() as logged, raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.app, first.refresh_token)
    assert [(line["event"], line["app"]) for line in logged] == [
        ("refresh_token_replayed", harness.app.app_id)
    ]
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.app, second.refresh_token)
    for tokens in (first, second):
        with raises(Kind.INVALID_ACCESS_TOKEN):
            await resolve_access_token(harness.issuer, tokens.access_token)


@pytest.mark.threat("E51")
async def test_using_the_successor_closes_the_window_at_once(harness: Harness) -> None:
    first = await harness.tokens()
    second = await refresh(harness.issuer, harness.app, first.refresh_token)
    third = await refresh(harness.issuer, harness.app, second.refresh_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.app, first.refresh_token)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, third.access_token)


@pytest.mark.threat("E50")
async def test_many_at_once_get_one_successor(harness: Harness) -> None:
    first = await harness.tokens()
    results = await asyncio.gather(
        *(refresh(harness.issuer, harness.app, first.refresh_token) for _ in range(64))
    )
    assert len({(tokens.access_token, tokens.refresh_token) for tokens in results}) == 1
    assert sum(not tokens.repeated for tokens in results) == 1


@pytest.mark.threat("E52", "E53")
async def test_wrong_requests_end_nothing(harness: Harness) -> None:
    first = await harness.tokens()
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.other, first.refresh_token)
    with raises(Kind.INVALID_OPEN_ID):
        await refresh(harness.issuer, harness.app, first.refresh_token, open_id="somebody else")
    with raises(Kind.INVALID_SCOPE):
        await refresh(harness.issuer, harness.app, first.refresh_token, scope="everything")
    for not_one in (first.access_token, await harness.code(), "0" * 64):  # F61
        with raises(Kind.INVALID_REFRESH_TOKEN):
            await refresh(harness.issuer, harness.app, not_one)
    assert not (
        await refresh(harness.issuer, harness.app, first.refresh_token, open_id=first.open_id)
    ).repeated


async def test_refresh_token_dies_at_the_exact_second_and_ends_nothing(
    harness: Harness, clock: VirtualClock
) -> None:
    first = await harness.tokens()
    clock.advance(30 * 86400 - 1)
    second = await refresh(harness.issuer, harness.app, first.refresh_token)
    clock.advance(1)
    with raises(Kind.EXPIRED_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.app, first.refresh_token)
    assert (await refresh(harness.issuer, harness.app, second.refresh_token)).expires_in == 7200


@pytest.mark.threat("E54")
async def test_absolute_end_of_a_family(harness: Harness, clock: VirtualClock) -> None:
    change(harness.issuer, family=1000)
    tokens = await harness.tokens()
    clock.advance(990)
    tokens = await refresh(harness.issuer, harness.app, tokens.refresh_token)
    assert tokens.expires_in == 10
    clock.advance(10)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(harness.issuer, harness.app, tokens.refresh_token)


@pytest.mark.parametrize(
    "how", ["user disabled", "app disabled", "user", "app", "consent", "token", "user removed"]
)
@pytest.mark.threat("E54", "F62", "F63")
async def test_whatever_ends_a_family_ends_it_at_the_next_check(harness: Harness, how: str) -> None:
    issuer, tokens = harness.issuer, await harness.tokens()
    await resolve_access_token(issuer, tokens.access_token)
    match how:
        case "user disabled":
            await admin.disable_user(issuer, harness.user)
        case "app disabled":
            await admin.change_app(issuer, harness.app, disabled=True)
        case "user":
            await end_user(issuer, harness.user)
        case "app":
            await end_app(issuer, harness.app)
        case "consent":
            await end_member(issuer, await open_member(issuer, harness.app, harness.user))
        case "token":
            assert not await end_token(issuer, harness.other, tokens.refresh_token)
            await resolve_access_token(issuer, tokens.access_token)
            assert await end_token(issuer, harness.app, tokens.refresh_token)
        case _:
            await issuer.store.remove_user(harness.user.id, harness.issuer.now())
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(issuer, tokens.access_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(issuer, harness.app, tokens.refresh_token)
    if how in {"user", "app", "consent", "token"}:  # and what comes later is not touched
        await resolve_access_token(issuer, (await harness.tokens()).access_token)


@pytest.mark.parametrize(("old", "dies_after"), [(OldAccess.OWN_END, 7200), (OldAccess.WINDOW, 60)])
async def test_old_access_token_after_a_refresh(
    harness: Harness, clock: VirtualClock, old: OldAccess, dies_after: int
) -> None:
    change(harness.issuer, old_access=old)
    first = await harness.tokens()
    second = await refresh(harness.issuer, harness.app, first.refresh_token)
    clock.advance(dies_after - 1)
    assert (await resolve_access_token(harness.issuer, first.access_token)).expires_in == 1
    clock.advance(1)
    with raises(Kind.EXPIRED_ACCESS_TOKEN if old is OldAccess.OWN_END else Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, first.access_token)
    if old is OldAccess.WINDOW:
        await resolve_access_token(harness.issuer, second.access_token)


async def test_twenty_a_day_of_utc8_and_a_repeat_does_not_count(
    harness: Harness, clock: VirtualClock
) -> None:
    change(harness.issuer, daily=Daily(20), keep=SupersedePolicy(user=0), replay_window=7200)
    clock.advance(-(clock.now() + 8 * 3600) % 86400 + 60)  # a minute into a day of UTC+8
    tokens = await harness.tokens(harness.terminal)
    for _ in range(19):
        before, tokens = tokens, await refresh(harness.issuer, harness.app, tokens.refresh_token)
        assert (await refresh(harness.issuer, harness.app, before.refresh_token)).repeated
    code = await harness.code(terminal=harness.terminal)
    with raises(Kind.LIMIT_REACHED):
        await refresh(harness.issuer, harness.app, tokens.refresh_token)
    with raises(Kind.LIMIT_REACHED):
        await redeem(harness.issuer, harness.app, code)
    assert (await refresh(harness.issuer, harness.app, before.refresh_token)).repeated
    assert (await harness.tokens()).machine_code == ""  # another place has a quota of its own
    clock.advance(86400 - 60 - 1)
    with raises(Kind.LIMIT_REACHED):
        await refresh(harness.issuer, harness.app, tokens.refresh_token)
    clock.advance(1)
    assert not (await refresh(harness.issuer, harness.app, tokens.refresh_token)).repeated


async def test_authorising_a_terminal_again_supersedes_and_does_not_revive(
    harness: Harness, clock: VirtualClock
) -> None:
    change(harness.issuer, keep=SupersedePolicy(user=100))
    first = await harness.tokens(harness.terminal)
    clock.advance(10)
    second = await harness.tokens(harness.terminal)
    with raises(Kind.INVALID_REFRESH_TOKEN):  # it would prolong what was superseded
        await refresh(harness.issuer, harness.app, first.refresh_token)
    clock.advance(99)
    await resolve_access_token(harness.issuer, first.access_token)
    clock.advance(1)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, first.access_token)
    await resolve_access_token(harness.issuer, second.access_token)


async def test_many_devices_of_one_user_live_side_by_side(harness: Harness) -> None:
    first, second = await harness.tokens(), await harness.tokens()
    assert first.open_id == second.open_id
    assert first.grant.id != second.grant.id
    await refresh(harness.issuer, harness.app, first.refresh_token)
    await refresh(harness.issuer, harness.app, second.refresh_token)


async def test_many_refreshes_leave_one_row(harness: Harness, clock: VirtualClock) -> None:
    tokens = await harness.tokens()
    for _ in range(200):
        clock.advance(61)
        tokens = await refresh(harness.issuer, harness.app, tokens.refresh_token)
    listed = await admin.list_grants(harness.issuer)
    assert [view.grant.generation for view in listed.views] == [201]
    assert listed.views[0].grant.state is GrantState.LIVE


@pytest.mark.threat("E55")
async def test_a_token_of_another_realm_is_none_here(harness: Harness, policy: Policy) -> None:
    tokens, own = await harness.tokens(), harness.issuer
    stranger = await Issuer.open("yzb-test", policy, own.store, harness.ring, own.clock)
    assert await stranger.store.find_app("yzb-test", harness.app.app_id) is None
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(stranger, harness.app, tokens.refresh_token)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(stranger, tokens.access_token)
