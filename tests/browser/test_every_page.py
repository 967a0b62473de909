"""Every page of the service, the issuer, the sample app and the sandbox in Chromium.

One design in each size, language and colour scheme; nothing from elsewhere; no complaint; all by keyboard.
"""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Request, expect
from playwright.async_api import Page as Tab

from tests.browser.test_pages import CONTRAST
from tests.dev.running import Dev, developing

pytestmark = pytest.mark.asyncio(loop_scope="session")

SIZES = {"phone": (390, 844), "desktop": (1280, 800)}
WAYS = [
    pytest.param(locale, scheme, size, id=f"{locale}-{scheme}-{size}")
    for locale in ("en-US", "zh-CN")
    for scheme in ("light", "dark")
    for size in SIZES
]
NOT_FOUND = "Failed to load resource: the server responded with a status of 404 (Not Found)"
"""What Chromium says of the page itself where there is none."""


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("pages")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def tab(context: BrowserContext) -> AsyncIterator[Tab]:
    yield await context.new_page()


def addresses(dev: Dev) -> dict[str, str]:
    """Where each page is that needs no login."""
    sandbox, sample = dev.described["sandbox"], dev.described["sample"]
    return {
        "start": f"{dev.url}/",
        "reference": f"{dev.url}/docs",
        "missing": f"{dev.url}/nothing/here",
        "login": f"{dev.url}/user/mall/login",
        "logged out": f"{dev.url}/oidc/logout",
        "no page of the issuer": f"{dev.url}/user/mall/nothing",
        "sandbox": f"{sandbox}/",
        "missing in the sandbox": f"{sandbox}/nothing",
        "sample": f"{sample}/",
        "bridge": f"{sample}/yzb",
        "single-page app": f"{sample}/oidc/spa",
        "device": f"{sample}/oidc/device",
        "missing in the sample": f"{sample}/nothing/at/all",
        "refused in the sample": f"{sample}/trail/mall",
    }


async def log_in(tab: Tab, dev: Dev) -> None:
    user = dev.described["users"][0]
    await tab.fill("[name=login]", user["login"])
    await tab.fill("[name=password]", user["password"])
    await tab.keyboard.press("Enter")


class Watched:
    """A tab with what it asked for and what its console said."""

    def __init__(self, tab: Tab, dev: Dev) -> None:
        self.tab = tab
        self.complaints: list[str] = []
        self.strange: list[str] = []
        own = {urlsplit(dev.described[name]).netloc for name in ("url", "sandbox", "sample")}
        tab.on("console", lambda message: self.complaints.append(message.text))
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))

        def note(request: Request) -> None:
            if urlsplit(request.url).netloc not in own:
                self.strange.append(request.url)

        tab.on("request", note)


LAYOUT = """() => {
  const seen = [...document.querySelectorAll("a, button, input, summary")]
    .filter((e) => e.type !== "hidden" && e.checkVisibility());
  return {
    width: document.documentElement.scrollWidth,
    wide: [...document.querySelectorAll("main *")].filter((e) => e.checkVisibility() &&
        e.getBoundingClientRect().right > innerWidth + 1 && !e.classList.contains("unseen"))
      .map((e) => e.outerHTML.slice(0, 99)),
    flat: seen.filter((e) => e.getBoundingClientRect().height < 16).map((e) => e.outerHTML.slice(0, 99)),
    accent: getComputedStyle(document.documentElement).getPropertyValue("--accent").trim(),
    marks: document.querySelectorAll("header svg.mark").length,
    icon: document.querySelector("link[rel=icon]")?.getAttribute("href"),
    title: document.title,
    headings: document.querySelectorAll("h1").length,
    lang: document.documentElement.lang,
  };
}"""


