"""Help on narrow terminals in both languages, and the commands that look at settings, one account, one user."""

import os
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic_core import PydanticKnownError
from typer.main import get_command
from typer.testing import CliRunner

from lingpai.cli.helping import PLACEHOLDERS
from lingpai.cli.output import table
from lingpai.cli.tree import app
from lingpai.messages.spans import local
from lingpai.messages.translating import catalogue, tr_reason
from lingpai.sandbox import SAMPLE_APP
from tests.cli.conftest import COMMAND, Cli, Sandbox

GROUPS = [
    "",
    "account",
    "caller",
    "token",
    "app",
    "user",
    "realm",
    "machine",
    "grant",
    "key",
    "store",
    "config",
]
SINGLE = ["dev", "serve", "sandbox", "apply", "doctor", "status", "migrate", "backup", "restore"]


@pytest.mark.parametrize("locale", ["C.UTF-8", "zh_CN.UTF-8"])
@pytest.mark.parametrize("width", ["80", "60"])
def test_no_help_is_cut_off(locale: str, width: str) -> None:
    for name in (*GROUPS, *SINGLE):
        shown = (
            CliRunner().invoke(app, [*name.split(), "-h"], env={"LC_ALL": locale, "COLUMNS": width}).stdout
        )
        assert shown
        assert not re.search(r"…\s*│", shown), shown


def test_short_and_long_help_are_the_same(cli: Cli) -> None:
    for words in ((), ("token",), ("account", "add")):
        assert cli(*words, "-h").stdout == cli(*words, "--help").stdout != ""


def test_dates_in_tables_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    rows = [("a name that is rather long " * 3, "words and words " * 4, local(1_800_000_000.0))]
    Console(width=60).print(table("Callers", ("Name", "Rights", "Added"), rows))
    assert local(1_800_000_000.0) in capsys.readouterr().out


def test_settings_are_shown_with_where_they_were_set(cli: Cli) -> None:
    (cli.home / "lingpai.toml").write_text("# a\nworkers = 3\n[keeper]\npatience = 4.0\n")
    (cli.home / ".env").write_text("LINGPAI_DRAIN=7\n")
    secret = {
        "LINGPAI_REDIS__URL": "redis://:hunter2@127.0.0.1/0",
        "LINGPAI_STORE": "postgresql://u:hunter2@db/x",
    }
    answer = cli("config", "show", env=secret)
    found = {each["setting"]: (each["value"], each["source"]) for each in answer.json}
    assert found["workers"] == (3, "lingpai.toml, line 2")
    assert found["keeper.patience"] == (4.0, "lingpai.toml, line 4")
    assert found["keeper.lease"][1] == "default"  # its group is in the file, it is not
    assert found["redis.url"][0] == "redis://***@127.0.0.1/0"
    assert found["drain"] == (7.0, "LINGPAI_DRAIN (.env)")
    assert found["port"] == (8000, "default")
    assert found["store"] == ("postgresql://***@db/x", "LINGPAI_STORE (environment)")
    assert "hunter2" not in answer.stdout
    assert cli("config", "show", "--data", "elsewhere").json
    assert found["data"][1] == "LINGPAI_DATA (environment)"
    assert "lingpai.toml" in cli.terminal("config", "show").stdout


def test_one_account_is_checked(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    assert cli("account", "check", name).json["verdict"] == "ok"
    cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given="f" * 32)
    wrong = cli("account", "check", name)
    assert wrong.code == 1
    assert "account add" in wrong.stdout
    assert cli("account", "check", "nobody").code == 1


def test_one_user_is_shown(cli: Cli) -> None:
    cli("user", "add", "alice", "--realm", "mall", "--password-stdin", given="correct horse battery")
    shown = cli("user", "show", "alice").json
    assert (shown["login"], shown["realm"], shown["disabled"]) == ("alice", "mall", False)
    assert not [name for name in shown if "password" in name]
    missing = cli("user", "show", "bob")
    assert (missing.code, "user list" in missing.stderr) == (1, True)


