import json
import os
import re
import socket
import subprocess
import sys

import pytest

import lingpai
from lingpai.core.keyring import KeyRing
from lingpai.sandbox import SAMPLE_AGENT, SAMPLE_APP
from tests.cli.conftest import COMMAND, Answer, Cli, Sandbox

COLOUR = "\x1b["


def test_a_pipe_gets_one_json_document_and_a_terminal_a_table(cli: Cli) -> None:
    name = cli.add_sample()
    piped = cli.process("account", "list")
    assert [each["account"] for each in piped.json] == [name]
    assert COLOUR not in piped.stdout
    shown = cli.terminal("account", "list")
    assert shown.code == 0
    assert name in shown.stdout
    assert "┃" in shown.stdout
    assert COLOUR in shown.stdout
    forced = cli.terminal("account", "list", "--json")
    assert json.loads(forced.stdout) == piped.json


def test_a_terminal_speaks_chinese(cli: Cli) -> None:
    cli.add_sample()
    cli.env["LANG"] = "zh_CN.UTF-8"
    assert "尚未获取" in cli.terminal("token", "list").stdout


def test_a_token_is_shown_on_a_terminal_only_when_asked_for(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    value = cli.process("token", "get", name, "--value").stdout.strip()
    assert len(value) > 20
    hidden = cli.terminal("token", "get", name)
    assert hidden.code == 0
    assert value not in hidden.stdout
    assert "--show" in hidden.stdout
    assert value not in cli.terminal("token", "get", name, "--json").stdout
    assert cli.terminal("token", "get", name, "--value").code == 2
    assert value in cli.terminal("token", "get", name, "--show").stdout


def test_a_secret_is_asked_for_without_an_echo(cli: Cli) -> None:
    added = cli.terminal("account", "add", "wechat", SAMPLE_APP.appid, typed=f"{SAMPLE_APP.secret}\n")
    assert added.code == 0
    assert SAMPLE_APP.secret not in added.stdout
    assert "Added" in added.stdout
    piped = cli("account", "show", SAMPLE_APP.appid).json["secret_fingerprint"]
    again = cli("account", "add", "wechat", SAMPLE_APP.appid, "--secret-stdin", given=SAMPLE_APP.secret)
    assert again.json["secret_fingerprint"] == piped


@pytest.mark.parametrize(("typed", "code", "left"), [("n\n", 1, 1), ("y\n", 0, 0), ("\x03", 130, 1)])
def test_removing_asks_on_a_terminal(cli: Cli, typed: str, code: int, left: int) -> None:
    name = cli.add_sample()
    answer = cli.terminal("account", "remove", name, typed=typed)
    assert "Traceback" not in answer.stdout
    assert answer.code == code, answer.stdout
    assert len(cli("account", "list").json) == left


def test_a_new_key_is_alone_on_its_line(cli: Cli) -> None:
    shown = cli.terminal("caller", "add", "shop").stdout
    (key,) = re.findall(r"^(lpk_[\w-]{43})\r?$", shown, re.MULTILINE)
    assert key not in cli.terminal("caller", "list").stdout


def test_every_table_can_be_drawn(cli: Cli, sandbox: Sandbox) -> None:
    name = cli.add_sample()
    (cli.home / "f.toml").write_text('[[callers]]\nname = "a"\n')
    for arguments, said in (
        (("apply", "f.toml", "--dry-run"), "would be added"),
        (("apply", "f.toml"), "lpk_"),
        (("apply", "f.toml"), "1 unchanged"),
        (("caller", "list"), "exchange"),
        (("token", "get", name), "1 h 59 min"),
        (("token", "list"), "stable"),
        (("account", "show", name), "Fingerprint"),
        (("key", "rotate", "--yes"), "encrypted again: 2"),
        (("key", "reseal"), "encrypted again: 0"),
        (("key", "list"), "decrypts only"),
        (("key", "retire", "1"), "removed"),
        (("token", "clear", name), "fetches a new token"),
        (("token", "unblock", name), "No circuit breaker was open"),
        (("token", "report", "unheard-of"), "not issued through this service"),
        (("migrate",), "up to date"),
        (("doctor",), "Everything works"),
        (("caller", "revoke", "a"), "Revoked"),
        (("account", "remove", name, "--yes"), "Removed"),
    ):
        answer = cli.terminal(*arguments)
        assert said in answer.stdout, (arguments, answer.stdout)
        assert "Traceback" not in answer.stdout


def test_the_version_is_printed(cli: Cli) -> None:
    assert cli.process("--version").stdout == f"lingpai {lingpai.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("accuont", "list"), "Did you mean 'account'?"),
        (("account", "add"), "PLATFORM"),
        (("account", "list", "--colour"), "--colour"),
        (("key", "retire", "first"), "lingpai key retire --help"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(cli: Cli, arguments: tuple[str, ...], said: str) -> None:
    answer = cli.process(*arguments)
    assert answer.code == 2
    assert answer.stdout == ""
    assert len(answer.stderr.strip().splitlines()) == 1
    assert said.lower() in answer.stderr.lower()
    assert "--help`" in answer.stderr


def test_errors_are_one_line_and_code_1(cli: Cli) -> None:
    cli.env["LINGPAI_DATA"] = "/proc/nowhere"
    answer = cli.process("caller", "add", "a")
    assert answer.code == 1
    assert answer.stdout == ""
    assert len(answer.stderr.strip().splitlines()) == 1
    assert "nowhere" in answer.stderr


@pytest.mark.parametrize("command", [("caller", "add", "a"), ("serve",)])
def test_wrong_settings_are_a_list_with_all_of_them(cli: Cli, command: tuple[str, ...]) -> None:
    cli.env |= {"LINGPAI_PORT": "many", "LINGPAI_WORKERS": "0"}
    answer = cli.process(*command)
    assert answer.code == 1
    first, *problems, last = answer.stderr.strip().splitlines()
    assert first == "lingpai: The settings are not valid:"
    places = [re.search(r"(\w+) \(environment\): ", each) for each in problems]
    assert [place and place[1] for place in places] == ["LINGPAI_PORT", "LINGPAI_WORKERS"]
    assert last == "Correct them and try again."


def test_a_reader_that_goes_away_is_no_traceback(cli: Cli) -> None:
    cli("caller", "add", "a")
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [*COMMAND, "caller", "list"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=cli.environment(),
        timeout=60,
        check=False,
    )
    os.close(theirs)
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [1, 2])
@pytest.mark.parametrize("arguments", [("caller", "add", "a"), ("--help",), ("caller", "add")])
def test_a_closed_stream_is_no_traceback(cli: Cli, closed: int, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}>&-', "sh", *COMMAND, *arguments],
        capture_output=True,
        env=cli.environment(),
        cwd=cli.home,
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in done.stdout + done.stderr
    assert done.returncode == (2 if arguments == ("caller", "add") else 0)


@pytest.mark.parametrize("arguments", [(), ("account",)])
def test_a_group_without_a_command_is_answered_by_its_help_alone(
    cli: Cli, arguments: tuple[str, ...]
) -> None:
    answer = cli.process(*arguments)
    assert answer.code == 2
    assert "--help" in answer.stdout
    assert answer.stderr == ""


@pytest.mark.parametrize(("value", "coloured"), [("1", False), ("", True)])
def test_no_color_is_heeded(cli: Cli, value: str, coloured: bool) -> None:
    cli.env["NO_COLOR"] = value
    answer = cli.terminal("nonsense")
    assert answer.code == 2
    assert ("\x1b[" in answer.stdout) == coloured


def test_serve_on_a_taken_port_names_the_address(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        served = cli.process("serve", "--port", str(port))
        developed = cli.process("dev", "--port", str(port), "--sandbox-port", "0", "--sample-port", "0")
    for answer in (served, developed):
        assert answer.code == 1
        assert f"127.0.0.1, port {port}" in answer.stderr
        assert "Choose another" in answer.stderr
        assert len(answer.stderr.strip().splitlines()) == 1


def test_help_is_fast_because_commands_import_what_they_need_when_they_run(cli: Cli) -> None:
    program = (
        "import sys, lingpai.cli.tree\n"
        "heavy = {'aiohttp', 'apsw', 'cryptography', 'multipart', 'pydantic', 'uvicorn', 'lingpai.service'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_a_command_line_loads_no_commands_but_the_named_ones(cli: Cli) -> None:
    program = (
        "import sys; from lingpai.cli import main\n"
        "sys.argv = ['lingpai', 'config', 'nothing']\n"
        "try: main()\n"
        "except SystemExit as ended: assert ended.code == 2, ended.code\n"
        "unwanted = {'lingpai.cli.accounts', 'lingpai.cli.apply', 'lingpai.cli.users', 'rich.markdown'}\n"
        "print('lingpai.cli.config' in sys.modules, sorted(unwanted & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "True []\n"


def test_no_secret_appears_in_any_output(cli: Cli, sandbox: Sandbox) -> None:
    name, corp = cli.add_sample(), cli.add_corp()
    key = cli("caller", "add", "shop").json["key"]
    token = cli("token", "get", name, "--value").stdout.strip()
    ticket = cli("token", "get", name, "--kind", "jsapi_ticket", "--value").stdout.strip()
    sandbox.control("PATCH", "accounts", {"account": SAMPLE_APP.appid, "refusal": 50007})
    (cli.home / "f.json").write_text(
        json.dumps(
            {
                "accounts": [
                    {
                        "platform": "wechat",
                        "account": SAMPLE_APP.appid,
                        "secret": SAMPLE_APP.secret,
                        "mode": "x",
                    }
                ],
                "callers": [{"name": "shop", "key": key}],
            }
        )
    )
    ring = KeyRing(cli.data / "keyring.json")
    private = [
        SAMPLE_APP.secret,
        SAMPLE_AGENT.secret,
        key,
        token,
        ticket,
        *(each.secret.hex() for each in ring.keys),
    ]
    lines = (
        ("account", "list"), ("account", "show", name), ("account", "show", corp),
        ("account", "add", "wechat", SAMPLE_APP.appid, "--secret", SAMPLE_APP.secret),
        ("account", "add", "wechat", "wx 1", "--secret", SAMPLE_APP.secret),
        ("caller", "list"), ("caller", "add", "shop"), ("caller", "revoke", "nobody"),
        ("token", "list"), ("token", "clear", name), ("token", "report", token), ("token", "report", key),
        ("token", "get", name, "--kind", "wx_card_ticket"), ("token", "get", key), ("token", "unblock", name),
        ("key", "list"), ("key", "rotate"), ("key", "reseal"), ("key", "retire", "1"),
        ("apply", "f.json"), ("apply", "f.json", "--dry-run"), ("doctor",), ("migrate",),
        ("account", "remove", corp, "--yes"),
    )  # fmt: skip
    for locale in ("C.UTF-8", "zh_CN.UTF-8"):
        for arguments in lines:
            answer: Answer = cli(*arguments, env={"LC_ALL": locale})
            for secret in private:
                if secret not in arguments or "account" in arguments or "report" in arguments:
                    assert secret not in answer.stdout + answer.stderr, arguments
