import json
import os
from typing import Any

import pytest

from lingpai.core.records import Caller
from lingpai.keeper.keeper import Keeper
from lingpai.messages.problems import Problem
from lingpai.operating.sections import SECTIONS, callers
from tests.cli.conftest import Answer, Cli

SECRET = "5e" * 16
OTHER = "07" * 16
KEY = "lpk_" + "k" * 43

DECLARED = f"""
[[accounts]]
platform = "wechat"
account = "wx1"
secret = "env:WX_SECRET"
mode = "classic"
domains = ["www.example.com"]

[[accounts]]
platform = "wecom"
account = "ww1"
label = "crm"
secret = "file:secrets/crm"

[[callers]]
name = "shop"
environment = "production"
apps = ["wechat/wx1"]
rights = ["token"]
networks = ["10.0.0.0/8"]
key = "{KEY}"

[[callers]]
name = "batch"
"""


@pytest.fixture
def secrets(cli: Cli) -> dict[str, str]:
    (cli.home / "secrets").mkdir()
    (cli.home / "secrets" / "crm").write_text(OTHER + "\n")
    return {"WX_SECRET": SECRET}


def apply(
    cli: Cli, content: str | dict[str, Any], *options: str, env: dict[str, str] | None = None
) -> Answer:
    file = cli.home / ("declared.toml" if isinstance(content, str) else "declared.json")
    file.touch(mode=0o600)
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return cli("apply", str(file), *options, env=env)


def changed(answer: Answer) -> list[tuple[str, str, str, list[str]]]:
    return [
        (each["section"], each["action"], each["name"], each["fields"])
        for each in answer.json["changes"]
        if each["action"] != "keep"
    ]


def account(name: str, secret: str = SECRET, **more: Any) -> dict[str, Any]:
    return {"platform": "wechat", "account": name, "secret": secret, **more}


def test_a_file_is_applied_once_and_then_changes_nothing(cli: Cli, secrets: dict[str, str]) -> None:
    first = apply(cli, DECLARED, env=secrets)
    assert changed(first) == [
        ("accounts", "add", "wechat/wx1", []),
        ("accounts", "add", "wecom/ww1/crm", []),
        ("callers", "add", "shop", []),
        ("callers", "add", "batch", []),
    ]
    assert list(first.json["keys"]) == ["batch"]  # the other one is known already
    assert first.json["keys"]["batch"].startswith("lpk_")
    for text in (SECRET, OTHER, KEY):
        assert text not in first.stdout + first.stderr
    again = apply(cli, DECLARED, env=secrets)
    assert changed(again) == []
    assert again.json["keys"] == {}
    (wecom, wechat) = sorted(cli("account", "list").json, key=lambda each: str(each["label"]), reverse=True)
    assert (wechat["mode"], wechat["domains"], wechat["source"]) == ("classic", ["www.example.com"], "apply")
    assert wecom["label"] == "crm"


def test_what_differs_is_changed_and_named_without_its_value(cli: Cli, secrets: dict[str, str]) -> None:
    apply(cli, DECLARED, env=secrets)
    answer = apply(
        cli,
        DECLARED.replace('mode = "classic"', "").replace('rights = ["token"]', 'rights = ["token", "sign"]'),
        env={"WX_SECRET": "9a" * 16},
    )
    assert changed(answer) == [
        ("accounts", "change", "wechat/wx1", ["secret", "mode"]),
        ("callers", "change", "shop", ["rights"]),
    ]
    assert "9a9a" not in answer.stdout
    shop = next(each for each in cli("caller", "list").json if each["caller"] == "shop")
    assert shop["rights"] == ["token", "sign"]
    assert shop["apps"] == ["wechat/wx1"]
    assert changed(apply(cli, DECLARED, env=secrets)) != []


def test_a_dry_run_changes_nothing_and_shows_no_key(cli: Cli, secrets: dict[str, str]) -> None:
    cli("caller", "add", "first")
    answer = apply(cli, DECLARED, "--dry-run", env=secrets)
    assert len(changed(answer)) == 4
    assert answer.json["dry_run"]
    assert answer.json["keys"] == {}
    assert cli("account", "list").json == []
    assert [each["caller"] for each in cli("caller", "list").json] == ["first"]


def test_json_is_understood_as_well(cli: Cli) -> None:
    answer = apply(cli, {"accounts": [account("wx1")], "callers": [{"name": "a"}]})
    assert [each[1:3] for each in changed(answer)] == [("add", "wechat/wx1"), ("add", "a")]


