import asyncio

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, AppMode
from lingpai.issuer import admin
from lingpai.issuer.policy import Daily, SupersedePolicy
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs import terminals
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.quotas import take_quota
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.requests import check_request_id, check_timestamp, once
from tests.issuer.harness import Harness, raises

CODE = "4004001"


@pytest.fixture(autouse=True)
def one_per_terminal(harness: Harness) -> None:
    harness.issuer.policy = msgspec.structs.replace(
        harness.issuer.policy, keep=SupersedePolicy(user=0), daily=Daily(20)
    )


async def test_msign_gives_tokens_of_the_terminal(harness: Harness) -> None:
    tokens = await terminals.authorize_by_secret(harness.issuer, harness.app, CODE, "terminal secret", "all")
    assert (tokens.machine_code, tokens.scope) == (CODE, "all")
    for code, msign in ((CODE, "wrong"), ("unknown", "terminal secret"), (CODE, "")):
        with raises(Kind.WRONG_TERMINAL_SECRET):
            await terminals.authorize_by_secret(harness.issuer, harness.app, code, msign, "all")
    again = await terminals.authorize_by_secret(harness.issuer, harness.app, CODE, "terminal secret", "all")
    with raises(Kind.INVALID_ACCESS_TOKEN):  # one access token per app and terminal
        await resolve_access_token(harness.issuer, tokens.access_token)
    await resolve_access_token(harness.issuer, again.access_token)


async def test_shown_key_is_good_once_and_for_300_seconds(harness: Harness, clock: VirtualClock) -> None:
    key = await terminals.show_key(harness.issuer, harness.terminal)
    for code, wrong in ((CODE, "wrong"), ("unknown", key), (CODE, "")):
        with raises(Kind.WRONG_TERMINAL_KEY):
            await terminals.authorize_by_key(harness.issuer, harness.app, code, wrong, "all")
    clock.advance(299)
    results = await asyncio.gather(
        *(terminals.authorize_by_key(harness.issuer, harness.app, CODE, key, "all") for _ in range(16)),
        return_exceptions=True,
    )
    assert sum(isinstance(result, Tokens) for result in results) == 1
    assert {result.kind for result in results if isinstance(result, LingpaiError)} == {
        Kind.WRONG_TERMINAL_KEY
    }
    key = await terminals.show_key(harness.issuer, harness.terminal)
    clock.advance(300)
    with raises(Kind.WRONG_TERMINAL_KEY):
        await terminals.authorize_by_key(harness.issuer, harness.app, CODE, key, "all")


async def test_refusal_for_the_limit_spends_no_key(harness: Harness, clock: VirtualClock) -> None:
    clock.advance(-(clock.now() + 8 * 3600) % 86400)
    for _ in range(20):
        await terminals.authorize_by_secret(harness.issuer, harness.app, CODE, "terminal secret", "all")
    clock.advance(86400 - 100)
    key = await terminals.show_key(harness.issuer, harness.terminal)
    with raises(Kind.LIMIT_REACHED):
        await terminals.authorize_by_key(harness.issuer, harness.app, CODE, key, "all")
    clock.advance(100)
    await terminals.authorize_by_key(harness.issuer, harness.app, CODE, key, "all")


async def test_with_its_owner_disabled_a_terminal_gives_no_tokens_and_spends_nothing(
    harness: Harness,
) -> None:
    issuer, app = harness.issuer, harness.app
    issuer.policy = msgspec.structs.replace(issuer.policy, daily=Daily(1))
    key = await terminals.show_key(issuer, harness.terminal)
    await admin.disable_user(issuer, harness.user)
    with raises(Kind.NO_PERMISSION):
        await terminals.authorize_by_secret(issuer, app, CODE, "terminal secret", "all")
    with raises(Kind.NO_PERMISSION):
        await terminals.authorize_by_key(issuer, app, CODE, key, "all")
    await admin.disable_user(issuer, harness.user, disabled=False)
    tokens = await terminals.authorize_by_key(issuer, app, CODE, key, "all")
    await resolve_access_token(issuer, tokens.access_token)


