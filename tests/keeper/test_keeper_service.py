"""The service as a whole: its background, the original's .env, and a store in trouble (threats G73, K95)."""

import asyncio
import contextlib
import io
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import apsw
import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.records import Account
from lingpai.keeper import presence, renewal, roles
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.presence import list_workers
from lingpai.keeper.renewal import FEWEST_DUE, UNTRIED_WAIT, Renewals, renew_due
from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI
from lingpai.service import adopt_legacy, open_service
from lingpai.settings import legacy_accounts
from tests.keeper.harness import (
    APP,
    STABLE,
    XCX,
    Harness,
    Upstream,
    data_of,
    failure_of,
    played,
    settings_of,
    staged,
    upstream_of,
)


async def wait_for_calls(upstream: Upstream, clock: VirtualClock, calls: int) -> None:
    """Let time pass until the upstream has been asked so often; none passes while the background is at work."""
    async with asyncio.timeout(30):
        while await upstream.calls(STABLE) < calls:
            if clock._sleepers:
                clock.advance(0.5)


async def test_the_background_renews_with_nobody_asking(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"THIRD_APPID_{SAMPLE_APP.appid}={SAMPLE_APP.secret}\nOTHER=1\n")
    clock = VirtualClock()
    with upstream_of(clock) as url:
        async with (
            aiohttp.ClientSession() as session,
            open_service(settings_of(tmp_path / "data", url), clock),
        ):
            upstream = Upstream(url, session)
            await wait_for_calls(upstream, clock, 1)
            clock.advance(6800)
            await wait_for_calls(upstream, clock, 2)
            assert 6800 < clock.steady() < 7200


@contextlib.asynccontextmanager
async def running(harness: Harness) -> AsyncIterator["asyncio.Task[None]"]:
    """The background of a harness, running."""
    task = asyncio.create_task(renewal.run(harness.keeper))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_of_two_processes_one_leads_and_its_end_is_noticed(own: Harness, tmp_path: Path) -> None:
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, own.clock, own.upstream.url, session) as other,
    ):
        assert await other.keeper.store.lead(renewal.ROLE, "dead", roles.TTL)
        async with running(own):
            async with asyncio.timeout(10):
                while own.clock.steady() < roles.TTL - 1:
                    assert await own.upstream.calls() == 0  # another process has the role
                    if own.clock._sleepers:
                        own.clock.advance(0.5)
            await wait_for_calls(own.upstream, own.clock, 1)
        # Who ends in order gives the role back at once.
        assert await other.keeper.store.lead(renewal.ROLE, "next", roles.TTL)


async def test_a_store_that_does_not_answer_keeps_one_connection_from_callers_for_all_roles(
    own: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: asyncio.Queue[str] = asyncio.Queue()
    answers = asyncio.Event()

    async def lead(role: str, _holder: str, _ttl: float) -> bool:
        asked.put_nowait(role)
        await answers.wait()
        return True

    monkeypatch.setattr(own.keeper.store, "lead", lead)
    names = ("renewal", "hooks", "copies")
    asking = [asyncio.create_task(roles.Role(own.keeper, name).is_ours()) for name in names]
    seen = [await asked.get()]
    await asyncio.sleep(0)
    assert asked.empty()
    answers.set()
    assert await asyncio.gather(*asking) == [True, True, True]
    seen += [asked.get_nowait(), asked.get_nowait()]
    assert sorted(seen) == sorted(names)


async def test_the_workers_that_run_are_known(own: Harness, tmp_path: Path) -> None:
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, own.clock, own.upstream.url, session) as other,
    ):
        assert await list_workers(own.keeper, renewal.ROLE) == ()
        async with running(own):
            await wait_for_calls(own.upstream, own.clock, 1)
            async with running(other) as follower:
                async with asyncio.timeout(30):
                    while len(found := await list_workers(own.keeper, renewal.ROLE)) < 2:
                        if own.clock._sleepers:
                            own.clock.advance(0.5)
                assert {(each.node, each.process) for each in found} == {(socket.gethostname(), os.getpid())}
                assert sorted(each.leads for each in found) == [False, True]
                began = own.clock.steady()
                async with asyncio.timeout(30):
                    while own.clock.steady() - began < 2 * presence.TTL:  # both say so again and again
                        assert len(await list_workers(own.keeper, renewal.ROLE)) == 2
                        if len(own.clock._sleepers) >= 2:
                            own.clock.advance(0.5)
                follower.cancel()
                await asyncio.gather(follower, return_exceptions=True)
            (left,) = await list_workers(own.keeper, renewal.ROLE)  # who ends in order takes its name back
            assert left.leads
        assert await list_workers(own.keeper, renewal.ROLE) == ()


