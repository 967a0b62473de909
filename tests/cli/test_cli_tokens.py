import asyncio
from pathlib import Path

from lingpai.sandbox import SAMPLE_APP
from lingpai.service import open_keeper
from lingpai.settings import load_settings
from tests.cli.conftest import Cli, Sandbox


def test_get_fetches_once_and_then_gives_what_is_held(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    first = cli("token", "get", name).json
    second = cli("token", "get", SAMPLE_APP.appid).json
    assert first["value"] == second["value"]
    assert sandbox.control("GET", f"valid?access_token={first['value']}")["valid"]
    assert 7190 <= first["expires_in"] <= 7200
    assert sandbox.fetches() == 1
    assert cli("token", "get", name, "--value").stdout == first["value"] + "\n"


def test_tickets_are_held_too(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    ticket = cli("token", "get", name, "--kind", "jsapi_ticket").json["value"]
    assert sandbox.control("GET", f"valid?ticket={ticket}")["valid"]
    refused = cli("token", "get", name, "--kind", "corp_ticket")
    assert refused.code == 2
    assert "jsapi_ticket" in refused.stderr


def test_list_shows_ages_and_budgets_but_no_value(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    empty = cli("token", "list").json
    assert [(each["account"], each["version"], each["live"]) for each in empty["tokens"]] == [
        (name, 0, False)
    ]
    value = cli("token", "get", name).json["value"]
    shown = cli("token", "list")
    (token,) = shown.json["tokens"]
    assert token["version"] == 1
    assert token["live"]
    assert 0 <= token["age"] < 60
    assert 7100 < token["remaining"] <= 7200
    assert token["trouble"] is None
    assert {"account": name, "budget": "stable", "used": 1, "limit": 100_000, "period": 86_400} in shown.json[
        "budgets"
    ]
    assert value not in shown.stdout


def test_a_refusal_says_what_to_do_and_unblock_closes_the_breaker(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    sandbox.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_allow": ["10.9.9.9"]})
    refused = cli("token", "get", name)
    assert refused.code == 1
    assert "40164" in refused.stderr
    assert "Add it to the app's IP allow list" in refused.stderr
    assert "127.0.0.1" in refused.stderr
    (token,) = cli("token", "list").json["tokens"]
    assert token["trouble"]["breaker_open"]
    assert token["trouble"]["code"] == 40164
    assert "127.0.0.1" in token["trouble"]["remedy"]

    sandbox.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "ip_allow": []})
    fetches = sandbox.fetches()
    assert cli("token", "get", name).code == 1  # the breaker is open still
    assert sandbox.fetches() == fetches
    assert cli("token", "unblock", name).json["unblocked"] == ["access_token"]
    assert cli("token", "get", name).code == 0
    assert cli("token", "unblock", name).json["unblocked"] == []


def test_clear_fetches_anew_at_the_next_request_and_then_cools_down(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    assert cli("token", "clear", name).json["outcome"] == "empty"
    cli("token", "get", name)
    assert cli("token", "clear", name).json["outcome"] == "cleared"
    assert cli("token", "list").json["tokens"][0]["suspect"]
    assert cli("token", "clear", name).json["outcome"] == "cooling"
    cli("token", "get", name)
    assert sandbox.fetches() == 2


def test_a_dead_token_is_renewed_when_it_is_reported(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    dead = cli("token", "get", name, "--value").stdout
    sandbox.control("POST", "kill", {"access_token": dead.strip()})
    assert cli("token", "report", given=dead).json == {"outcome": "renewed"}
    renewed = cli("token", "get", name, "--value").stdout
    assert renewed != dead
    assert sandbox.control("GET", f"valid?access_token={renewed.strip()}")["valid"]
    assert cli("token", "report", dead.strip()).json == {"outcome": "old"}


def test_a_living_token_is_not_renewed(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    token = cli("token", "get", name, "--value").stdout.strip()
    assert cli("token", "report", token).json == {"outcome": "alive"}
    assert sandbox.fetches() == 1


def test_a_foreign_token_cannot_be_reported(cli: Cli, sandbox: Sandbox) -> None:
    cli.add_sample()
    refused = cli("token", "report", "not-one-of-ours")
    assert refused.code == 1
    assert '"unknown"' in refused.stdout
    assert cli("token", "report", given="\n").code == 2


def test_an_unreachable_platform_is_one_line_with_advice(cli: Cli) -> None:
    name = cli.add_sample()
    refused = cli("token", "get", name)
    assert refused.code == 1
    assert refused.stdout == ""
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "base_url" in refused.stderr


async def test_commands_work_beside_a_running_keeper_by_its_leases(
    cli: Cli, sandbox: Sandbox, tmp_path: Path
) -> None:
    from lingpai.keeper.generations import current_of

    settings = load_settings(data=tmp_path / "data", wechat={"base_url": sandbox.url})
    async with open_keeper(settings) as keeper:
        added = await asyncio.to_thread(
            cli.process,
            "account",
            "add",
            "wechat",
            SAMPLE_APP.appid,
            "--secret-stdin",
            given=SAMPLE_APP.secret,
        )
        assert added.code == 0, added.stderr
        (account,) = await keeper.store.find_accounts("wechat", SAMPLE_APP.appid)
        app = keeper.app_of(account)
        theirs, ours = await asyncio.gather(
            asyncio.to_thread(cli.process, "token", "get", account.name),
            keeper.credentials.get_or_fetch(app, "access_token"),
        )
        assert theirs.json["value"] == current_of(ours).value
        assert sandbox.fetches() == 1
        rotated = await asyncio.to_thread(cli.process, "key", "rotate")
        assert rotated.json["resealed"] == 2
        again = await keeper.credentials.get_or_fetch(app, "access_token")
        assert current_of(again).value == theirs.json["value"]
