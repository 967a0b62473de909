"""`lingpai platform`, and a platform that an operator's file describes, from the file to the served routes."""

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingpai.core.clock import SystemClock
from lingpai.keeper.platforms.declared.loading import load
from lingpai.keeper.platforms.imitation import Imitations
from tests.cli.conftest import Cli
from tests.cli.served import serving
from tests.helpers.sandbox import running_sandbox

ACME = """\
title = "ACME open platform"
base_url = "https://api.acme.example"
[account]
word = "acme number"
[answer]
code = "status"
message = "text"
may_lack = false
[token]
path = "/auth/token"
fields = { id = "{account}", key = "{secret}" }
value = "token"
repeat = "kills_old"
[errors]
permanent = [101]
dead = [401]
[errors.remedies.101]
en = "Ask ACME about the address {address}."
zh = "请就 {address} 询问 ACME。"
[sandbox]
acme-1 = "sample-secret"
"""


@pytest.fixture
def acme(cli: Cli, tmp_path: Path) -> Iterator[Cli]:
    """The command line beside such a file, with the platform imitated."""
    folder = cli.home / "platforms"
    folder.mkdir()
    (folder / "acme.toml").write_text(ACME)
    others = Imitations((load(folder / "acme.toml"),), SystemClock(), 6000)
    with running_sandbox(others=others) as url:
        cli.env["LINGPAI_ACME__BASE_URL"] = url
        yield cli


def test_a_described_platform_from_the_file_to_the_routes(acme: Cli) -> None:
    added = acme.process("account", "add", "acme", "acme-1", "--secret-stdin", given="sample-secret")
    assert added.json["outcome"] == "added"
    held = acme.process("token", "get", "acme/acme-1").json
    assert 0 < held["expires_in"] <= 6000
    found = json.loads(acme.process("doctor").stdout)["findings"]
    assert {each["verdict"] for each in found if each["subject"].startswith("acme")} == {"ok"}
    with serving(acme) as url:
        body = urllib.parse.urlencode({"id": "acme-1", "key": "sample-secret"}).encode()
        with urllib.request.urlopen(f"{url}/auth/token", body, timeout=30) as answer:
            assert json.load(answer)["token"] == held["value"]
        with urllib.request.urlopen(f"{url}/openapi.json", timeout=30) as answer:
            assert "/auth/token" in json.load(answer)["paths"]
    wrong = acme.process("token", "get", "acme/acme-2")
    assert wrong.code != 0


def test_the_files_of_the_data_folder_count_as_well(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere" / "platforms"
    folder.mkdir(parents=True)
    (folder / "acme.toml").write_text(ACME)
    listed = cli.process("platform", "list", "--data", str(tmp_path / "elsewhere")).json
    assert [each["source"] for each in listed if each["name"] == "acme"] == ["description"]
    assert "acme" not in [each["name"] for each in cli.process("platform", "list").json]


def test_platforms_are_listed_and_shown(acme: Cli) -> None:
    listed = {each["name"]: each for each in acme.process("platform", "list").json}
    known = ["wechat", "wecom", "wechat_component", "wecom_suite", "yzb", "yilianyun"]
    assert list(listed)[:6] == known
    assert {"feishu", "dingtalk", "douyin", "douyin_mini", "qq_mini", "baidu", "acme"} <= set(listed)
    assert listed["wechat"]["source"] == "code"
    shown = acme.process("platform", "show", "acme").json
    assert shown["base_url"] == "https://api.acme.example"
    assert shown["values"]["access_token"]["repeat"] == "kills_old"
    assert shown["errors"] == {"101": "permanent", "401": "dead_token"}
    assert shown["drop_in"] == ["/auth/token"]
    assert shown["remedies"] == {"101": "Ask ACME about the address {address}."}
    unknown = acme.process("platform", "show", "acmee")
    assert unknown.code == 1
    assert "platform list" in unknown.stderr
    help_text = acme.process("account", "add", "--help").stdout
    assert "acme number" in " ".join(help_text.split())


def test_a_file_is_checked_by_itself(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(ACME)
    assert cli.process("platform", "check", str(file)).json["kinds"] == ["access_token"]
    file.write_text(ACME.replace("repeat =", "repaet ="))
    refused = cli.process("platform", "check", str(file))
    assert refused.code == 1
    assert f"{file}:13: token.repaet: is not known; is repeat meant?" in refused.stderr


def test_a_broken_file_ends_every_command_with_its_line(cli: Cli) -> None:
    (cli.home / "platforms").mkdir()
    (cli.home / "platforms" / "acme.toml").write_text(ACME.replace('"kills_old"', '"kills"'))
    for command in (("account", "list"), ("platform", "list"), ("doctor",)):
        refused = cli.process(*command)
        assert refused.code == 1
        assert "platforms/acme.toml:13: token.repeat" in refused.stderr
        assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("name", ["wechat", "feishu"])
def test_a_name_that_is_taken_is_refused(cli: Cli, name: str) -> None:
    (cli.home / "platforms").mkdir()
    (cli.home / "platforms" / f"{name}.toml").write_text(ACME)
    refused = cli.process("account", "list")
    assert refused.code == 1
    assert f"two platforms of the name {name}" in refused.stderr


def test_settings_of_a_described_platform_are_settings(acme: Cli) -> None:
    acme.env["LINGPAI_ACME__BASE_ULR"] = "http://127.0.0.1:1"
    assert "is acme.base_url meant?" in acme.process("account", "list").stderr
    del acme.env["LINGPAI_ACME__BASE_ULR"]
    acme.env["LINGPAI_ACME__BASE_URL"] = "http://127.0.0.1:1/auth"
    assert "must be what comes before /auth" in acme.process("account", "list").stderr