def test_help_on_a_terminal_of_80_columns_is_whole(cli: Cli) -> None:
    done = subprocess.run(
        [*COMMAND, "--help"], capture_output=True, text=True, timeout=60, check=True,
        env={**cli.environment(), "LC_ALL": "zh_CN.UTF-8", "COLUMNS": "80", "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert "…" not in done.stdout


def every_command() -> Iterator[tuple[str, Any]]:
    unread: list[tuple[str, Any]] = [("", get_command(app))]
    while unread:
        path, command = unread.pop()
        yield path, command
        unread += [
            (f"{path} {name}".strip(), each) for name, each in getattr(command, "commands", {}).items()
        ]


def test_every_option_has_a_word_for_what_it_takes() -> None:
    for path, command in every_command():
        for parameter in command.params:
            takes_value = parameter.param_type_name == "option" and not parameter.is_flag
            assert not takes_value or parameter.name in PLACEHOLDERS or "completion" in parameter.name, path
    used = {parameter.name for _, command in every_command() for parameter in command.params}
    assert set(PLACEHOLDERS) <= used


@pytest.mark.parametrize("locale", ["C.UTF-8", "zh_CN.UTF-8"])
def test_no_help_names_a_type_of_python(locale: str) -> None:
    for path, _ in every_command():
        shown = (
            CliRunner().invoke(app, [*path.split(), "-h"], env={"LC_ALL": locale, "COLUMNS": "100"}).stdout
        )
        assert not re.search(r"<(str|int|float|bool|path|list\[|.* range)", shown), shown
        assert ("Usage: " in shown) is (locale == "C.UTF-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("lst",), "没有命令 'lst'。用法见 `lingpai --help`。"),
        (("acount", "list"), "是否想用"),
        (("account", "show"), "缺少参数 'name'。"),
        (("account", "list", "--dta"), "没有选项 --dta（相近的选项：--data）。"),
        (("account", "list", "--data"), "选项 '--data' 需要一个值。"),
        (("account", "list", "--json=1"), "选项 '--json' 不接受值。"),
        (("account", "list", "more"), "多余的参数：more。"),
        (("serve", "--port", "x"), "'--port' 的值无效：应为整数。"),
        (("grant", "list", "--limit", "0"), "'--limit' 的值无效：应不小于 1。"),
        (("user", "add", "a", "--sex", "9"), "'--sex' 的值无效："),
    ],
)
def test_wrong_usage_is_explained_in_chinese(cli: Cli, words: tuple[str, ...], said: str) -> None:
    answer = cli(*words, env={"LC_ALL": "zh_CN.UTF-8"})
    assert answer.code == 2
    assert said in answer.stderr
    assert not re.search(r"Input|Invalid|Missing|such|Got|requires", answer.stderr), answer.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "70000", "port：应不大于 65535"),
        ("PORT", "x", "port：应为整数"),
        ("WORKERS", "0", "workers：应不小于 1"),
        ("LOG_FORMAT", "xml", "log_format：应为 'auto', 'json' or 'console'"),
        ("KEEPER__PATIENCE", "inf", "keeper.patience：应为有限的数"),
        ("EDGE__LEAN", "maybe", "edge.lean：应为 true 或 false"),
        ("PUBLIC_URL", "https://a:b@c", "public_url：不能含用户名和密码"),
        ("PUBLIC_URL", "https://a/b", "public_url：不能含路径（/b）"),
        ("REDIS__URL", "http://a", "redis.url：应为 redis://"),
        ("STORE", "mysql://a", "store：应为 postgresql:// 地址或文件路径"),
    ],
)
def test_wrong_settings_are_explained_in_chinese(cli: Cli, name: str, value: str, said: str) -> None:
    answer = cli("account", "list", env={"LC_ALL": "zh_CN.UTF-8", f"LINGPAI_{name}": value})
    assert answer.code == 1
    assert f"LINGPAI_{name}（环境变量）：{said}" in answer.stderr


@pytest.mark.parametrize(
    ("kind", "context"),
    [
        *(
            (kind, None)
            for kind in ("missing", "extra_forbidden", "int_type", "int_parsing", "int_from_float")
        ),
        *(
            (kind, None)
            for kind in ("float_type", "float_parsing", "finite_number", "bool_type", "bool_parsing")
        ),
        *(
            (kind, None)
            for kind in ("string_type", "list_type", "tuple_type", "dict_type", "int_parsing_size")
        ),
        ("model_type", {"class_name": "KeeperSettings"}),
        ("literal_error", {"expected": "'a' or 'b'"}),
        ("greater_than", {"gt": 1}),
        ("greater_than_equal", {"ge": 1}),
        ("less_than", {"lt": 1}),
        ("less_than_equal", {"le": 1}),
        ("string_pattern_mismatch", {"pattern": "a+"}),
        ("string_too_short", {"min_length": 1}),
        ("string_too_short", {"min_length": 2}),
        ("string_too_long", {"max_length": 1}),
        ("string_too_long", {"max_length": 2}),
    ],
)
def test_what_pydantic_says_is_known_in_chinese(
    monkeypatch: pytest.MonkeyPatch, kind: Any, context: dict[str, Any] | None
) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    text = PydanticKnownError(kind, context).message()
    assert tr_reason(text) != text
    assert not re.search("Input|should", tr_reason(text))


def test_counts_read_well_for_one_and_many(cli: Cli) -> None:
    cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given=SAMPLE_APP.secret)
    assert not [
        text for text in catalogue() if re.search(r"\{(count|rows|users)\} (?!unchanged|random)\w+s\b", text)
    ]
    assert "Keys: 1; key 1 is active." in cli("doctor", "--offline").stdout
