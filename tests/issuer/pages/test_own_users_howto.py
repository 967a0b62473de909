"""The code that docs/how-to/own-users.md gives to sites logs users in, in each language."""

import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lingpai.core.clock import SystemClock
from lingpai.issuer.delegation.keys import rotate
from tests.docs.blocks import ROOT, blocks
from tests.issuer.pages.harness import Browser
from tests.issuer.pages.shops import Mall, Shop, mall_of

PAGES = ("own-users.md", "own-users.zh-CN.md")
ANN = {"id": 7, "name": "小红"}
PHP = shutil.which("php")
RUN_PHP = """
$session = [];
start_login(['login_request' => $argv[1]], $session);
echo finish_login(['id' => 7, 'name' => '小红'], $session);
"""


@pytest.fixture
async def mall(tmp_path: Path) -> AsyncIterator[Mall]:
    async with mall_of(tmp_path, SystemClock()) as opened:
        yield opened


@pytest.fixture
async def browser(mall: Mall) -> AsyncIterator[Browser]:
    opened = Browser(mall.url)
    yield opened
    await opened.close()


def code(page: str, language: str) -> str:
    (block,) = (each for each in blocks(ROOT / "docs/how-to" / page) if each.language == language)
    return "\n".join(block.lines)


def site(page: str, shop: Shop, monkeypatch: pytest.MonkeyPatch, keys: str) -> dict[str, Any]:
    monkeypatch.setenv("LINGPAI_LOGIN_KEY", keys)
    monkeypatch.setenv("LINGPAI_ISS", shop.url)
    names: dict[str, Any] = {}
    exec(code(page, "python"), names)
    return names


async def request(mall: Mall, browser: Browser) -> str:
    seen = await browser.follow(mall.authorize())
    return parse_qs(urlsplit(seen.location).query)["login_request"][0]


def path_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@pytest.mark.parametrize("page", PAGES)
async def test_the_python_code_logs_in(
    mall: Mall, browser: Browser, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    shop = mall.shops["mall"]
    names = site(page, shop, monkeypatch, shop.key)
    session: dict[str, str] = {}
    names["start"]({"login_request": await request(mall, browser)}, session)
    seen = await browser.follow(path_of(names["finish"](ANN, session)))
    assert "小红" in seen.text
    assert "花间小铺" in seen.text
    new = (await rotate(shop.issuer)).key
    names = site(page, shop, monkeypatch, f"{new},{shop.key}")
    for _ in range(2):  # asked with the old key, then with the new one
        seen = await browser.get(shop.url.removeprefix(mall.url) + "/login?again=1")
        names["start"](
            {"login_request": parse_qs(urlsplit(seen.location).query)["login_request"][0]}, session
        )
        assert (await browser.get(path_of(names["finish"](ANN, session)))).status == 303


async def test_the_python_code_refuses_forgeries(
    mall: Mall, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = mall.shops["mall"]
    token = await request(mall, browser)
    for wrong in (
        site(PAGES[0], shop, monkeypatch, "00" * 32),
        site(PAGES[0], mall.shops["twin"], monkeypatch, shop.key),
    ):
        with pytest.raises(PermissionError):
            wrong["start"]({"login_request": token}, {})
    names = site(PAGES[0], shop, monkeypatch, shop.key)
    with pytest.raises(PermissionError):
        names["read"](token, "lingpai-login+jwt")
    monkeypatch.setattr(time, "time", lambda: shop.clock.now() + 700)
    with pytest.raises(PermissionError):
        names["start"]({"login_request": token}, {})


@pytest.mark.skipif(PHP is None, reason="PHP is not installed")
async def test_the_php_code_logs_in(mall: Mall, browser: Browser, tmp_path: Path) -> None:
    shop = mall.shops["mall"]
    script = tmp_path / "login.php"
    script.write_text(code(PAGES[0], "php") + RUN_PHP, "utf-8")
    env = {**os.environ, "LINGPAI_LOGIN_KEY": shop.key, "LINGPAI_ISS": shop.url}
    token = await request(mall, browser)
    address = subprocess.run(  # noqa: ASYNC221  the browser has nothing else to do
        [str(PHP), str(script), token], env=env, capture_output=True, text=True, check=True
    ).stdout
    assert "小红" in (await browser.follow(path_of(address))).text
