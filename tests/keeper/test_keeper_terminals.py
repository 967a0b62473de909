"""Terminals of the platform yilianyun, tested against our own issuer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer import admin
from lingpai.keeper.app import App
from lingpai.keeper.platforms.platform import refresh_kind_of
from lingpai.keeper.platforms.yilianyun import OAUTH
from lingpai.keeper.refresh_tokens import read_refresh_token
from lingpai.keeper.status import accounts_health
from lingpai.keeper.upstream import Unreachable
from tests.keeper.issued import MACHINE, OPEN, Issued, issued

DAY = 86_400
MONTH = 30 * DAY
TERMINAL = f"terminal:{MACHINE}"
EXCHANGES = f"/v1/exchanges/yilianyun/{OPEN}"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Issued]:
    async with issued(tmp_path) as made:
        yield made


@pytest.fixture
async def merchants(stage: Issued) -> App:
    """The open app, with the merchant's terminal authorised."""
    app = await stage.add(OPEN, mode="open")
    brought = await stage.post(EXCHANGES, {"kind": "code", "code": await stage.code()})
    assert brought == {"machine_code": MACHINE, "scope": "all"}
    return app


async def test_a_code_brings_a_terminals_token_which_stays_here(stage: Issued, merchants: App) -> None:
    held = await stage.held(OPEN, TERMINAL)
    assert held["kind"] == TERMINAL
    assert held["expires_in"] == MONTH
    listed = {each.kind for each in await stage.keeper.store.list_statuses() if each.version}
    assert listed == {TERMINAL, refresh_kind_of(TERMINAL)}


async def test_the_key_that_a_terminal_shows_brings_it_too(stage: Issued) -> None:
    await stage.add(OPEN, mode="open")
    code = f"{MACHINE}:{await stage.qr_key()}"
    assert (await stage.post(EXCHANGES, {"kind": "scan", "code": code}))["machine_code"] == MACHINE
    assert (await stage.held(OPEN, TERMINAL))["version"] == 1


async def test_a_wrong_key_is_the_callers(stage: Issued) -> None:
    await stage.add(OPEN, mode="open")
    refused = await stage.post(EXCHANGES, {"kind": "scan", "code": f"{MACHINE}:123456"})
    assert (refused["error"], refused["code"]) == ("upstream_refused", 30)
    assert (await stage.held(OPEN, TERMINAL))["error"] == "invalid_parameter"


