"""Terminals of the platform yilianyun, tested against our own issuer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer import admin
from lingpai.keeper.app import App
from lingpai.keeper.platform_client import SentAt
from lingpai.keeper.platforms.platform import refresh_kind_of
from lingpai.keeper.platforms.yilianyun import OAUTH
from lingpai.keeper.refresh_tokens import read_refresh_token, save_refresh_token
from lingpai.keeper.status import accounts_health
from lingpai.keeper.upstream import Unreachable
from tests.keeper.issued import MACHINE, OPEN, Issued, issued

DAY = 86_400
MONTH = 30 * DAY
TERMINAL = f"terminal:{MACHINE}"
EXCHANGES = f"/v1/exchanges/yilianyun/{OPEN}"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Issued]:
    async with issued(tmp_path) as made:
        yield made


@pytest.fixture
async def merchants(harness: Issued) -> App:
    """The open app, with the merchant's terminal authorised."""
    app = await harness.add(OPEN, mode="open")
    brought = await harness.post(EXCHANGES, {"kind": "code", "code": await harness.code()})
    assert brought == {"machine_code": MACHINE, "scope": "all"}
    return app


async def test_a_code_brings_a_terminals_token_which_stays_here(harness: Issued, merchants: App) -> None:
    held = await harness.held(OPEN, TERMINAL)
    assert held["kind"] == TERMINAL
    assert held["expires_in"] == MONTH
    listed = {each.kind for each in await harness.keeper.store.list_statuses() if each.version}
    assert listed == {TERMINAL, refresh_kind_of(TERMINAL)}


async def test_the_key_that_a_terminal_shows_brings_it_too(harness: Issued) -> None:
    await harness.add(OPEN, mode="open")
    code = f"{MACHINE}:{await harness.qr_key()}"
    assert (await harness.post(EXCHANGES, {"kind": "scan", "code": code}))["machine_code"] == MACHINE
    assert (await harness.held(OPEN, TERMINAL))["version"] == 1


async def test_a_wrong_key_is_the_callers(harness: Issued) -> None:
    await harness.add(OPEN, mode="open")
    refused = await harness.post(EXCHANGES, {"kind": "scan", "code": f"{MACHINE}:123456"})
    assert (refused["error"], refused["code"]) == ("upstream_refused", 30)
    assert (await harness.held(OPEN, TERMINAL))["error"] == "invalid_parameter"


async def test_terminals_are_refreshed_ahead_month_after_month(harness: Issued, merchants: App) -> None:
    values = set()
    for _ in range(100):
        await harness.pass_time(DAY, DAY)
        held = await harness.held(OPEN, TERMINAL)
        assert held["expires_in"] > DAY
        values.add(held["value"])
    assert len(values) == 4
    refresh_token = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 4


async def test_authorising_again_takes_the_place(harness: Issued, merchants: App) -> None:
    first = await harness.held(OPEN, TERMINAL)
    harness.clock.advance(60)
    await harness.post(EXCHANGES, {"kind": "code", "code": await harness.code()})
    second = await harness.held(OPEN, TERMINAL)
    assert second["version"] == 2
    assert second["value"] != first["value"]
    await harness.pass_time(28 * DAY, DAY)
    assert (await harness.held(OPEN, TERMINAL))["version"] == 3


async def test_a_refresh_token_is_saved_beside_the_lease_of_a_killed_process(
    harness: Issued, merchants: App
) -> None:
    """Releases before saved it under a lease of its own, and nothing at all while a killed process had that."""
    refresh_key = merchants.key(refresh_kind_of(TERMINAL))
    await harness.keeper.store.acquire_lease(refresh_key, "killed", 2**62, 30)
    await harness.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    assert (await harness.held(OPEN, TERMINAL))["version"] == 2
    refresh_token = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 2


async def test_a_code_does_not_wait_for_the_renewal_of_a_killed_process(
    harness: Issued, merchants: App
) -> None:
    """The clock does not move here: whoever waited for the lease would wait for ever."""
    killed = await harness.keeper.store.acquire_lease(merchants.key(TERMINAL), "killed", 2**62, 30)
    refresh_key = merchants.key(refresh_kind_of(TERMINAL))
    await harness.keeper.store.acquire_lease(refresh_key, "killed", 2**62, 30)
    async with asyncio.timeout(20):
        await harness.post(EXCHANGES, {"kind": "code", "code": await harness.code()})
    assert (await harness.held(OPEN, TERMINAL))["version"] == 2
    refresh_token = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 2
    assert killed.lease is not None
    assert not await harness.keeper.store.release_lease(killed.lease)


