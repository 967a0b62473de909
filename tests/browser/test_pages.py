"""The pages in real Chromium: without JavaScript, by keyboard, small and large, light and dark."""

from urllib.parse import quote_plus

import pytest
from playwright.async_api import Browser, BrowserContext
from playwright.async_api import Page as Tab

from lingpai.core.issuer_records import App
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from tests.browser.third_party import Page
from tests.issuer.pages.harness import PASSWORD, REDIRECT, TERMINAL, Harness, authorize_path

pytestmark = pytest.mark.asyncio(loop_scope="session")  # one browser for all


async def send_to(third_party: Page, issuer: Issuer, app: App) -> str:
    """Let an app's answers go to a real server; gives the redirect URI."""
    await admin.change_app(issuer, app, redirect_uris=(third_party.callback,))
    return third_party.callback


async def watched(context: BrowserContext) -> tuple[Tab, list[str]]:
    """A tab, and what its console complains of (a blocked style or form would be there)."""
    tab, complaints = await context.new_page(), list[str]()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    return tab, complaints


async def test_without_javascript(browser: Browser, harness: Harness, third_party: Page) -> None:
    uri = await send_to(third_party, harness.terminals, harness.printing)
    context = await browser.new_context(java_script_enabled=False, locale="zh-CN")
    tab, complaints = await watched(context)
    await tab.goto(harness.url + TERMINAL.replace(quote_plus(REDIRECT), quote_plus(uri)))
    await tab.fill("[name=login]", "hong")
    await tab.fill("[name=password]", PASSWORD)
    await tab.get_by_role("button", name="登录").click()
    await tab.check("[value='4004001']")
    await tab.get_by_role("button", name="同意授权").click()
    await tab.wait_for_url(uri + "?*")
    await tab.goto(harness.url + "/user/yilianyun")
    assert "外卖接单助手" in await tab.inner_text("main")
    await tab.get_by_role("button", name="取消该应用的授权").click()
    assert "已取消" in await tab.inner_text("main")
    await tab.get_by_role("button", name="退出登录").click()
    assert tab.url.endswith("/user/yilianyun/login")
    assert complaints == []
    await context.close()


async def test_by_keyboard_alone(context: BrowserContext, harness: Harness, third_party: Page) -> None:
    uri = await send_to(third_party, harness.mall, harness.shop)
    tab, complaints = await watched(context)
    await tab.goto(harness.url + authorize_path(redirect_uri=uri))
    await tab.wait_for_selector("input:focus")  # the first field gets the focus by itself
    await tab.keyboard.type("hong")
    await tab.keyboard.press("Tab")
    await tab.keyboard.type(PASSWORD)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[value=allow]")
    for _ in range(3):  # the language, not you?, allow
        await tab.keyboard.press("Tab")
    assert await tab.evaluate("document.activeElement.value") == "allow"
    await tab.keyboard.press("Enter")
    await tab.wait_for_url(uri + "?*")
    assert complaints == []


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (1280, 800)])
async def test_nothing_sticks_out(browser: Browser, harness: Harness, width: int, height: int) -> None:
    context = await browser.new_context(viewport={"width": width, "height": height})
    tab = await context.new_page()

    async def fits() -> None:
        assert await tab.evaluate("document.documentElement.scrollWidth") <= width
        assert await tab.evaluate(
            "[...document.querySelectorAll('button, a')].every(e => e.offsetHeight > 15)"
        )

    await tab.goto(harness.url + TERMINAL)
    await fits()
    await tab.fill("[name=login]", "hong")
    await tab.fill("[name=password]", PASSWORD)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[value=allow]")
    await fits()
    for path in ("/user/yilianyun", "/user/yilianyun/nowhere"):
        await tab.goto(harness.url + path)
        await fits()
    await context.close()


CONTRAST = """() => {
  const channels = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const found = channels(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
  };
  const texts = [...document.querySelectorAll("h1, h2, p, a, label, button, dt, dd, li, span, footer")];
  return texts.filter(e => e.innerText.trim()).map(e => {
    const pair = [light(channels(getComputedStyle(e).color)), light(behind(e))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_can_be_read(browser: Browser, harness: Harness, scheme: str) -> None:
    context = await browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    tab = await context.new_page()
    await tab.goto(harness.url + TERMINAL)
    await tab.fill("[name=login]", "hong")
    await tab.fill("[name=password]", "wrong")
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[role=alert]")
    ratios = await tab.evaluate(CONTRAST)
    await tab.fill("[name=password]", PASSWORD)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[value=allow]")
    ratios += await tab.evaluate(CONTRAST)
    assert len(ratios) > 15
    assert min(ratios) >= 4.5  # WCAG 2.2, 1.4.3
    await context.close()