def test_prune_removes_what_the_named_sections_do_not_name(cli: Cli) -> None:
    apply(cli, {"accounts": [account("wx1"), account("wx2")], "callers": [{"name": "a"}]})
    cli("account", "add", "wechat", "wx3", "--secret", SECRET)
    kept = apply(cli, {"accounts": [account("wx1")]})
    assert changed(kept) == []
    answer = apply(cli, {"accounts": [account("wx1")]}, "--prune")
    assert changed(answer) == [
        ("accounts", "remove", "wechat/wx2", []),
        ("accounts", "remove", "wechat/wx3", []),
    ]
    assert [each["account"] for each in cli("account", "list").json] == ["wechat/wx1"]
    assert cli("caller", "list").json[0]["revoked_at"] is None  # the file had no callers section
    apply(cli, {"callers": []}, "--prune")
    assert cli("caller", "list").json[0]["revoked_at"] is not None
    assert changed(apply(cli, {"callers": []}, "--prune")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[accounts]\n", "cannot be understood"),
        ("[[wizards]]\n", "unknown sections wizards"),
        ("accounts = " + "[" * 5000, "cannot be understood"),
        ({"accounts": [{"platform": "wechat", "account": "wx1"}]}, "secret"),
        ({"accounts": [account("wx1", colour="red")]}, "colour"),
        ({"accounts": account("wx1")}, "accounts"),
        ({"accounts": [account("wx1"), account("wx1")]}, "twice"),
        ({"accounts": [account("wx1", "env:MISSING_VARIABLE")]}, "MISSING_VARIABLE"),
        ({"accounts": [account("wx1", "file:missing")]}, "missing"),
        ({"accounts": [account("wx1", "")]}, "empty"),
        ({"accounts": [account("wx1", label="x")]}, "label"),
        ({"callers": [{"name": "a"}, {"name": "a"}]}, "twice"),
        ({"callers": [{"name": "a", "rights": ["all"]}]}, "known rights"),
        ({"callers": [{"name": "a", "key": "lpk_short"}]}, "random characters"),
        ({"callers": [{"name": "a", "key": KEY}, {"name": "b", "apps": ["x"]}]}, "not an account"),
        (
            {"callers": [{"name": "a", "key": KEY}, {"name": "b", "key": KEY}]},
            "b: Another caller in the file",
        ),
    ],
)
def test_nothing_is_changed_when_anything_is_wrong(
    cli: Cli, content: str | dict[str, Any], said: str
) -> None:
    if isinstance(content, dict):
        content = {"accounts": [account("wx9")], **content} if "callers" in content else content
    refused = apply(cli, content)
    assert refused.code == 1
    assert said in refused.stderr
    assert SECRET not in refused.stderr
    cli("caller", "add", "probe")  # makes the store, where the file did not get so far
    assert cli("account", "list").json == []
    assert [each["caller"] for each in cli("caller", "list").json] == ["probe"]


@pytest.mark.parametrize("reference", ["file:latin", "env:LATIN_SECRET"])
def test_a_secret_that_is_no_text_is_named_by_where_it_is(cli: Cli, reference: str) -> None:
    (cli.home / "latin").write_bytes(b"caf\xe9")
    refused = apply(
        cli, {"accounts": [account("wx1", reference)]}, env={"LATIN_SECRET": os.fsdecode(b"caf\xe9")}
    )
    assert refused.code == 1
    assert f"{reference.partition(':')[2]} is not UTF-8 text" in refused.stderr


def test_every_problem_is_reported_at_once(cli: Cli) -> None:
    refused = apply(cli, {"accounts": [account("wx1", label="x"), account("wx2", mode="fast")]})
    assert "label" in refused.stderr
    assert "fast" in refused.stderr


@pytest.mark.parametrize("failure", [Problem("overtaken"), KeyboardInterrupt()])
def test_keys_that_were_made_are_shown_although_the_rest_failed(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    add = callers._add

    async def fail_for_one(keeper: Keeper, caller: Caller, key: str) -> None:
        if caller.name == "fails":
            raise failure
        await add(keeper, caller, key)

    monkeypatch.setattr(callers, "_add", fail_for_one)
    names = ["first", "fails", "last"]
    answer = apply(cli, {"accounts": [account("wx1")], "callers": [{"name": name} for name in names]})
    assert answer.code != 0
    reply = json.loads(answer.stdout)
    stored = {each["caller"] for each in cli("caller", "list").json}
    assert "first" in stored
    assert stored <= reply["keys"].keys()  # whom somebody interrupts may be there or not
    assert ("fails" in reply["keys"]) == isinstance(failure, KeyboardInterrupt)
    assert reply["changes"][0]["name"] == "wechat/wx1"


def test_a_key_belongs_to_its_caller_for_good(cli: Cli) -> None:
    apply(cli, {"callers": [{"name": "a", "key": KEY}]})
    other = apply(cli, {"callers": [{"name": "a", "key": KEY[:-1] + "x"}]})
    assert other.code == 1
    assert "another key" in other.stderr
    taken = apply(cli, {"callers": [{"name": "b", "key": KEY}]})
    assert taken.code == 1
    assert "another caller" in taken.stderr
    cli("caller", "revoke", "a")
    revoked = apply(cli, {"callers": [{"name": "a", "key": KEY}]})
    assert revoked.code == 1
    assert "revoked" in revoked.stderr


def test_readable_files_with_secrets_are_noted(cli: Cli, secrets: dict[str, str]) -> None:
    file = cli.home / "open.json"
    file.write_text(json.dumps({"accounts": [account("wx1")]}))
    file.chmod(0o644)
    assert "chmod 600" in cli("apply", str(file)).stderr
    file.write_text(json.dumps({"accounts": [account("wx1", "env:WX_SECRET")]}))
    assert cli("apply", str(file), env=secrets).stderr == ""


def test_a_missing_file_is_one_line(cli: Cli) -> None:
    refused = cli("apply", str(cli.home / "missing.toml"))
    assert refused.code == 1
    assert "missing.toml" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_sections_are_a_table_with_unique_names() -> None:
    names = [section.name for section in SECTIONS]
    assert len(names) == len(set(names))
    assert {"accounts", "callers"} <= set(names)


def test_a_rehearsal_needs_no_store_and_leaves_none(cli: Cli) -> None:
    file = cli.home / "declared.toml"
    file.write_text('[[callers]]\nname = "shop"\n')
    rehearsed = cli("apply", str(file), "--dry-run").json
    assert [each["action"] for each in rehearsed["changes"]] == ["add"]
    assert not (cli.data / "lingpai.db").exists()
    assert not (cli.data / "keyring.json").exists()