async def test_a_late_renewal_does_not_replace_what_a_newer_code_brought(
    harness: Issued, merchants: App
) -> None:
    late = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert late is not None
    assert late.current is not None
    await harness.post(EXCHANGES, {"kind": "code", "code": await harness.code()})
    newer = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    fetched = SentAt(harness.keeper).fetched("of the late renewal", MONTH)
    await save_refresh_token(harness.keeper, merchants, TERMINAL, fetched, seen=late.version)
    assert await read_refresh_token(harness.keeper, merchants, TERMINAL) == newer


async def test_a_lost_answer_is_no_logout(harness: Issued, merchants: App) -> None:
    """The refresh reached the platform and its answer was lost: the same refresh token brings the same pair again."""
    refresh_token = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.current is not None
    platform = merchants.platform
    assert platform.stamp is not None
    assert platform.terminals is not None
    sent = {
        **platform.stamp(OPEN, merchants.secret, int(harness.clock.now())),
        **platform.terminals.request(refresh_token.current.value),
    }
    async with harness.http.post(f"{harness.url}/oauth/oauth", data=sent) as answer:
        lost = (await answer.json())["body"]
    harness.clock.advance(60)
    await harness.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    assert (await harness.held(OPEN, TERMINAL))["value"] == lost["access_token"]
    following = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert following is not None
    assert following.current is not None
    assert following.current.value == lost["refresh_token"]


async def test_a_terminal_that_took_its_leave_says_so(harness: Issued, merchants: App) -> None:
    held = await harness.held(OPEN, TERMINAL)
    platform = merchants.platform
    assert platform.stamp is not None
    sent = {
        **platform.stamp(OPEN, merchants.secret, int(harness.clock.now())),
        "machine_code": MACHINE,
        "access_token": held["value"],
    }
    async with harness.http.post(f"{harness.url}/printer/deleteprinter", data=sent) as answer:
        assert (await answer.json())["error"] == "0"
    harness.clock.advance(31 * DAY)
    refused = await harness.held(OPEN, TERMINAL)
    assert refused["error"] == "upstream_refused"
    assert refused["code"] in (14, 20)


async def test_a_refresh_token_that_is_over_asks_for_the_merchant(harness: Issued, merchants: App) -> None:
    harness.clock.advance(36 * DAY)
    refused = await harness.held(OPEN, TERMINAL)
    assert (refused["error"], refused["code"]) == ("upstream_refused", 20)
    await harness.post(EXCHANGES, {"kind": "code", "code": await harness.code()})
    assert (await harness.held(OPEN, TERMINAL))["version"] == 2


async def test_never_more_than_the_days_calls(harness: Issued, merchants: App) -> None:
    """18 of the platform's 20 a day, for each terminal; what is held is served on."""
    for version in range(1, 19):
        harness.clock.advance(61)
        assert await harness.keeper.store.mark_suspect(merchants.key(TERMINAL), version)
        assert (await harness.held(OPEN, TERMINAL))["version"] == version + 1
    await harness.keeper.store.mark_suspect(merchants.key(TERMINAL), 19)
    assert (await harness.held(OPEN, TERMINAL))["version"] == 19
    trouble = (await harness.credential(merchants, TERMINAL)).trouble
    assert trouble is not None
    assert "budget of 18" in trouble.message
    assert await harness.used(f"{OAUTH.name} {TERMINAL}") == 18


