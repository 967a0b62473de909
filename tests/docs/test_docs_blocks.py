"""The reader of the pages sees what people see."""

from pathlib import Path

import pytest

from tests.docs.blocks import Command, commands, in_tables, matches
from tests.docs.shell import run

PAGE = """
```console
$ echo one \\
  two
one two
$ eval "$(printf 'A=1
B=2')"
$ cat <<END
$A
END
1
```

```console no-run
$ reboot
```

| a | `curl "$URL" \\| cat` |
| b | `curl "$URL?…"` |
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    return path


def test_commands_go_on_until_they_are_complete(page: Path) -> None:
    assert commands(page) == [
        Command("echo one \\\n  two", "one two"),
        Command("eval \"$(printf 'A=1\nB=2')\"", ""),
        Command("cat <<END\n$A\nEND", "1"),
    ]
    assert commands(page, runnable=False) == [Command("reboot", "")]
    assert in_tables(page) == [Command('curl "$URL" | cat', "")]


def test_one_shell_runs_them_all(page: Path, tmp_path: Path) -> None:
    assert run(commands(page), tmp_path) == ["one two\n", "", "1\n"]


@pytest.mark.parametrize("command", [Command("false", ""), Command("echo a", "b"), Command("fi", "")])
def test_what_fails_or_prints_something_else_is_reported(command: Command, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=command.text):
        run([command], tmp_path)


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ('{"a":…}', '{"a":1}\n', True),
        ('{"a":…}', '{"b":1}\n', False),
        ('{…"a": 1…}', '{\n  "a": 1\n}\n', True),
        ("1", "11\n", False),
    ],
)
def test_dots_stand_for_anything(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same
