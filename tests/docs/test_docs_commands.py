"""What the documentation tells people to type works, and prints what it says."""

import json
import re
from pathlib import Path

import pytest

from docs.generator.commands import commands as declared_commands
from tests.docs.blocks import ROOT, blocks, commands, in_tables, pages
from tests.docs.shell import developing, run
from tests.helpers.leaks import log_file

PAGES = [page for page in pages() if commands(page) and not page.name.endswith(".zh-CN.md")]
"""The English pages: their Chinese twins have the same commands and the same output, by a test below."""
README = ROOT / "README.md"
_TARGET = re.compile(r"^(\w+):", re.MULTILINE)
_CALL = re.compile(r"(?:^|[|(&;] ?)lingpai ([^|&;)#\n]+)", re.MULTILINE)


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.timeout(300)  # each `lingpai` is a process that starts
@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    with developing(tmp_path, log_file("docs")):
        typed = [*commands(page), *(in_tables(page) if page == README else ())]
        printed = run(typed, tmp_path)
        for command, text in zip(typed, printed, strict=True):
            if page == README and command.text.startswith("curl") and not command.expected:
                assert json.loads(text)["code"] == 0, command.text


def test_the_pages_with_commands_are_found() -> None:
    names = {_name(page) for page in PAGES}
    assert {"README.md", "docs/start.md", "docs/how-to/production.md", "docs/how-to/sandbox.md"} <= names
    assert len(in_tables(README)) == 10


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_blocks_have_a_language_and_no_other_mark(page: Path) -> None:
    for block in blocks(page):
        assert block.marks in ("", "no-run"), block
        assert block.language not in ("sh", "bash", "shell"), f"write console, so that it is run: {block}"
        if block.marks:
            assert block.language == "console", block


def _calls(page: Path) -> list[str]:
    every = [*commands(page), *commands(page, runnable=False)]
    return [call for command in every for call in _CALL.findall(command.text)]


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_command_and_option_named_exists(page: Path) -> None:
    known = {each.words[1:]: each for each in declared_commands()}
    for call in _calls(page):
        words = call.split()
        command = max(
            (words_of for words_of in known if tuple(words[: len(words_of)]) == words_of), key=len, default=()
        )
        assert command, f"lingpai {call}"
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options <= known[command].options, f"lingpai {call}"


@pytest.mark.parametrize("page", pages(), ids=_name)
def test_every_verb_of_make_named_exists(page: Path) -> None:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    named = re.findall(r"(?:`|\$ )make ([a-z]+)", page.read_text("utf-8"))
    assert set(named) <= targets


@pytest.mark.parametrize(
    "english", [page for page in pages() if page.with_suffix(".zh-CN.md").exists()], ids=_name
)
def test_both_languages_have_the_same_commands(english: Path) -> None:
    chinese = english.with_suffix(".zh-CN.md")
    for runnable in (True, False):
        typed, twin = (
            [(_bare(each.text), each.expected) for each in commands(page, runnable=runnable)]
            for page in (english, chinese)
        )
        assert typed == twin
    assert in_tables(english) == in_tables(chinese)


@pytest.mark.parametrize(
    "english", [page for page in pages() if page.with_suffix(".zh-CN.md").exists()], ids=_name
)
def test_both_languages_have_the_same_code(english: Path) -> None:
    code, twin = (
        [(block.language, list(map(_bare, block.lines))) for block in blocks(page) if block.language]
        for page in (english, english.with_suffix(".zh-CN.md"))
    )
    assert code == twin


def test_each_page_for_newcomers_and_operators_has_a_chinese_twin() -> None:
    for page in (
        README,
        ROOT / "docs" / "README.md",
        ROOT / "docs" / "start.md",
        *(ROOT / "docs" / "how-to").glob("*.md"),
    ):
        if not page.name.endswith(".zh-CN.md"):
            chinese = page.with_suffix(".zh-CN.md")
            assert chinese.exists(), page
            assert f"]({chinese.name})" in page.read_text("utf-8")
            assert f"]({page.name})" in chinese.read_text("utf-8")
            assert len(_titles(page)) == len(_titles(chinese)), page


def _titles(page: Path) -> list[str]:
    fenced = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
    return re.findall(r"^#+ ", fenced.sub("", page.read_text("utf-8")), re.MULTILINE)


def _bare(command: str) -> str:
    """A line without its comment, which speaks the page's language."""
    return re.sub(r"(^|\s+)# .*", "", command)