async def test_a_new_secret_keeps_what_merchants_granted(harness: Issued, merchants: App) -> None:
    before = await harness.held(OPEN, TERMINAL)
    secret = await admin.rotate_secret(harness.issuers["yilianyun"], harness.open_app, 0)
    rotated = await harness.add(OPEN, secret, mode="open")
    assert await harness.held(OPEN, TERMINAL) == before
    await harness.pass_time(28 * DAY, DAY)
    assert (await harness.held(OPEN, TERMINAL))["version"] == 2
    refresh_token = await read_refresh_token(harness.keeper, rotated, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 2
    assert await read_refresh_token(harness.keeper, merchants, TERMINAL) is None


async def test_a_removed_app_leaves_nothing(harness: Issued, merchants: App) -> None:
    await harness.keeper.store.remove_account("yilianyun", OPEN, "")
    assert await harness.keeper.store.list_statuses() == ()


async def test_a_days_calls_outlast_an_outage(harness: Issued, merchants: App) -> None:
    """Two hours without the platform, and no live token: some of the 18 calls are left when it is back."""
    harness.clock.advance(31 * DAY)
    upstream, attempts = harness.keeper.upstream, 0

    async def unreachable(*args: object, **named: object) -> None:
        nonlocal attempts
        attempts += 1
        raise Unreachable("the connection failed")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(upstream, "call", unreachable)
        await harness.pass_time(7200, 1)
    assert 10 <= attempts < OAUTH.limit
    await harness.pass_time(1300, 10)
    assert (await harness.held(OPEN, TERMINAL))["version"] == 2


async def test_terminals_that_nobody_authorised_leave_no_trace(harness: Issued, merchants: App) -> None:
    before = await harness.keeper.store.list_statuses()
    for kind in ("terminal:1", "terminal:" + "9" * 64):
        refused = await harness.held(OPEN, kind)
        assert refused["error"] == "invalid_parameter"
    for kind in ("terminal:", "terminal:a b", refresh_kind_of(TERMINAL), "js_ticket"):
        refused = await harness.held(OPEN, kind)
        assert refused["error"] == "invalid_parameter"
        assert "terminal:<number>" in refused["message"]
    assert await harness.keeper.store.list_statuses() == before


async def test_a_refresh_token_cannot_be_reported(harness: Issued, merchants: App) -> None:
    refresh_token = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.current is not None
    assert await harness.report(refresh_token.current.value) == "old"
    after = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert after == refresh_token


async def test_an_open_app_has_no_token_of_its_own(harness: Issued, merchants: App) -> None:
    refused = await harness.held(OPEN)
    assert refused["error"] == "invalid_parameter"
    await harness.pass_time(60, 1)
    assert await harness.used(OAUTH.name) == 0
    health = await accounts_health(harness.keeper, lambda _: True)
    assert (health.healthy, health.accounts, health.reasons) == (True, 0, [])


async def test_no_probe_means_that_nothing_is_verified(harness: Issued, merchants: App) -> None:
    value = (await harness.held(OPEN, TERMINAL))["value"]
    assert await harness.report(value) == "unverified"
    assert (await harness.held(OPEN, TERMINAL))["version"] == 1


async def test_a_code_that_was_used_is_named_as_such(harness: Issued, merchants: App) -> None:
    code = await harness.code()
    first = await harness.post(EXCHANGES, {"kind": "code", "code": code})
    assert (
        await harness.post(EXCHANGES, {"kind": "code", "code": code}) == first
    )  # our answer again, not theirs
    refused = await harness.post(EXCHANGES, {"kind": "code", "code": "0" * 64})
    assert (refused["error"], refused["code"]) == ("upstream_refused", 6)


async def test_all_who_wait_share_one_refresh(harness: Issued, merchants: App) -> None:
    await harness.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    answers = await asyncio.gather(*(harness.held(OPEN, TERMINAL) for _ in range(10)))
    assert {each["version"] for each in answers} == {2}
    assert await harness.used(f"{OAUTH.name} {TERMINAL}") == 1


async def test_the_store_down_at_the_worst_moment(
    harness: Issued, merchants: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh token is kept and the token is not: the next attempt renews by the kept one."""
    first = await harness.held(OPEN, TERMINAL)
    store = type(harness.keeper.store)
    whole = store.save_generation
    saves = 0

    async def fail_first(self: object, *args: object, **kept: object) -> object:
        nonlocal saves
        saves += 1
        if saves == 1:
            raise LingpaiError(Kind.STORE_UNAVAILABLE, "full")
        return await whole(self, *args, **kept)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(store, "save_generation", fail_first)
    harness.clock.advance(60)
    await harness.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    assert (await harness.held(OPEN, TERMINAL))["value"] == first["value"]
    assert saves == 1
    harness.clock.advance(30)
    second = await harness.held(OPEN, TERMINAL)
    assert second["version"] == 2
    refresh_token = await read_refresh_token(harness.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 3
