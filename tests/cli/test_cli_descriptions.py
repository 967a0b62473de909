"""Mistakes in files that describe platforms, as the command line names them in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingpai.core.plugins import DescriptionError
from lingpai.keeper.platforms.declared import checks, loading
from lingpai.messages.problems import explain
from lingpai.messages.translating import tr_description
from tests.cli.conftest import Cli
from tests.keeper.mistakes import MISTAKES

FILE = "platforms/acme.toml"
ENGLISH = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
"""Two words of English, as no name in a file has."""
QUOTED = re.compile(r"`[^`]*`|'[^']*'|\\([^()]*\\)|true 或 false")


@pytest.fixture
def chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(("text", "line", "said"), MISTAKES)
def test_a_mistake_is_named_in_chinese(text: str, line: int, said: str) -> None:
    del said
    with pytest.raises(DescriptionError) as refused:
        loading.platform_type_of(text, FILE)
    error = refused.value
    shown = explain(error)
    assert shown is not None
    where, what, _ = re.fullmatch(
        r"(.+?:\d+): (.+)。(请改正，再运行 `lingpai platform check .+` 检查。)", shown
    ).groups()  # type: ignore[union-attr]  # it has this form
    assert where == f"{FILE}:{line or error.line}"
    assert what.startswith(f"{error.value}: " if error.value else "")
    problem = what.removeprefix(f"{error.value}: ")
    assert re.search("[\u4e00-\u9fff]", problem), problem
    assert not ENGLISH.search(QUOTED.sub("", problem)), problem


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES)
def test_a_mistake_says_what_to_do_next(
    text: str, line: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    del line
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with pytest.raises(DescriptionError) as refused:
        loading.platform_type_of(text, FILE)
    assert explain(refused.value) == str(refused.value)
    assert said in str(refused.value)
    assert str(refused.value).endswith(f". Correct it, then run `lingpai platform check {FILE}`.")


def _texts() -> Iterator[str]:
    """Every text of the checks that is given to a `Fault`, its values replaced."""
    for call in ast.walk(ast.parse(Path(checks.__file__).read_text("utf-8"))):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Fault"):
            continue
        problem = call.args[1]
        if isinstance(problem, ast.Constant):
            yield str(problem.value)
        elif isinstance(problem, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "x" for part in problem.values
            )


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize("text", sorted(set(_texts())))
def test_every_check_has_its_text_in_chinese(text: str) -> None:
    """`x` in the place of another text is that text's own matter."""
    assert re.search("[\u4e00-\u9fff]", tr_description(text)), text


@pytest.mark.parametrize("command", [("platform", "check", "wrong.toml"), ("status",)])
def test_commands_say_it_in_the_users_language(cli: Cli, command: tuple[str, ...]) -> None:
    (cli.home / "platforms").mkdir()
    for file in (cli.home / "wrong.toml", cli.home / "platforms" / "wrong.toml"):
        file.write_text('[token]\npath = "/x"\nrepaet = "kills_old"\n')
    cli.env["LC_ALL"] = "zh_CN.UTF-8"
    failed = cli.process(*command)
    assert failed.code == 1
    assert "wrong.toml:3: token.repaet: 没有这个名称；是否想写 repeat？" in failed.stderr
    assert "lingpai platform check" in failed.stderr


@pytest.mark.usefixtures("chinese")
def test_a_file_that_cannot_be_read_is_named_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe")
    for name in ("none.toml", "odd.toml"):
        with pytest.raises(DescriptionError) as refused:
            loading.load(tmp_path / name)
        shown = explain(refused.value)
        assert shown is not None
        assert f"{name}:1: 无法读取：" in shown
