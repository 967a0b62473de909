"""`lingpai status`: what is held, what is due and who renews, without asking a platform."""

import asyncio
import contextlib
import os
import re
import socket

import pytest

from lingpai.keeper import presence, renewal, roles
from lingpai.keeper.keeper import Keeper
from lingpai.sandbox import SAMPLE_APP
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from tests.cli.conftest import Cli, Sandbox
from tests.store.sample import OVERLAP, renew


def test_a_new_account_is_due_and_nobody_renews_it(cli: Cli) -> None:
    name = cli.add_sample()
    shown = cli("status").json
    assert (shown["accounts"], shown["healthy"], shown["workers"]) == (1, False, [])
    assert shown["due"] == [{"account": name, "kind": "access_token"}]
    assert [each["what"] for each in shown["problems"]] == [name]
    (token,) = shown["tokens"]
    assert (token["account"], token["platform"], token["live"]) == (name, "wechat", False)
    assert token["renewed_in"] <= 0
    assert "No worker renews tokens" in cli.terminal("status").stdout


def test_a_held_token_is_shown_with_its_remaining_lifetime_and_never_its_value(
    cli: Cli, sandbox: Sandbox
) -> None:
    name = cli.add_sample()
    value = cli("token", "get", name).json["value"]
    fetches = sandbox.fetches()
    answer = cli("status")
    shown = answer.json
    (token,) = [each for each in shown["tokens"] if each["kind"] == "access_token"]
    assert shown["healthy"]
    assert shown["due"] == []
    assert 7000 < token["remaining"] <= 7200
    assert 0 < token["renewed_in"] < token["remaining"]
    assert token["previous_remaining"] is None
    table = cli.terminal("status").stdout
    assert re.search(r"wechat +│ +" + SAMPLE_APP.appid + r" +│ +access_token +│ +1 h 5\d min", table)
    assert re.search(r"in 1 h [45]\d min", table)
    assert value not in answer.stdout + table
    assert sandbox.fetches() == fetches


def test_trouble_is_shown_with_its_remedy(cli: Cli, sandbox: Sandbox) -> None:
    cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given="f" * 32)
    cli("account", "check", SAMPLE_APP.appid)
    shown = cli("status").json
    assert not shown["healthy"]
    assert shown["tokens"][0]["trouble"]["breaker_open"]
    table = cli.terminal("status").stdout
    assert "breaker open" in table
    assert "lingpai account add" in table  # the remedy


def open_here(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> contextlib.AbstractAsyncContextManager[Keeper]:
    """The keeper that the command line works with, in this process."""
    for name, value in cli.env.items():
        monkeypatch.setenv(name, value)
    return open_keeper(load_settings(data=cli.data))


def test_the_token_before_is_shown_while_it_lives(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.add_sample()

    async def fetch_twice() -> None:
        async with open_here(cli, monkeypatch) as keeper:
            (account,) = await keeper.store.list_accounts()
            for value in ("one", "two"):
                await renew(keeper.store, keeper.clock, keeper.app_of(account).key("access_token"), value)

    asyncio.run(fetch_twice())
    (token,) = cli("status").json["tokens"]
    assert OVERLAP - 60 < token["previous_remaining"] <= OVERLAP
    assert re.search(
        r"│ +1 h 5\d min +│ +(4 min( \d+ s)?|5 min) +│ in 5\d min", cli.terminal("status").stdout
    )


def test_workers_are_shown_with_their_nodes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli.add_sample()

    async def run() -> None:
        async with open_here(cli, monkeypatch) as keeper:
            await presence.announce(keeper)
            assert await keeper.store.lead(renewal.ROLE, keeper.process, roles.TTL)

    asyncio.run(run())
    node = socket.gethostname()
    assert cli("status").json["workers"] == [{"node": node, "process": os.getpid(), "leads": True}]
    table = cli.terminal("status").stdout
    assert f"Workers: 1; nodes: {node}." in table
    assert f"Renewals are led by worker {node}:{os.getpid()}." in table


def test_without_accounts_it_says_what_to_do(cli: Cli) -> None:
    cli("caller", "add", "shop")
    assert cli("status").json["tokens"] == []
    shown = cli.terminal("status")
    assert (shown.code, "lingpai account add wechat APPID" in shown.stdout) == (0, True)


def test_status_needs_a_store(cli: Cli) -> None:
    refused = cli("status")
    assert (refused.code, "There is no store" in refused.stderr) == (1, True)


def test_status_speaks_chinese(cli: Cli) -> None:
    cli.add_sample()
    cli.env["LC_ALL"] = "zh_CN.UTF-8"
    shown = cli.terminal("status").stdout
    for text in ("平台账号：1 个", "没有工作进程负责续期", "下次续期", "立即"):
        assert text in shown
    assert "是否已熔断" in cli.terminal("status", "--help").stdout