async def test_nothing_ends_the_background(own: Harness, tmp_path: Path) -> None:
    """Purging fails each minute, in a way that no code of ours expects."""
    with contextlib.closing(apsw.Connection(str(tmp_path / "data" / "lingpai.db"))) as database:
        database.execute("ALTER TABLE exchanges RENAME TO gone")
    async with running(own) as background:
        await wait_for_calls(own.upstream, own.clock, 1)
        own.clock.advance(6800)
        await wait_for_calls(own.upstream, own.clock, 2)
        assert not background.done()


async def test_an_account_that_does_not_open_delays_no_other(own: Harness, tmp_path: Path) -> None:
    await own.keeper.store.save_account(
        Account(platform="wechat", account=SAMPLE_MINI.appid, secret=SAMPLE_MINI.secret)
    )
    with contextlib.closing(apsw.Connection(str(tmp_path / "data" / "lingpai.db"))) as database:
        database.execute("UPDATE accounts SET secret = zeroblob(60) WHERE account = ?", (SAMPLE_MINI.appid,))
    await renew_due(own.keeper)
    assert await own.upstream.calls(STABLE) == 1
    assert (await own.held()).current is not None


async def test_accounts_that_nobody_can_renew_do_not_hide_the_others(own: Harness) -> None:
    for number in range(3 * own.keeper.options.renewals_at_once):
        await own.keeper.store.save_account(
            Account(platform="elsewhere", account=f"app-{number:03}", secret=f"s{number}")
        )
    own.clock.advance(1)
    await own.add_app(secret="f" * 32)
    await own.add_app()  # due last
    await renew_due(own.keeper)
    assert await own.upstream.calls(STABLE) == 1


async def test_a_platform_that_hangs_delays_no_other(tmp_path: Path) -> None:
    async with staged(tmp_path, keeper={"renewals_at_once": 2}) as harness:
        await harness.upstream.fault(STABLE, "timeout", times=100)
        for number in range(FEWEST_DUE + 1):
            account = Account(platform="wechat", account=f"wx{number}", secret=f"s{number}")
            await harness.keeper.store.save_account(account)
        harness.clock.advance(1)
        await harness.add_corp()  # due last
        key, renewals = harness.agent_app().key(ACCESS_TOKEN), Renewals(harness.keeper)
        try:
            await renewals.look()
            async with asyncio.timeout(30):
                while not ((held := await harness.keeper.store.read_credential(key)) and held.current):
                    await harness.keeper.store.wait_change(0.1)
            assert await harness.upstream.calls(STABLE) <= 2
            assert renewals.begun == 2 + 2  # two that hang, and the corp's two secrets
        finally:
            renewals.pause()


async def test_slots_are_filled_as_they_become_free(own: Harness) -> None:
    for number in range(40):
        account = Account(platform="elsewhere", account=f"app-{number:02}", secret=f"s{number}")
        await own.keeper.store.save_account(account)
    renewals = Renewals(own.keeper)
    await renewals.look()
    await renewals.settle()
    begun = renewals.begun
    assert begun >= 40
    await renewals.look()  # nothing can renew them, so they are left alone for a while
    assert renewals.begun == begun
    own.clock.advance(UNTRIED_WAIT)
    await renewals.look()
    assert renewals.begun == begun + own.keeper.options.renewals_at_once
    renewals.pause()


