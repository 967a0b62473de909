"""Code and pages cite documents of this repository, and each numbered threat has a test or a reason why it has none."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT

THREATS = (ROOT / "docs" / "spec" / "threats.md").read_text("utf-8")
_LISTED = frozenset(re.findall(r"^\| ([A-Z]\d+) \|", THREATS, re.MULTILINE))
_ROWS_OF_EXEMPTIONS = re.findall(r"^\| ([^|]*) \|", THREATS.partition("## Not applicable")[2], re.MULTILINE)
_EXEMPT = frozenset(re.findall(r"\b[A-Z]\d+\b", " ".join(_ROWS_OF_EXEMPTIONS)))
_CITED_THREATS = re.compile(r"\bthreats? ((?:[A-L]\d{1,3}(?:, | and | to |-)?)+)")
_CITED_PAGE = re.compile(r"(?<![\w/.*{}<-])((?:[\w-]+/)*[\w-]+(?:\.zh-CN)?\.md)\b")
_CITED_SECTION = re.compile(r'(docs/[\w/-]+\.md),? (?:section )?"([^"]+)"')
_ELSEWHERE = re.compile(
    r"\bDESIGN\b ?§|\bcontracts/|\battacks? [A-L]\d|\bseeds? 00\d|\bupstream-(?:wechat|others)\b"
)
_SUFFIXES = frozenset({".py", ".sql", ".toml", ".j2", ".js", ".css", ".http", ".md", ".yaml", ".yml"})
_FOLDERS = ("", "docs", "docs/spec", "docs/how-to", "docs/reference", "tests/clients", "bench")


def _files() -> list[Path]:
    listed = subprocess.run(
        ("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    paths = (ROOT / name for name in listed.split("\0") if name)
    return [path for path in paths if path.suffix in _SUFFIXES and path != Path(__file__) and path.exists()]


def _texts() -> Iterator[tuple[str, str]]:
    for path in _files():
        yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


def _marked() -> dict[str, list[str]]:
    """The threats that tests are marked with, and the tests."""
    found: dict[str, list[str]] = {}
    for path in _files():
        if path.suffix != ".py" or not path.is_relative_to(ROOT / "tests"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.threat":
                assert node.args, f"{path}:{node.lineno} names no threat"
                for argument in node.args:
                    found.setdefault(ast.literal_eval(argument), []).append(
                        f"{path.relative_to(ROOT)}:{node.lineno}"
                    )
    return found


def test_each_threat_is_covered_or_said_to_be_not_applicable() -> None:
    marked = _marked()
    assert len(_LISTED) > 90
    assert _EXEMPT <= _LISTED
    assert not marked.keys() - _LISTED, "tests name threats that docs/spec/threats.md does not list"
    assert not _LISTED - marked.keys() - _EXEMPT, "no test is marked with these threats"
    assert not marked.keys() & _EXEMPT, (
        "these are covered; take them off the list of those that are not applicable"
    )


def test_texts_name_threats_that_exist() -> None:
    for name, text in _texts():
        for cited in _CITED_THREATS.findall(text):
            unknown = set(re.findall(r"[A-L]\d+", cited)) - _LISTED
            assert not unknown, f"{name} cites {cited}"


def test_nothing_cites_a_document_that_is_not_here() -> None:
    for name, text in _texts():
        assert not _ELSEWHERE.findall(text), f"{name} cites what is not in this repository"


@pytest.mark.parametrize("folder", ["src", "tests", "bench", "deploy"])
def test_code_cites_pages_that_exist(folder: str) -> None:
    for name, text in _texts():
        if not name.startswith(f"{folder}/") or name.endswith(".md"):
            continue
        for page in _CITED_PAGE.findall(text):
            assert page == "page.md" or any((ROOT / place / page).exists() for place in _FOLDERS), (
                f"{name} cites {page}"
            )


def test_code_cites_sections_that_exist() -> None:
    cited = [
        (name, page, section)
        for name, text in _texts()
        if not name.endswith(".md")
        for page, section in _CITED_SECTION.findall(re.sub(r"\s*\n\s*#?\s*", " ", text))
    ]
    assert len(cited) > 5
    for name, page, section in cited:
        titles = re.findall(r"^#+ (.*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
        assert section in titles, f"{name} cites {page}, {section}"


def test_no_private_key_is_in_the_repository() -> None:
    listed = subprocess.run(
        ("git", "grep", "-lE", r'"d": ?"[A-Za-z0-9_-]{40,}"|^-----BEGIN [A-Z ]*PRIVATE KEY-----$'),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (listed.returncode, listed.stdout) == (1, ""), "git grep ends with 1 when it finds nothing"