async def test_terminals_are_refreshed_ahead_month_after_month(stage: Issued, merchants: App) -> None:
    values = set()
    for _ in range(100):
        await stage.pass_time(DAY, DAY)
        held = await stage.held(OPEN, TERMINAL)
        assert held["expires_in"] > DAY
        values.add(held["value"])
    assert len(values) == 4
    refresh_token = await read_refresh_token(stage.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 4


async def test_authorising_again_takes_the_place(stage: Issued, merchants: App) -> None:
    first = await stage.held(OPEN, TERMINAL)
    stage.clock.advance(60)
    await stage.post(EXCHANGES, {"kind": "code", "code": await stage.code()})
    second = await stage.held(OPEN, TERMINAL)
    assert second["version"] == 2
    assert second["value"] != first["value"]
    await stage.pass_time(28 * DAY, DAY)
    assert (await stage.held(OPEN, TERMINAL))["version"] == 3


async def test_a_lost_answer_is_no_logout(stage: Issued, merchants: App) -> None:
    """The refresh reached the platform and its answer was lost: the same refresh token brings the same pair again."""
    refresh_token = await read_refresh_token(stage.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.current is not None
    platform = merchants.platform
    assert platform.stamp is not None
    assert platform.terminals is not None
    sent = {
        **platform.stamp(OPEN, merchants.secret, int(stage.clock.now())),
        **platform.terminals.request(refresh_token.current.value),
    }
    async with stage.http.post(f"{stage.url}/oauth/oauth", data=sent) as answer:
        lost = (await answer.json())["body"]
    stage.clock.advance(60)
    await stage.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    assert (await stage.held(OPEN, TERMINAL))["value"] == lost["access_token"]
    following = await read_refresh_token(stage.keeper, merchants, TERMINAL)
    assert following is not None
    assert following.current is not None
    assert following.current.value == lost["refresh_token"]


async def test_a_terminal_that_took_its_leave_says_so(stage: Issued, merchants: App) -> None:
    held = await stage.held(OPEN, TERMINAL)
    platform = merchants.platform
    assert platform.stamp is not None
    sent = {
        **platform.stamp(OPEN, merchants.secret, int(stage.clock.now())),
        "machine_code": MACHINE,
        "access_token": held["value"],
    }
    async with stage.http.post(f"{stage.url}/printer/deleteprinter", data=sent) as answer:
        assert (await answer.json())["error"] == "0"
    stage.clock.advance(31 * DAY)
    refused = await stage.held(OPEN, TERMINAL)
    assert refused["error"] == "upstream_refused"
    assert refused["code"] in (14, 20)


async def test_a_refresh_token_that_is_over_asks_for_the_merchant(stage: Issued, merchants: App) -> None:
    stage.clock.advance(36 * DAY)
    refused = await stage.held(OPEN, TERMINAL)
    assert (refused["error"], refused["code"]) == ("upstream_refused", 20)
    await stage.post(EXCHANGES, {"kind": "code", "code": await stage.code()})
    assert (await stage.held(OPEN, TERMINAL))["version"] == 2


async def test_never_more_than_the_days_calls(stage: Issued, merchants: App) -> None:
    """18 of the platform's 20 a day, for each terminal; what is held is served on."""
    for version in range(1, 19):
        stage.clock.advance(61)
        assert await stage.keeper.store.mark_suspect(merchants.key(TERMINAL), version)
        assert (await stage.held(OPEN, TERMINAL))["version"] == version + 1
    await stage.keeper.store.mark_suspect(merchants.key(TERMINAL), 19)
    assert (await stage.held(OPEN, TERMINAL))["version"] == 19
    trouble = (await stage.credential(merchants, TERMINAL)).trouble
    assert trouble is not None
    assert "budget of 18" in trouble.message
    assert await stage.used(f"{OAUTH.name} {TERMINAL}") == 18


async def test_a_new_secret_keeps_what_merchants_granted(stage: Issued, merchants: App) -> None:
    before = await stage.held(OPEN, TERMINAL)
    secret = await admin.rotate_secret(stage.issuers["yilianyun"], stage.open_app, 0)
    rotated = await stage.add(OPEN, secret, mode="open")
    assert await stage.held(OPEN, TERMINAL) == before
    await stage.pass_time(28 * DAY, DAY)
    assert (await stage.held(OPEN, TERMINAL))["version"] == 2
    refresh_token = await read_refresh_token(stage.keeper, rotated, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 2
    assert await read_refresh_token(stage.keeper, merchants, TERMINAL) is None


async def test_a_removed_app_leaves_nothing(stage: Issued, merchants: App) -> None:
    await stage.keeper.store.remove_account("yilianyun", OPEN, "")
    assert await stage.keeper.store.list_statuses() == ()


async def test_a_days_calls_outlast_an_outage(stage: Issued, merchants: App) -> None:
    """Two hours without the platform, and no live token: some of the 18 calls are left when it is back."""
    stage.clock.advance(31 * DAY)
    upstream, attempts = stage.keeper.upstream, 0

    async def unreachable(*args: object, **named: object) -> None:
        nonlocal attempts
        attempts += 1
        raise Unreachable("the connection failed")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(upstream, "call", unreachable)
        await stage.pass_time(7200, 1)
    assert 10 <= attempts < OAUTH.limit
    await stage.pass_time(1300, 10)
    assert (await stage.held(OPEN, TERMINAL))["version"] == 2


async def test_terminals_that_nobody_authorised_leave_no_trace(stage: Issued, merchants: App) -> None:
    before = await stage.keeper.store.list_statuses()
    for kind in ("terminal:1", "terminal:" + "9" * 64):
        refused = await stage.held(OPEN, kind)
        assert refused["error"] == "invalid_parameter"
    for kind in ("terminal:", "terminal:a b", refresh_kind_of(TERMINAL), "js_ticket"):
        refused = await stage.held(OPEN, kind)
        assert refused["error"] == "invalid_parameter"
        assert "terminal:<number>" in refused["message"]
    assert await stage.keeper.store.list_statuses() == before


async def test_a_refresh_token_cannot_be_reported(stage: Issued, merchants: App) -> None:
    refresh_token = await read_refresh_token(stage.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.current is not None
    assert await stage.report(refresh_token.current.value) == "old"
    after = await read_refresh_token(stage.keeper, merchants, TERMINAL)
    assert after == refresh_token


async def test_an_open_app_has_no_token_of_its_own(stage: Issued, merchants: App) -> None:
    refused = await stage.held(OPEN)
    assert refused["error"] == "invalid_parameter"
    await stage.pass_time(60, 1)
    assert await stage.used(OAUTH.name) == 0
    health = await accounts_health(stage.keeper, lambda _: True)
    assert (health.healthy, health.accounts, health.reasons) == (True, 0, [])


async def test_no_probe_means_that_nothing_is_verified(stage: Issued, merchants: App) -> None:
    value = (await stage.held(OPEN, TERMINAL))["value"]
    assert await stage.report(value) == "unverified"
    assert (await stage.held(OPEN, TERMINAL))["version"] == 1


async def test_a_code_that_was_used_is_told_as_such(stage: Issued, merchants: App) -> None:
    code = await stage.code()
    first = await stage.post(EXCHANGES, {"kind": "code", "code": code})
    assert (
        await stage.post(EXCHANGES, {"kind": "code", "code": code}) == first
    )  # our answer again, not theirs
    refused = await stage.post(EXCHANGES, {"kind": "code", "code": "0" * 64})
    assert (refused["error"], refused["code"]) == ("upstream_refused", 6)


async def test_all_who_wait_share_one_refresh(stage: Issued, merchants: App) -> None:
    await stage.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    answers = await asyncio.gather(*(stage.held(OPEN, TERMINAL) for _ in range(10)))
    assert {each["version"] for each in answers} == {2}
    assert await stage.used(f"{OAUTH.name} {TERMINAL}") == 1


async def test_the_store_down_at_the_worst_moment(
    stage: Issued, merchants: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh token is kept and the token is not: the next attempt renews by the kept one."""
    first = await stage.held(OPEN, TERMINAL)
    store = type(stage.keeper.store)
    whole = store.save_generation
    saves = 0

    async def fail_second(self: object, *args: object, **kept: object) -> object:
        nonlocal saves
        saves += 1
        if saves == 2:
            raise LingpaiError(Kind.STORE_UNAVAILABLE, "full")
        return await whole(self, *args, **kept)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(store, "save_generation", fail_second)
    stage.clock.advance(60)
    await stage.keeper.store.mark_suspect(merchants.key(TERMINAL), 1)
    assert (await stage.held(OPEN, TERMINAL))["value"] == first["value"]
    assert saves == 2
    stage.clock.advance(30)
    second = await stage.held(OPEN, TERMINAL)
    assert second["version"] == 2
    refresh_token = await read_refresh_token(stage.keeper, merchants, TERMINAL)
    assert refresh_token is not None
    assert refresh_token.version == 3
