"""The documentation shows just the code that the suite runs."""

import re
from pathlib import Path

import pytest

from tests.clients.running import SHOWN
from tests.prepare import TESTS

PAGES = sorted((TESTS.parent / "docs" / "how-to").glob("sdks*.md"))
_BLOCK = re.compile(r"^```(?:python|js)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FOR_THE_CHECKER = re.compile(r"  # type: ignore.*$", re.MULTILINE)


def shown(path: Path) -> str:
    """A file as the documentation shows it: without what only the type checker reads."""
    return _FOR_THE_CHECKER.sub("", path.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_shows_what_the_tests_run(page: Path) -> None:
    assert _BLOCK.findall(page.read_text("utf-8")) == [shown(path) for path in SHOWN]


def test_the_page_is_there_in_both_languages() -> None:
    assert [page.name for page in PAGES] == ["sdks.md", "sdks.zh-CN.md"]


def test_the_pages_show_the_same_code() -> None:
    fenced = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
    english, chinese = (fenced.findall(page.read_text("utf-8")) for page in PAGES)
    assert english == chinese
