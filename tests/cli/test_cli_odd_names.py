"""Names of strangers: refused with one line, and harmless to the terminal that shows those of before."""

import io
import json

import pytest
from rich.console import Console

from lingpai.cli.output import done, emit, fields, table
from tests.cli.conftest import Cli

ODD = ("a\u200bb", "\u202ea", "a\x1b[2J", "x" * 300, "a\u3164", "\ufeff")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.threat("B22")
def test_each_command_refuses_an_odd_name_in_one_line(cli: Cli, odd: str) -> None:
    cli("app", "add", "Shop", "--realm", "mall", "--app-id", "100001")
    people = ("--realm", "mall", "--no-password")
    for command in (
        ("user", "add", odd, *people),
        ("user", "add", "ann", *people, "--nick", odd),
        ("user", "add", "ann", *people, "--seller-name", odd),
        ("app", "add", "Shop", "--realm", "mall", "--app-id", odd),
        ("app", "add", odd, "--realm", "mall"),
        ("machine", "add", odd, "--realm", "yilianyun"),
        ("machine", "add", "m", "--realm", "yilianyun", "--name", odd),
        ("caller", "add", odd),
    ):
        refused = cli(*command)
        assert refused.code in (1, 2), command
        assert "Traceback" not in refused.stderr
        for each in "\u200b\u202e\u3164\ufeff":
            assert each not in refused.stderr
        assert "\x1b[2J" not in refused.stderr
    assert cli("user", "list").json == []


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.threat("B22")
def test_apply_and_import_refuse_an_odd_name(cli: Cli, odd: str) -> None:
    cli("app", "add", "Shop", "--realm", "mall", "--app-id", "100001")
    for section in (
        {"users": [{"login": odd, "realm": "mall"}]},
        {"users": [{"login": "ann", "realm": "mall", "nick": odd}]},
        {"apps": [{"app_id": "100002", "realm": "mall", "name": odd}]},
        {"machines": [{"machine_code": odd, "realm": "yilianyun"}]},
        {"machines": [{"machine_code": "m", "realm": "yilianyun", "name": odd}]},
    ):
        file = cli.data.parent / "odd.json"
        file.write_text(json.dumps(section))
        refused = cli("apply", str(file))
        assert refused.code == 1, (section, refused.stdout)
        assert "Traceback" not in refused.stderr
    file = cli.data.parent / "rows.json"
    file.write_text(json.dumps([{"app": "100001", "login": odd, "open_id": "x"}]))
    refused = cli("user", "import", str(file), "--realm", "mall", "--add-users")
    assert refused.code == 1
    assert "No open_id was imported. mall/" in refused.stderr or "Row 1" in refused.stderr
    assert cli("user", "list").json == []


@pytest.mark.threat("B22")
def test_tables_and_lines_escape_what_a_terminal_would_obey() -> None:
    out = io.StringIO()
    console = Console(file=out, width=200)
    console.print(table("Users", ("Login",), [("a\x1b[2J\u202eb",)]))
    console.print(fields([("Name", "c\x9b\u200bd")]))
    done("Added e\x07\u2066f.\nSecond line.")(console)
    for shown in (r"a\x1b[2J\u202eb", r"c\x9b\u200bd", "Added e\\x07\\u2066f.\nSecond line."):
        assert shown in out.getvalue()


@pytest.mark.threat("B22")
def test_json_says_the_same_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"login": "小明\u202e\x9b\U000e0041", "nick": "a\u3000b"}
    emit(document, True, lambda console: None)
    printed = capsys.readouterr().out
    assert json.loads(printed) == document
    assert "小明\\u202e\\u009b\\udb40\\udc41" in printed
