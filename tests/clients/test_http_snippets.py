"""Plain HTTP from Java, Node, PHP and Go, as docs/how-to/http.md shows it: run where the language is installed."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.stack import Stack
from tests.prepare import TESTS

SNIPPETS = {
    "java": ("Ask.java", ("java",)),
    "js": ("ask.mjs", ("node",)),
    "php": ("ask.php", ("php",)),
    "go": ("ask.go", ("go", "run")),
}
"""The file of each language, by the name of its block, and what runs it."""
FOLDER = TESTS / "clients" / "http"
PAGES = [TESTS.parent / "docs" / "how-to" / name for name in ("http.md", "http.zh-CN.md")]


@pytest.mark.parametrize("language", SNIPPETS)
def test_the_snippet_gets_the_token_and_reports(language: str, stack: Stack, tmp_path: Path) -> None:
    name, command = SNIPPETS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "URL": stack.url,
        "APPID": stack.samples.appid,
        "KEY": stack.samples.caller_key,
    }
    run = subprocess.run(
        [*command, str(FOLDER / name)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    token, report = map(json.loads, run.stdout.splitlines())
    assert token["value"] == stack.held("wechat", stack.samples.appid)
    assert report["data"] == {"outcome": "unknown"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_page_shows_the_snippets_that_are_run(page: Path) -> None:
    blocks = dict(
        re.findall(r"^```(java|js|php|go)\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    )
    assert blocks == {
        language: (FOLDER / name).read_text("utf-8") for language, (name, _) in SNIPPETS.items()
    }