@pytest.mark.parametrize(("locale", "scheme", "size"), WAYS)
async def test_every_page_in_every_way(
    browser: Browser, dev: Dev, locale: str, scheme: str, size: str
) -> None:
    width, height = SIZES[size]
    context = await browser.new_context(
        locale=locale,
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": height},
    )
    context.set_default_timeout(10_000)
    watched = Watched(await context.new_page(), dev)
    tab, accents = watched.tab, set()

    async def look(name: str) -> None:
        found = await tab.evaluate(LAYOUT)
        assert found["width"] <= width, name
        assert found["wide"] == [], name
        assert found["flat"] == [], name
        assert (found["marks"], found["icon"], found["headings"]) == (1, "/icon.svg", 1), name
        assert found["title"], name
        assert found["lang"] == ("zh-Hans" if locale == "zh-CN" else "en"), name
        accents.add(found["accent"])
        ratios = [ratio for ratio in await tab.evaluate(CONTRAST) if ratio is not None]
        assert min(ratios) >= 4.5, name  # WCAG 2.2, 1.4.3

    for name, address in addresses(dev).items():
        answer = await tab.goto(address)
        assert answer is not None
        assert "text/html" in answer.headers["content-type"], name
        if name == "bridge":
            await tab.wait_for_selector("[data-call=requestAccess]:enabled")
        await look(name)
    await tab.goto(f"{dev.described['sample']}/yilianyun/start")
    await log_in(tab, dev)
    await tab.wait_for_selector("[value=allow]")
    await tab.evaluate(
        "Promise.all(document.querySelector('.waits').getAnimations().map((each) => each.finished))"
    )
    await look("consent")
    await tab.click("[value=allow]")
    await tab.wait_for_url("**/trail/yilianyun")
    await look("trail")
    await tab.goto(f"{dev.url}/user/yilianyun")
    await look("own")
    await tab.goto(f"{dev.url}/oidc/user/oidc/login")
    await log_in(tab, dev)
    await tab.wait_for_url("**/user/oidc")
    await tab.goto(f"{dev.url}/oidc/logout")
    await look("log out?")
    await tab.click("[value=leave]")
    await tab.wait_for_url("**/left**")
    await context.close()
    assert len(accents) == 1, "one palette"
    assert watched.strange == []
    assert [
        text for text in watched.complaints if text != NOT_FOUND and "400 (Bad Request)" not in text
    ] == []


async def test_the_icon_is_shown_where_the_policy_permits_it(tab: Tab, dev: Dev) -> None:
    """The page may load its icon as an image; that of another origin it may not."""
    for address in addresses(dev).values():
        await tab.goto(address)
        loaded = await tab.evaluate(
            """() => new Promise((resolve) => {
              const image = new Image();
              image.onload = () => resolve(true);
              image.onerror = () => resolve(false);
              image.src = document.querySelector("link[rel=icon]").href;
            })"""
        )
        assert loaded, address


async def test_copy_buttons_copy_and_say_so(context: BrowserContext, tab: Tab, dev: Dev) -> None:
    await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=dev.url)
    await tab.goto(dev.url)
    appid, call = dev.described["keeper"]["wechat"]["appid"], dev.calls[0]
    command = tab.locator(".command", has_text="getXcx").get_by_role("button", name="Copy")
    await command.click()
    assert await tab.evaluate("navigator.clipboard.readText()") == call
    await expect(tab.get_by_role("status")).to_have_text("Copied")
    assert await command.evaluate("(button) => button === document.activeElement")
    value = tab.get_by_role("button", name="Copy: Official account, appid")
    await value.press("Enter")
    await expect(value).to_have_text("Copied")
    assert await tab.evaluate("navigator.clipboard.readText()") == appid
    await tab.goto(f"{dev.url}/?lang=zh")
    await tab.get_by_role("button", name="复制").first.click()
    await expect(tab.get_by_role("status")).to_have_text("已复制")


async def test_a_copy_that_fails_says_so_and_without_a_clipboard_text_is_copied(tab: Tab, dev: Dev) -> None:
    await tab.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await tab.goto(dev.url)
    copied: list[str] = []

    def note(text: str) -> None:
        copied.append(text)

    await tab.expose_function("noteCopy", note)
    await tab.evaluate("document.addEventListener('copy', () => noteCopy(document.activeElement.value))")
    await tab.locator(".copy").nth(1).click()
    await expect(tab.get_by_role("status")).to_have_text("Copied")
    assert copied == [dev.calls[0]]
    await tab.evaluate("document.execCommand = () => false")
    await tab.locator(".copy").nth(1).click()
    await expect(tab.get_by_role("status")).to_have_text("Not copied")