async def test_the_originals_env_is_adopted_and_followed(
    own: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / ".env"
    store = own.keeper.store

    async def adopted(text: str) -> dict[str, str]:
        env.write_text(text)
        await adopt_legacy(store, legacy_accounts())
        return {each.account: each.secret for each in await store.list_accounts() if each.source == "env"}

    assert await adopted("THIRD_APPID_wx1=one\nTHIRD_APPID_wx2='two'\n") == {"wx1": "one", "wx2": "two"}
    # What is absent stays: another node need not have this .env.
    assert await adopted("THIRD_APPID_wx1=changed\nTHIRD_APPID_wx3=\n") == {"wx1": "changed", "wx2": "two"}
    monkeypatch.setenv("THIRD_APPID_wx4", "of the environment")
    every = {"wx1": "changed", "wx2": "two", "wx4": "of the environment"}
    assert await adopted("") == every
    monkeypatch.delenv("THIRD_APPID_wx4")
    # What an operator added stays theirs.
    assert await adopted(f"THIRD_APPID_{SAMPLE_APP.appid}=other\n") == every
    (mine,) = await store.find_accounts("wechat", SAMPLE_APP.appid)
    assert mine.secret == SAMPLE_APP.secret


async def test_another_secret_in_env_changes_nothing_else(own: Harness, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("THIRD_APPID_wx1=two\n")
    store = own.keeper.store
    kept = Account(
        platform="wechat", account="wx1", secret="one", mode="classic", domains=("a.example",), source="env"
    )
    await store.save_account(kept)
    await adopt_legacy(store, legacy_accounts())
    assert await store.find_accounts("wechat", "wx1") == (msgspec.structs.replace(kept, secret="two"),)


@pytest.mark.threat("G73")
async def test_a_store_that_takes_no_writes(own: Harness, tmp_path: Path) -> None:
    """What is held is served; what was fetched and cannot be stored makes no storm when the store comes back."""
    token = await own.token()
    query = {"appid": SAMPLE_MINI.appid, "secret": SAMPLE_MINI.secret}
    await own.upstream.fault(STABLE, "slow:0.3")
    fetching = asyncio.create_task(own.get(XCX, **query))
    while await own.upstream.calls(STABLE) < 2:
        assert not fetching.done()
    with contextlib.closing(apsw.Connection(str(tmp_path / "data" / "lingpai.db"))) as database:
        database.execute("BEGIN IMMEDIATE")
        for _ in range(5):
            assert await own.token() == token
        answer = await fetching
        assert answer.status_code == 503
        assert failure_of(answer)[0] == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert await own.upstream.calls() == 2
    own.clock.advance(own.keeper.options.lease)
    assert data_of(await own.get(XCX, **query))["access_token"]
    assert await own.upstream.calls(STABLE) == 3


async def test_the_audit_log_counts_who_was_served(own: Harness, log_lines: io.StringIO) -> None:
    key = await own.add_caller("shop")
    for _ in range(3):
        await own.get(XCX, bearer=key, **APP)
    await own.get("/AccessToken/clearXcx", bearer=key, **APP)
    own.keeper.audit.flush()
    log = log_lines.getvalue()
    assert '"count": 3' in log
    assert '"caller": "caller:shop"' in log
    assert '"action": "clear"' in log
    assert '"outcome": "cleared"' in log


@pytest.mark.threat("K89")
async def test_a_storm_of_reports_is_one_line_of_the_audit_log(own: Harness, log_lines: io.StringIO) -> None:
    token = await own.token()
    for _ in range(50):
        await own.post("/keeper/report", {"access_token": token})
    own.keeper.audit.flush()
    lines = [line for line in log_lines.getvalue().splitlines() if '"action": "report' in line]
    assert len(lines) == 2, lines
    assert '"outcome": "alive"' in lines[0]
    assert '"action": "report checked"' in lines[1]
    assert '"count": 49' in lines[1]
