"""A held token is repeated without asking anew only while nothing has changed (threats K90, K91, K94)."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from lingpai.core.records import Account
from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from lingpai.keeper.access import Ask
from lingpai.keeper.counters import publish_hits
from lingpai.keeper.doubts import SHORT
from lingpai.keeper.generations import LEAST_REST
from lingpai.keeper.platforms.drop_in import TokenAnswer
from lingpai.keeper.routes.token_answers import answer_token
from lingpai.sandbox import SAMPLE_APP
from lingpai.service import fallback_shapes, routes_of
from tests.edge.running_edge import request, running
from tests.keeper.harness import GETTOKEN, OUTSIDE, XCX, Harness
from tests.keeper.test_keeper_access import another_process

Again = Callable[[], Any]
UNHURRIED = SHORT + 1
"""Seconds after which a further fetch of the same caller says nothing about the token."""


def call_of(peer: str = "127.0.0.1") -> Call:
    """A program's request to this service by its address."""
    call = Call("trace", peer)
    call.headers = {b"host": b"127.0.0.1:8000"}
    return call


async def fetch_with_repeat(
    harness: Harness, key: str | None = None, *, peer: str = "127.0.0.1"
) -> tuple[TokenAnswer, Again]:
    """The sample app's token, and what tells it again."""
    call, held = await fetch(harness, key, peer=peer)
    assert call.cached_answer is not None
    return held, call.cached_answer


async def fetch(
    harness: Harness, key: str | None = None, *, peer: str = "127.0.0.1"
) -> tuple[Call, TokenAnswer]:
    """A request for the sample app's token. Nothing tells again what was only just fetched for it."""
    call = call_of(peer)
    ask = Ask(harness.keeper.platforms["wechat"], SAMPLE_APP.appid, key, "token")
    return call, await answer_token(harness.keeper, call, ask)


def hits() -> float:
    publish_hits()
    labels = {"platform": "wechat", "kind": "access_token"}
    return REGISTRY.get_sample_value("lingpai_keeper_hits_total", labels) or 0.0


async def test_it_counts_down_and_is_counted(own: Harness, log_lines: Any) -> None:
    await fetch(own)
    held, again = await fetch_with_repeat(own)
    before = hits()
    own.clock.advance(100)
    assert again() == TokenAnswer(held.access_token, held.expires_in - 100)
    assert again() == TokenAnswer(held.access_token, held.expires_in - 100)
    assert hits() == before + 2
    own.keeper.audit.flush()
    assert '"count": 4' in log_lines.getvalue()
    own.clock.advance(UNHURRIED)
    assert again() is not None
    own.keeper.audit.flush()
    assert '"count": 1' in log_lines.getvalue()


@pytest.mark.threat("K94")
async def test_it_ends_with_the_token_whatever_the_clock_is_set_to(own: Harness) -> None:
    await fetch(own)  # what is fetched for a request is asked for once more
    held, again = await fetch_with_repeat(own)
    own.clock.step(-3600)
    own.clock.advance(held.expires_in - LEAST_REST)
    assert again() is not None
    own.clock.step(7200)
    assert again() is not None
    own.clock.advance(1)
    assert again() is None


async def suspect(harness: Harness) -> None:
    assert await harness.keeper.store.mark_suspect(harness.app_of().key("access_token"), 1)


async def another_secret(harness: Harness) -> None:
    await harness.add_app(secret="another")


async def no_such_app(harness: Harness) -> None:
    assert await harness.keeper.store.remove_account("wechat", SAMPLE_APP.appid, "")


async def a_second_secret(harness: Harness) -> None:
    await harness.add_app(label="second", secret="another")


async def revoked(harness: Harness) -> None:
    assert await harness.keeper.store.revoke_caller("shop")


async def renewed(harness: Harness) -> None:
    await harness.pass_time(7000, step=700)


CHANGES = (suspect, another_secret, no_such_app, a_second_secret, revoked, renewed)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "in another process"])
@pytest.mark.threat("K91")
async def test_every_change_ends_it_at_once(
    own: Harness, tmp_path: Path, change: Callable[[Harness], Awaitable[None]], elsewhere: bool
) -> None:
    key = await own.add_caller("shop", apps=(f"wechat/{SAMPLE_APP.appid}",))
    await fetch(own)
    _, again = await fetch_with_repeat(own, key, peer=OUTSIDE)
    assert again() is not None
    if elsewhere:
        async with another_process(own, tmp_path) as other:
            await change(other)
    else:
        await change(own)
    assert again() is None


async def test_what_changes_nothing_of_it_does_not_end_it(own: Harness) -> None:
    await fetch(own)
    _, again = await fetch_with_repeat(own)
    assert await own.keeper.store.lead("renewal", "another", 15.0)
    own.clock.advance(UNHURRIED)
    assert again() is not None


async def test_a_suspect_token_is_asked_for_each_time(own: Harness) -> None:
    await fetch(own)
    await suspect(own)
    await own.upstream.fault("/cgi-bin/stable_token", "http500", 9)
    call = call_of()
    ask = Ask(own.keeper.platforms["wechat"], SAMPLE_APP.appid, None, "token")
    assert (await answer_token(own.keeper, call, ask)).access_token
    assert call.cached_answer is None


async def test_what_nobody_configured_is_asked_for_when_its_renewal_is_due(harness: Harness) -> None:
    await fetch(harness, SAMPLE_APP.secret)
    held, again = await fetch_with_repeat(harness, SAMPLE_APP.secret)
    harness.clock.advance(60)
    assert again() is not None
    harness.clock.advance(held.expires_in - 120)
    assert again() is None


async def test_a_revoked_key_is_refused_at_the_very_next_request_of_an_open_line(
    own: Harness, tmp_path: Path
) -> None:
    mine = await own.add_caller("mine")
    app = create_app(routes_of(own.keeper), fallback_shapes())
    ask = request("GET", f"{XCX}?appid={SAMPLE_APP.appid}&secret={mine}")
    async with another_process(own, tmp_path) as other, running(app) as edge, edge.wire() as wire:

        async def code() -> int:
            await wire.send(ask)
            return int((await wire.answer()).json["code"])

        assert [await code() for _ in range(5)] == [0] * 5
        assert await other.keeper.store.revoke_caller("mine")
        assert await code() == 403


async def test_wecom_is_answered_again_in_its_own_shape(harness: Harness) -> None:
    await harness.add_corp()
    agent = harness.agent_app()
    app = create_app(routes_of(harness.keeper), fallback_shapes())
    ask = request("GET", f"{GETTOKEN}?corpid={agent.account}&corpsecret={agent.secret}")
    async with running(app) as edge, edge.wire() as wire:
        bodies = []
        for _ in range(4):
            await wire.send(ask)
            bodies.append((await wire.answer()).body)
        assert len(set(bodies)) == 1
        await harness.keeper.store.save_account(Account(platform="wecom", account="x", secret="y"))
        await wire.send(ask)
        assert (await wire.answer()).body == bodies[0]


async def test_an_end_of_another_boot_is_asked_for_each_time(own: Harness) -> None:
    await fetch(own)
    own.clock.epoch = "another"
    call = call_of()
    ask = Ask(own.keeper.platforms["wechat"], SAMPLE_APP.appid, None, "token")
    assert (await answer_token(own.keeper, call, ask)).expires_in > 0
    assert call.cached_answer is None