async def test_the_start_page_of_another_machine_shows_no_samples(tab: Tab, dev: Dev) -> None:
    appid = dev.described["keeper"]["wechat"]["appid"]
    await tab.goto(dev.url)
    assert appid in await tab.content()
    assert dev.described["caller"]["key"] in await tab.content()
    await tab.set_extra_http_headers({"x-forwarded-for": "192.0.2.7"})
    await tab.goto(dev.url)
    assert appid not in await tab.content()


async def test_the_filter_finds_calls_on_a_phone(tab: Tab, dev: Dev) -> None:
    await tab.goto(f"{dev.url}/docs")
    shown = tab.locator("details.entry:visible")
    every = await shown.count()
    assert every > 60
    box = tab.get_by_role("searchbox")
    assert await box.is_visible()
    await box.fill("oauth2/TICKET post")
    assert await shown.locator("h3").all_inner_texts() == ["/OAuth2/ticket"]
    assert await tab.locator("section.group:visible").count() == 1
    assert await tab.locator("#filter output").inner_text() == f"1 / {every}"
    await box.fill("corpsecret")  # a parameter
    assert "/cgi-bin/gettoken" in await shown.locator("h3").all_inner_texts()
    await box.fill("no such call")
    assert await shown.count() == 0
    assert await tab.get_by_text("No call matches.").is_visible()
    await box.fill("")
    assert await shown.count() == every
    assert not await tab.get_by_text("No call matches.").is_visible()


async def test_calls_open_by_keyboard_by_link_and_all_at_once(tab: Tab, dev: Dev) -> None:
    await tab.goto(f"{dev.url}/docs")
    assert await tab.locator("details.entry[open]").count() == 0
    await tab.get_by_role("searchbox").fill("/AccessToken/getXcx")
    await tab.keyboard.press("Tab")  # expand all
    await tab.keyboard.press("Tab")
    await tab.keyboard.press("Enter")
    entry = tab.locator("#get-AccessToken-getXcx")
    assert await entry.evaluate("(e) => e.open")
    assert await entry.locator(".method").all_inner_texts() == ["GET", "POST"]
    assert '"expires_in": 7200' in await entry.locator("pre").inner_text()
    await tab.goto(f"{dev.url}/docs#post-OAuth2-ticket")  # the filter hides it
    assert await tab.get_by_role("searchbox").input_value() == ""
    await tab.wait_for_selector("#post-OAuth2-ticket[open]")
    await expect(tab.locator("#post-OAuth2-ticket > summary")).to_be_in_viewport()
    button = tab.get_by_role("button", name="Expand all")
    await button.click()
    assert await tab.locator("details.entry:not([open])").count() == 0
    assert await button.get_attribute("aria-pressed") == "true"
    await button.click()
    assert await tab.locator("details.entry[open]").count() == 0


async def test_without_javascript_everything_can_be_read(browser: Browser, dev: Dev) -> None:
    context = await browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    tab = await context.new_page()
    await tab.goto(f"{dev.url}/docs")
    assert not await tab.locator("#filter").is_visible()
    await tab.locator("#post-OAuth2-ticket > summary").click()
    assert await tab.locator("#post-OAuth2-ticket pre").is_visible()
    for address in (dev.url, dev.described["sandbox"]):
        await tab.goto(address)
        assert await tab.locator(".command").first.is_visible()
        assert await tab.locator(".copy:visible").count() == 0
    await context.close()


ORDER = """() => {
  const e = document.activeElement;
  if (e === document.body) return null;
  const box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return { top: box.top + scrollY, left: box.left, outline: style.outlineStyle, width: parseFloat(style.outlineWidth),
           sticky: !!e.closest(".search, .contents") };
}"""


@pytest.mark.parametrize("name", ["start", "reference", "sandbox", "sample", "login"])
async def test_the_keyboard_goes_in_the_order_that_is_seen(tab: Tab, dev: Dev, name: str) -> None:
    await tab.goto(addresses(dev)[name])
    await tab.evaluate("document.body.tabIndex = -1; document.body.focus()")
    seen = []
    for _ in range(25):
        await tab.keyboard.press("Tab")
        found = await tab.evaluate(ORDER)
        if found is None:
            break
        assert (found["outline"], found["width"] >= 2) == ("solid", True), "the focus is seen"
        seen.append(found)
    assert len(seen) >= 4
    places = [(round(each["top"] / 24), each["left"]) for each in seen if not each["sticky"]]
    assert places == sorted(places)
