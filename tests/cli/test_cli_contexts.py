"""Named servers: `lingpai context`, and the file that they are in."""

import json
import stat
from pathlib import Path

import pytest

from bench.ports import free_port
from tests.cli.conftest import Cli
from tests.cli.served import serving

KEY = "lpa_00000000_" + "a" * 43


@pytest.fixture
def file(cli: Cli, tmp_path: Path) -> Path:
    path = tmp_path / "config" / "contexts.json"
    cli.env["LINGPAI_CONTEXTS"] = str(path)
    return path


def add(cli: Cli, name: str, url: str, key: str = KEY) -> None:
    assert cli("context", "add", name, url, "--key-stdin", given=key + "\n").code == 0


def test_a_context_is_used_by_name_or_by_every_command(cli: Cli, file: Path) -> None:
    key = cli("admin", "add", "ann", "--role", "owner").json["key"]
    cli.env["LINGPAI_ADMIN__LISTEN"] = f"127.0.0.1:{free_port()}"
    add(cli, "live", f"http://{cli.env['LINGPAI_ADMIN__LISTEN']}", key)
    with serving(cli):
        assert cli("--context", "live", "caller", "add", "shop").json["caller"] == "shop"
        cli("context", "use", "live")
        cli("caller", "add", "till")
        assert [each["actor_kind"] for each in cli("audit", "list", "--action", "caller.add").json] == [
            "admin"
        ] * 2
        assert cli("caller", "list", "--data", str(cli.data)).json  # on this host, as it says
        assert cli("config", "show").code == 0  # of the host alone
        assert cli("context", "use").json == {"context": None}
        cli("caller", "add", "here")
        actors = {each["target"]: each["actor_kind"] for each in cli("audit", "list").json}
    assert (actors["till"], actors["here"]) == ("admin", "cli")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_contexts_are_listed_without_keys_and_removed(cli: Cli, file: Path) -> None:
    assert cli("context", "list").json == []
    add(cli, "b", "unix:/run/admin.sock")
    add(cli, "a", "https://a.example")
    cli("context", "use", "b")
    shown = cli("context", "list")
    assert shown.json == [
        {"context": "a", "server": "https://a.example", "in_use": False},
        {"context": "b", "server": "unix:/run/admin.sock", "in_use": True},
    ]
    assert KEY not in shown.stdout + shown.stderr
    assert cli("context", "remove", "b").json["outcome"] == "removed"
    assert json.loads(file.read_text())["use"] == ""
    assert cli("context", "remove", "b").code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("context", "use", "nobody"), 1, "no context nobody"),
        (("--context", "nobody", "caller", "list"), 1, "no context nobody"),
        (("--context", "a", "--server", "http://b", "caller", "list"), 2, "--context"),
        (("--context", "a", "serve"), 1, "works on its own host alone"),
        (("--context", "a", "caller", "list", "--data", "d"), 2, "--data"),
        (("context", "add", "a b", "http://a", "--key-stdin"), 2, "not a name"),
        (("context", "add", "c", "ftp://a", "--key-stdin"), 2, "begins with http"),
        (("context", "add", "c", "http://a"), 2, "--secret-stdin"),
    ],
)
def test_what_cannot_be_is_refused(
    cli: Cli, file: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    add(cli, "a", "http://127.0.0.1:1")
    before = file.read_bytes()
    refused = cli(*arguments, given=KEY if "--key-stdin" in arguments else None)
    assert (refused.code, said in refused.stderr) == (code, True), refused.stderr
    assert file.read_bytes() == before
    assert cli("context", "add", "c", "http://a", "--key-stdin", given="lpk_" + "a" * 43).code == 2


def test_a_file_that_others_can_read_is_refused(cli: Cli, file: Path) -> None:
    add(cli, "a", "http://127.0.0.1:1")
    file.chmod(0o644)
    assert "chmod 600" in cli("context", "list").stderr
    file.chmod(0o600)
    for content in (
        "[]",
        '{"use":"a","contexts":{"a":{}}}',
        '{"use":"a","contexts":{"a":{"server":"http://a"}}}',
    ):
        file.write_text(content)
        refused = cli("caller", "list")
        assert (refused.code, "cannot be understood" in refused.stderr) == (1, True), refused.stderr


@pytest.mark.parametrize(
    ("language", "said"),
    [("en_US.UTF-8", "sent unencrypted to a.test"), ("zh_CN.UTF-8", "不加密地发送到 a.test")],
)
def test_a_key_is_not_sent_in_the_clear_without_a_word(
    cli: Cli, file: Path, language: str, said: str
) -> None:
    cli.env["LC_ALL"] = language
    for url in (
        "http://127.0.0.1:1",
        "http://localhost:1",
        "http://[::1]:1",
        "https://a.test",
        "unix:/run/a",
    ):
        assert not cli("context", "add", "a", url, "--key-stdin", given=KEY + "\n").stderr
    assert said in cli("context", "add", "a", "http://a.test", "--key-stdin", given=KEY + "\n").stderr
    key = file.with_name("key")
    key.write_text(KEY)
    cli.env["LINGPAI_ADMIN_KEY_FILE"] = str(key)
    assert said in cli("--server", "http://a.test", "caller", "list").stderr
    assert said in cli("--context", "a", "caller", "list").stderr