async def test_bind_and_unbind(harness: Harness) -> None:
    issuer = harness.issuer
    own, _ = await admin.add_app(issuer, App(realm="", app_id="own", mode=AppMode.SELF_OWNED))
    rival, _ = await admin.add_app(issuer, App(realm="", app_id="rival", mode=AppMode.SELF_OWNED))
    with raises(Kind.WRONG_APP_MODE):
        await terminals.bind_terminal(issuer, harness.app, CODE, "terminal secret")
    with raises(Kind.WRONG_APP_MODE):
        await terminals.authorize_by_secret(issuer, own, CODE, "terminal secret", "all")
    with raises(Kind.WRONG_TERMINAL_SECRET):
        await terminals.bind_terminal(issuer, own, CODE, "wrong")
    await terminals.bind_terminal(issuer, own, CODE, "terminal secret")
    await terminals.bind_terminal(issuer, own, CODE, "terminal secret")
    with raises(Kind.TERMINAL_TAKEN):
        await terminals.bind_terminal(issuer, rival, CODE, "terminal secret")
    with raises(Kind.INVALID_TERMINAL):
        await terminals.unbind_terminal(issuer, rival, CODE)
    await terminals.unbind_terminal(issuer, own, CODE)
    await terminals.bind_terminal(issuer, rival, CODE, "terminal secret")


async def test_unbinding_from_an_open_app_revokes(harness: Harness) -> None:
    tokens = await harness.tokens(harness.terminal)
    with raises(Kind.INVALID_TERMINAL):
        await terminals.unbind_terminal(harness.issuer, harness.other, CODE)
    await terminals.unbind_terminal(harness.issuer, harness.app, CODE)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, tokens.access_token)
    with raises(Kind.INVALID_TERMINAL):
        await terminals.unbind_terminal(harness.issuer, harness.app, CODE)


async def test_unbinding_ends_the_codes_that_are_not_spent(harness: Harness) -> None:
    issuer = harness.issuer
    spent, early, late = [await harness.code(terminal=harness.terminal) for _ in range(3)]
    elsewhere = (await issue_code(issuer, harness.other, harness.user, Asked(), harness.terminal)).code
    await redeem(issuer, harness.app, spent)
    await terminals.unbind_terminal(issuer, harness.app, CODE)
    for code in (early, late):
        with raises(Kind.INVALID_CODE):
            await redeem(issuer, harness.app, code)
    assert (await redeem(issuer, harness.other, elsewhere)).machine_code == CODE
    only = await harness.code(terminal=harness.terminal)
    await terminals.unbind_terminal(
        issuer, harness.app, CODE
    )  # no token was had for it, and still there is what to end
    with raises(Kind.INVALID_CODE):
        await redeem(issuer, harness.app, only)
    with raises(Kind.INVALID_TERMINAL):
        await terminals.unbind_terminal(issuer, harness.app, CODE)


async def test_removed_terminal_has_no_tokens(harness: Harness) -> None:
    tokens = await harness.tokens(harness.terminal)
    assert await harness.issuer.store.remove_terminal(harness.terminal.id)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.issuer, tokens.access_token)
    with raises(Kind.INVALID_TERMINAL):
        await terminals.show_key(harness.issuer, harness.terminal)


