"""`lingpai relay` and `lingpai environment`."""

import pytest

from tests.cli.conftest import Cli

APP = "wechat/wx5a3b1e0000000001"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OTHER = KEY[::-1]


def test_a_relay_from_its_first_to_its_last_day(cli: Cli) -> None:
    made = cli("relay", "set", APP, "--secrets-stdin", given=f"t0ken\n{KEY}\n").json
    assert made["messages_url"].endswith(f"/relay/{APP}/messages")
    assert (made["encrypted"], made["former_key"]) == (True, False)
    turned = cli("relay", "set", APP, "--secrets-stdin", given=f"t0ken\n{OTHER}\n").json
    assert turned["former_key"]
    (listed,) = cli("relay", "list").json
    assert listed == turned
    assert not any(secret in str(listed) for secret in ("t0ken", KEY, OTHER))
    assert cli("relay", "remove", APP).json["outcome"] == "removed"
    assert "lingpai relay list" in cli("relay", "remove", APP).stderr
    shown = str(cli("audit", "list").json)
    assert all(action in shown for action in ("relay.add", "relay.change", "relay.remove"))
    assert not any(secret in shown for secret in ("t0ken", KEY, OTHER))


def test_an_environment_from_its_first_to_its_last_day(cli: Cli) -> None:
    made = cli(
        *("environment", "set", "dev", "--app", APP, "--redirect-uri", "https://dev.example/back"),
        *("--url", "https://dev.example/m", "--type", "text", "--primary", "--senders", "10"),
    ).json
    assert (made["primary"], made["senders"], made["types"], made["waiting"]) == (True, 10, ["text"], 0)
    assert made["authorize_url"].endswith(f"/relay/{APP}/authorize")
    changed = cli("environment", "set", "dev", "--copies", "--secrets-stdin", given=f"own1\n{KEY}").json
    assert (changed["primary"], changed["senders"], changed["url"]) == (False, 10, "https://dev.example/m")
    assert (changed["signed_anew"], changed["encrypted_anew"]) == (True, True)
    again = cli("environment", "set", "dev", "--type", "").json
    assert (again["types"], again["encrypted_anew"]) == ([], True)
    assert cli("environment", "list").json == [again]
    assert cli("environment", "remove", "dev").json["outcome"] == "removed"
    assert "lingpai environment list" in cli("environment", "remove", "dev").stderr
    assert "own1" not in str(cli("audit", "list").json)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("environment", "set", "d v", "--app", APP, "--url", "https://a.example"), "is not a name"),
        (("environment", "set", "dev", "--url", "https://a.example"), "Name one account"),
        (("environment", "set", "dev", "--app", "*", "--url", "https://a.example"), "Name one account"),
        (
            ("environment", "set", "dev", "--app", "nowhere/x", "--url", "https://a.example"),
            "is not an account",
        ),
        (
            ("environment", "set", "dev", "--app", "feishu/cli_1", "--url", "https://a.example"),
            "wechat, wecom",
        ),
        (("environment", "set", "dev", "--app", APP), "needs an address"),
        (("environment", "set", "dev", "--app", APP, "--url", "ftp://a.example"), "http or https address"),
        (
            ("environment", "set", "dev", "--app", APP, "--redirect-uri", "https://u@a.example"),
            "http or https",
        ),
        (
            ("environment", "set", "dev", "--app", APP, "--redirect-uri", "https://a.example/#x"),
            "http or https",
        ),
        (
            ("environment", "set", "dev", "--app", APP, "--url", "https://a.example", "--type", "a b"),
            "not a type",
        ),
        (
            ("environment", "set", "dev", "--app", APP, "--url", "https://a.example", "--senders", "0"),
            "1 to 100",
        ),
        (("relay", "set", "wechat", "--secrets-stdin"), "Name one account"),
        (("relay", "set", APP), "No token was given"),
    ],
)
def test_mistakes_are_named(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    refused = cli(*arguments, given="t0ken")
    assert refused.code == 2
    assert said in " ".join(refused.stderr.replace("│", " ").split())


def test_the_doctor_says_who_is_not_reached(cli: Cli) -> None:
    cli.env["LINGPAI_KEEPER__HOOK_NETWORKS"] = '["127.0.0.0/8"]'
    cli("environment", "set", "dev", "--app", APP, "--url", "http://127.0.0.1:9/m")

    def found() -> str:
        found = [
            each for each in cli("doctor", "--offline").json["findings"] if each["check"] == "environment"
        ]
        return "; ".join(f"{each['subject']} {each['verdict']} {each['message']}" for each in found)

    assert found() == f"dev warn No messages of {APP} come here: it has no token."
    cli("relay", "set", APP, "--secrets-stdin", given="t0ken")
    assert found() == "dev ok Messages waiting: 0."


@pytest.mark.parametrize("typed", ["", "t0ken " + KEY[:-1], "t0 ken", "a b c", "t!ken"])
def test_other_secrets_are_refused(cli: Cli, typed: str) -> None:
    made = cli("relay", "set", APP, "--secrets-stdin", given="good1").json
    assert cli("relay", "set", APP, "--secrets-stdin", given=typed).code == 2
    assert cli("relay", "list").json == [made]
