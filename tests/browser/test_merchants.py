"""Merchants of both platforms in real Chromium: the sample app, our page, the platform's page, and back."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext
from playwright.async_api import Page as Tab

from tests.dev.running import Dev, developing

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("merchants")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(context: BrowserContext) -> AsyncIterator[Tab]:
    yield await context.new_page()


async def see(tab: Tab, selector: str, address: str) -> None:
    """Open a page until it has something: the platform's first ticket comes after the start."""
    async with asyncio.timeout(30):
        while True:
            await tab.goto(address)
            if await tab.query_selector(selector):
                return
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("platform", "page", "used"),
    [("wechat_component", "/merchants", '"total"'), ("wecom_suite", "/corps", '"userlist"')],
)
async def test_a_merchant_authorises_and_its_account_is_used(
    dev: Dev, tab: Tab, platform: str, page: str, used: str
) -> None:
    merchant, sample = dev.described["keeper"][platform]["merchant"], dev.described["sample"]
    await tab.goto(sample)
    await tab.click(f"a[href='{page}']")
    entrance = await tab.get_attribute("a.go", "href")
    assert entrance is not None
    onward = f"a[href^='{dev.described['sandbox']}']"
    await see(tab, onward, entrance)
    await tab.click(onward)
    await tab.click(f"form:has([value='{merchant}']) button")
    await tab.wait_for_url(f"{sample}{page}?result=*")
    shown = await tab.inner_text("body")
    assert merchant in shown
    assert used in shown, shown