@pytest.mark.parametrize("to", ["bob", None])
async def test_a_terminal_that_changes_hands_is_closed_to_what_was_allowed_before(
    harness: Harness, to: str | None
) -> None:
    issuer, app = harness.issuer, harness.app
    owner = await admin.add_user(issuer, to, "") if to else None
    other = await admin.save_terminal(issuer, "4004002", owner=harness.user)
    code, kept_code = await harness.code(terminal=harness.terminal), await harness.code(terminal=other)
    tokens, kept = await harness.tokens(harness.terminal), await harness.tokens(other)
    shown = await terminals.authorize_by_secret(issuer, harness.other, CODE, "terminal secret", "all")
    await admin.save_terminal(issuer, CODE, name="Kitchen", owner=harness.user)
    await resolve_access_token(issuer, tokens.access_token)
    await admin.save_terminal(issuer, CODE, owner=owner)
    for ended in (tokens, shown):
        with raises(Kind.INVALID_ACCESS_TOKEN):
            await resolve_access_token(issuer, ended.access_token)
    with raises(Kind.INVALID_REFRESH_TOKEN):
        await refresh(issuer, app, tokens.refresh_token)
    with raises(Kind.INVALID_CODE):
        await redeem(issuer, app, code)
    await resolve_access_token(issuer, kept.access_token)
    await redeem(issuer, app, kept_code)
    again = await terminals.authorize_by_secret(issuer, app, CODE, "terminal secret", "all")
    assert again.grant.user == (owner.id if owner else None)
    await resolve_access_token(issuer, again.access_token)


async def test_changing_a_terminal_keeps_its_secret(harness: Harness) -> None:
    await admin.save_terminal(harness.issuer, CODE, name="Kitchen", owner=harness.user)
    await terminals.check_secret_of(harness.issuer, CODE, "terminal secret")
    listed = await admin.list_terminals(harness.issuer, harness.user)
    assert [terminal.name for terminal in listed] == ["Kitchen"]
    assert await admin.list_terminals(harness.issuer) == listed


@pytest.mark.threat("I81")
async def test_the_same_signed_request_is_taken_once(harness: Harness, clock: VirtualClock) -> None:
    request = "FBFE0134-4CD1-11EF-9B3C-0242AC120002"
    at = check_timestamp(harness.issuer, str(int(clock.now())))

    async def send(app: App, request: str, at: int) -> None:
        async with once(harness.issuer, app, request, at, first=True):
            pass

    await send(harness.app, request, at)
    for again in (request, request.lower()):
        with raises(Kind.REPLAYED_REQUEST):
            await send(harness.app, again, at)
    await send(harness.app, request, at + 1)
    await send(harness.other, request, at)
    clock.advance(1201 + 3600)
    await harness.issuer.store.purge_issuer(harness.issuer.now() - 3600, 10)
    with raises(Kind.BAD_TIMESTAMP):  # long before it could come again unnoticed
        check_timestamp(harness.issuer, str(at))


@pytest.mark.parametrize("text", ["", "1717555200x", "17175552000", "-717555200", "٣" * 10, "1" * 10])
@pytest.mark.threat("I81")
async def test_timestamps_that_are_refused(harness: Harness, text: str) -> None:
    with raises(Kind.BAD_TIMESTAMP):
        check_timestamp(harness.issuer, text)


@pytest.mark.parametrize("off", [-600, 600])
@pytest.mark.threat("I81")
async def test_tolerance_in_both_directions(harness: Harness, clock: VirtualClock, off: int) -> None:
    now = int(clock.now())
    assert check_timestamp(harness.issuer, str(now + off)) == now + off
    with raises(Kind.BAD_TIMESTAMP):
        check_timestamp(harness.issuer, str(now + off + (1 if off > 0 else -1)))


def test_request_ids() -> None:
    for good in ("fbfe0134-4cd1-11ef-9b3c-0242ac120002", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"):
        check_request_id(good)
    for bad in ("", "fbfe01344cd111ef9b3c0242ac120002", "gbfe0134-4cd1-11ef-9b3c-0242ac120002", "f" * 36):
        with raises(Kind.BAD_REQUEST_ID):
            check_request_id(bad)


async def test_quota_by_itself(harness: Harness) -> None:
    for _ in range(20):
        await take_quota(harness.issuer, harness.app, harness.terminal)
    with raises(Kind.LIMIT_REACHED):
        await take_quota(harness.issuer, harness.app, harness.terminal)
    await take_quota(harness.issuer, harness.app)
