"""What a browser sees of the sandbox: a page at its root and where there is nothing; programs see no change."""

import json
import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from lingpai.sandbox import SAMPLE_APP, SAMPLE_MINI, SandboxOptions, WechatApp
from lingpai.sandbox.controls import _RESOURCES
from lingpai.sandbox.words import SWITCHES, WORDS
from tests.helpers.sandbox import running_sandbox

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HTML = "text/html; charset=utf-8"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[str]:
    with running_sandbox() as url:
        yield url


def ask(
    url: str, headers: dict[str, str] | None = None, method: str = "GET", body: str | None = None
) -> tuple[int, Any, str]:
    """Status, headers and text of an answer."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_a_program_gets_the_platforms_refusal_at_the_root(sandbox: str) -> None:
    for accept in ({}, {"accept": "*/*"}, {"accept": "application/json"}):
        status, headers, text = ask(sandbox + "/", accept)
        assert (status, headers["content-type"]) == (200, "application/json; encoding=utf-8")
        assert json.loads(text)["errcode"] == 40066


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh-CN,zh;q=0.9", "zh-Hans")])
def test_a_browser_gets_accounts_controls_and_rules(sandbox: str, language: str, tag: str) -> None:
    status, headers, text = ask(sandbox + "/", BROWSER | {"accept-language": language})
    assert (status, headers["content-type"], headers["cache-control"]) == (200, HTML, "no-store")
    assert f'<html lang="{tag}">' in text
    for value in (SAMPLE_APP.appid, SAMPLE_APP.secret, SAMPLE_MINI.appid, "1000002", "7200", "500000"):
        assert f"<code>{value}</code>" in text or f"<td>{value}</td>" in text
    words = WORDS["zh" if tag == "zh-Hans" else "en"]
    assert words["lead"] in text
    assert "http500" in text
    other = ask(f"{sandbox}/?lang=zh", BROWSER | {"accept-language": "en"})
    assert WORDS["zh"]["lead"] in other[2]


def test_accounts_that_were_added_are_shown_and_escaped() -> None:
    added = WechatApp(appid="wx00000000000000aa", secret="0" * 32, name="<script>alert(1)</script>")
    with running_sandbox(SandboxOptions(apps=(added,), corps=())) as url:
        text = ask(url + "/", BROWSER)[2]
    assert "&lt;script&gt;alert(1)" in text
    assert "wx00000000000000aa" in text


def test_every_control_is_on_the_page() -> None:
    assert sorted(path for path, *_ in SWITCHES) == sorted(_RESOURCES)
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert WORDS["en"]["numbers"].keys() == WORDS["zh"]["numbers"].keys()


def test_every_command_of_the_page_works_when_pasted() -> None:
    """Those that name a token, which nobody has yet, are answered that the token is unknown, and nothing else."""
    with running_sandbox() as url:
        text = ask(url + "/", BROWSER)[2]
        commands = re.findall(
            r"<pre><code>(curl .*?)</code></pre>", text.replace("&#39;", "'").replace("&#34;", '"')
        )
        assert len(commands) == len(SWITCHES)
        for command in commands:
            _, target, *options = shlex.split(command)
            given = dict(zip(options[::2], options[1::2], strict=True))
            assert given.keys() <= {"-X", "-d"}
            body = given.get("-d")
            method = given.get("-X", "GET" if body is None else "POST")
            status, _, answer = ask(target, {}, method, body)
            assert status == 200 or (status == 400 and "TOKEN" in command), (command, answer)


@pytest.mark.parametrize(
    "path", ["/nothing", "/cgi-bin/nothing", "/_sandbox", "/_sandbox/nothing", "/index.html"]
)
def test_a_browser_sees_a_page_where_there_is_nothing_and_a_program_what_it_saw(
    sandbox: str, path: str
) -> None:
    status, headers, text = ask(sandbox + path, BROWSER | {"accept-language": "zh"})
    assert (status, headers["content-type"]) == (404, HTML)
    assert 'href="/"' in text
    assert "errcode" not in text
    status, headers, text = ask(sandbox + path)
    assert headers["content-type"].startswith("application/json")
    assert json.loads(text)


def test_a_browser_sees_the_platforms_answers_where_there_are_some(sandbox: str) -> None:
    for path in ("/cgi-bin/token", "/_sandbox/options"):
        assert ask(sandbox + path, BROWSER)[1]["content-type"].startswith("application/json")


def test_pages_and_icons_are_no_calls_of_a_platform(sandbox: str) -> None:
    ask(sandbox + "/_sandbox/calls", method="DELETE")
    for path in ("/", "/nothing", "/favicon.ico", "/icon.svg"):
        ask(sandbox + path, BROWSER)
    assert json.loads(ask(sandbox + "/_sandbox/calls")[2])["total"] == 0


def test_the_icon_is_there(sandbox: str) -> None:
    for path, kind in (("/favicon.ico", "image/x-icon"), ("/icon.svg", "image/svg+xml")):
        status, headers, _ = ask(sandbox + path)
        assert (status, headers["content-type"]) == (200, kind)
        assert ask(sandbox + path, {"if-none-match": headers["etag"]})[0] == 304


def test_a_name_that_anybody_may_own_sees_no_account(sandbox: str) -> None:
    status, headers, text = ask(sandbox + "/", BROWSER | {"host": "evil.example"})
    assert (status, headers["content-type"]) == (403, HTML)
    assert SAMPLE_APP.appid not in text
    status, headers, _ = ask(sandbox + "/", {"host": "evil.example"})
    assert (status, headers["content-type"]) == (403, "application/json")
