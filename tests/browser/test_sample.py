"""The sample app of `lingpai dev` in real Chromium: a newcomer clicks through each dialect."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext
from playwright.async_api import Page as Tab

from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, Serving
from lingpai.issuer.dialects.registry import dialects
from lingpai.issuer.samples import SignIn
from lingpai.sample_app.app import sample_app
from lingpai.sample_app.identities import Identity, allow_callbacks
from tests.issuer.pages.harness import PASSWORD, SECRET, Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")


def sign_in(dialect: str) -> SignIn:
    """What the dialect declares."""
    samples = dialects()[dialect].samples
    assert samples is not None
    assert samples.sign_in is not None
    return samples.sign_in


@pytest_asyncio.fixture(loop_scope="session")
async def sample(harness: Harness) -> AsyncIterator[str]:
    """The sample beside the harness; gives its base URL."""
    identities = {
        issuer.realm: Identity(
            realm=issuer.realm, prefix="", app_id=app.app_id, secret=SECRET, sign_in=sign_in(issuer.realm)
        )
        for issuer, app in (
            (harness.yzb, harness.mini),
            (harness.mall, harness.shop),
            (harness.terminals, harness.printing),
        )
    }
    with bind("127.0.0.1", 0) as bound:
        url = url_of(bound).replace("127.0.0.1", "localhost")  # the domain of the harness's app
        issuers = {issuer.realm: issuer for issuer in (harness.yzb, harness.mall, harness.terminals)}
        await allow_callbacks(issuers, identities, url)
        server = Serving([Listener(sample_app(harness.url, url, identities, [("hong", PASSWORD)]), [bound])])
        ready = asyncio.Event()
        running = asyncio.create_task(server.run(ready.set))
        try:
            await ready.wait()
            yield url
        finally:
            server.stop()
            await running


async def log_in(tab: Tab) -> None:
    await tab.fill("[name=login]", "hong")
    await tab.fill("[name=password]", PASSWORD)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[value=allow]")


async def begin(context: BrowserContext, sample: str, path: str) -> tuple[Tab, list[str]]:
    tab, complaints = await context.new_page(), list[str]()
    tab.on("console", lambda message: complaints.append(message.text))
    await tab.goto(sample)
    assert PASSWORD in await tab.inner_text("body")
    await tab.click(f"a[href='{path}']")
    return tab, complaints


async def shown(tab: Tab) -> str:
    """The trail; it holds no secret."""
    text = await tab.inner_text("body")
    assert SECRET not in text
    return text


async def test_mall(context: BrowserContext, sample: str) -> None:
    tab, complaints = await begin(context, sample, "/mall/start")
    await log_in(tab)
    await tab.click("[value=allow]")
    await tab.wait_for_url("**/trail/mall")
    await tab.get_by_role("button").click()
    await tab.wait_for_selector("text=/^6\\. .*200$/")
    assert '"seller_name": "小红的店"' in await shown(tab)
    assert complaints == []


async def test_mall_refused(context: BrowserContext, sample: str) -> None:
    tab, _ = await begin(context, sample, "/mall/start")
    await log_in(tab)
    await tab.click("[value=refuse]")
    await tab.wait_for_url("**/trail/mall")
    assert "access_denied" in await shown(tab)


async def test_yilianyun(context: BrowserContext, sample: str) -> None:
    tab, _ = await begin(context, sample, "/yilianyun/start")
    await log_in(tab)
    await tab.check("[value='4004001']")
    await tab.click("[value=allow]")
    await tab.wait_for_url("**/trail/yilianyun")
    await tab.get_by_role("button").click()
    await tab.wait_for_selector("text=/^4\\. .*200$/")
    text = await shown(tab)
    assert text.count('"error": "0"') == 2
    assert '"machine_code": "4004001"' in text


async def test_yzb(context: BrowserContext, sample: str) -> None:
    tab, _ = await begin(context, sample, "/yzb")
    await tab.wait_for_selector("[data-call=requestAccess]:enabled")
    async with tab.expect_popup() as opening:
        await tab.click("[data-call=requestAccess]")
    window = await opening.value
    await log_in(window)
    await window.click("[value=allow]")
    await tab.wait_for_selector("text=access ✓")
    await tab.click("[data-call=requestAuthCode]")
    await tab.wait_for_url("**/trail/yzb")
    assert '"nick": "小红"' in await shown(tab)


async def test_an_answer_to_another_browser_is_refused(context: BrowserContext, sample: str) -> None:
    tab, _ = await begin(context, sample, "/mall/start")
    answer = await tab.goto(f"{sample}/mall/callback?code=stolen&state=guessed")
    assert answer is not None
    assert answer.status == 400
