"""A page of another site, in real Chromium, under a name that leads to our address, and under its own."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as Tab

from lingpai.devdata.keeper import add_accounts
from lingpai.devdata.records import Samples
from lingpai.sandbox import SAMPLE_APP
from lingpai.service import open_keeper
from lingpai.settings import Settings
from tests.browser.chromium import FLAGS, chromium
from tests.helpers.sandbox import running_sandbox
from tests.strength.services import Service

NAME = "evil.example"
READ = """async (path) => {
  try {
    const answer = await fetch(path);
    return [answer.status, await answer.text()];
  } catch (error) {
    return [0, String(error)];
  }
}"""
SHOW = """(address) => new Promise((done) => {
  const image = new Image();
  image.onload = image.onerror = () => done();
  image.src = address;
  document.body.append(image);
})"""
GET, CLEAR = (f"/AccessToken/{verb}?appid={SAMPLE_APP.appid}" for verb in ("getXcx", "clearXcx"))

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def sandbox() -> Iterator[str]:
    with running_sandbox() as url:
        yield url


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path, sandbox: str) -> AsyncIterator[Service]:
    """A service that trusts this machine, as it does unless set otherwise, and has fetched a token."""
    async with open_keeper(Settings(data=tmp_path / "data")) as keeper:
        await add_accounts(keeper, Samples(appid=SAMPLE_APP.appid, app_secret=SAMPLE_APP.secret))
    service = Service(tmp_path / "data", sandbox)
    try:
        yield service
    finally:
        await asyncio.to_thread(service.stop)


@pytest_asyncio.fixture(loop_scope="session")
async def rebound() -> AsyncIterator[Browser]:
    """A browser for which the name leads here, as after its owner changed what DNS answers."""
    async with async_playwright() as playwright:
        flags = [*FLAGS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1"]
        opened = await playwright.chromium.launch(executable_path=chromium(), args=flags)
        yield opened
        await opened.close()


def token_of(service: Service) -> str:
    """The token that who asks from this machine gets."""
    status, found = service.ask(GET)
    assert (status, found["code"]) == (200, 0), found
    return str(found["data"]["access_token"])


async def page_at(browser: Browser, origin: str) -> Tab:
    """A page under this name and port, which has no policy of ours: its owner served it before the name led here."""
    context = await browser.new_context(bypass_csp=True)
    tab = await context.new_page()
    await tab.goto(f"{origin}/nothing-here")
    return tab


async def test_a_page_under_a_rebound_name_reads_nothing(
    service: Service, sandbox: str, rebound: Browser
) -> None:
    held = await asyncio.to_thread(token_of, service)
    read = {
        service.url: (GET, "/metrics", f"/v1/tokens/wechat/{SAMPLE_APP.appid}", CLEAR),
        sandbox: ("/_sandbox/accounts", "/_sandbox/calls"),
    }
    for url, paths in read.items():
        tab = await page_at(rebound, f"http://{NAME}:{urlsplit(url).port}")
        for path in paths:
            status, text = await tab.evaluate(READ, path)
            assert status in (200, 401, 403), (path, status, text)
            if status == 200:  # errors of the compatible routes are in the body
                assert json.loads(text)["code"] != 0, (path, text)
            assert held not in text
            assert SAMPLE_APP.secret not in text
            assert "lingpai_" not in text
        await tab.close()
    assert await asyncio.to_thread(token_of, service) == held


async def test_an_image_of_another_site_changes_nothing(
    service: Service, sandbox: str, rebound: Browser
) -> None:
    held = await asyncio.to_thread(token_of, service)
    tab = await page_at(rebound, f"http://{NAME}:{urlsplit(sandbox).port}")
    before = service.heard["request"]
    await tab.evaluate(SHOW, service.url + CLEAR)
    await tab.evaluate(SHOW, f"http://{NAME}:{urlsplit(service.url).port}{CLEAR}")
    await tab.close()
    async with asyncio.timeout(30):  # both came here, and were refused
        while service.heard["request"] < before + 2:  # noqa: ASYNC110  another process counts
            await asyncio.sleep(0.05)
    assert await asyncio.to_thread(token_of, service) == held
