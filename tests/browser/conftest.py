from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright

from lingpai.core.clock import SystemClock
from tests.browser.chromium import FLAGS, chromium
from tests.browser.third_party import Page, serving_page
from tests.issuer.pages.harness import Harness, serving


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A fresh profile."""
    opened = await browser.new_context(locale="en-US", viewport={"width": 390, "height": 844})
    opened.set_default_timeout(10_000)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    async with serving(tmp_path, SystemClock()) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def third_party(harness: Harness) -> AsyncIterator[Page]:
    """The app's page, on another site than the issuer."""
    async with serving_page(harness, "localhost") as page:
        yield page
