"""Forms in real Chromium: where their answers go, double clicks, second tabs, pages left open, and going back."""

import asyncio
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext
from playwright.async_api import Page as Tab

from lingpai.issuer import admin
from lingpai.issuer.verbs.redeem import redeem
from tests.browser.third_party import Page
from tests.issuer.pages.harness import PASSWORD, REDIRECT, TERMINAL, Harness, authorize_path

pytestmark = pytest.mark.asyncio(loop_scope="session")  # one browser for all

PRIVATE = "com.example.shop:/callback"


async def send_to(harness: Harness, uri: str) -> str:
    """The address that begins an authorization of the shop whose answers go to `uri`."""
    await admin.change_app(harness.mall, harness.shop, redirect_uris=(uri,))
    return harness.url + authorize_path(redirect_uri=uri)


async def fill(tab: Tab) -> None:
    await tab.fill("[name=login]", "hong")
    await tab.fill("[name=password]", PASSWORD)


async def log_in(tab: Tab) -> None:
    await fill(tab)
    await tab.keyboard.press("Enter")
    await tab.wait_for_selector("[value=allow]")


def watched(tab: Tab) -> list[str]:
    """What the tab's console complains of: a blocked form is there."""
    complaints = list[str]()
    tab.on("console", lambda message: complaints.append(message.text))
    return complaints


async def went_to(tab: Tab) -> asyncio.Future[str]:
    """The next address with a private scheme that the page asks for; nothing can open it here."""
    session = await tab.context.new_cdp_session(tab)
    await session.send("Page.enable")
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(event: dict[str, str]) -> None:
        if not event["url"].startswith("http") and not found.done():
            found.set_result(event["url"])

    session.on("Page.frameRequestedNavigation", note)
    return found


@pytest.mark.parametrize("javascript", [True, False])
async def test_an_apps_callback_may_redirect_to_another_host(
    browser: Browser, harness: Harness, third_party: Page, javascript: bool
) -> None:
    context = await browser.new_context(java_script_enabled=javascript)
    tab = await context.new_page()
    complaints = watched(tab)
    elsewhere = third_party.origin.replace("localhost", "127.0.0.1") + "/callback"
    start = await send_to(harness, third_party.origin + "/redirecting?to=" + quote_plus(elsewhere))
    await tab.goto(start)
    await log_in(tab)
    await tab.click("[value=allow]")
    await tab.wait_for_url(elsewhere)
    assert "welcome back" in await tab.inner_text("body")
    await tab.go_back()  # past the page that only went on
    assert urlsplit(tab.url).path != "/user/mall/onward"
    assert complaints == []
    await context.close()


async def test_an_apps_callback_may_redirect_to_a_private_scheme(
    context: BrowserContext, harness: Harness, third_party: Page
) -> None:
    tab = await context.new_page()
    complaints = watched(tab)
    await tab.goto(await send_to(harness, third_party.origin + "/redirecting?to=" + quote_plus(PRIVATE)))
    await log_in(tab)
    async with tab.expect_request(lambda request: "/redirecting?" in request.url):
        await tab.click("[value=allow]")
    await asyncio.wait_for(third_party.redirected.wait(), 10)
    assert not [each for each in complaints if "form-action" in each]


@pytest.mark.parametrize("answer", ["allow", "refuse"])
async def test_an_answer_may_go_to_a_private_scheme(
    context: BrowserContext, harness: Harness, answer: str
) -> None:
    tab = await context.new_page()
    complaints, asked = watched(tab), await went_to(tab)
    await tab.goto(await send_to(harness, PRIVATE))
    await log_in(tab)
    await tab.click(f"[value={answer}]")
    address = await asyncio.wait_for(asked, 10)
    assert address.startswith(PRIVATE + ("?code=" if answer == "allow" else "?error=access_denied"))
    assert await tab.get_attribute("a.go", "href") == address  # by hand, when nothing opened it
    assert not [each for each in complaints if "form-action" in each]


@pytest.mark.parametrize("delay", [0, 60, 250])
async def test_a_double_click_on_log_in_and_on_allow_is_one(
    context: BrowserContext, harness: Harness, third_party: Page, delay: int
) -> None:
    tab = await context.new_page()
    await tab.goto(await send_to(harness, third_party.callback))
    await fill(tab)
    await tab.dblclick("[type=submit]", delay=delay)
    await tab.wait_for_selector("[value=allow]")
    await asyncio.sleep(0.7)  # what a person takes to read; the button's own half second among it
    box = await tab.locator("[value=allow]").bounding_box()
    assert box is not None
    await tab.mouse.dblclick(box["x"] + 20, box["y"] + 10, delay=delay)
    await tab.wait_for_url(third_party.callback + "?*")
    (code,) = parse_qs(urlsplit(tab.url).query)["code"]
    tokens = await redeem(harness.mall, harness.shop, code, redirect_uri=third_party.callback)
    assert tokens.grant.user == harness.users["mall"].id
    assert len(third_party.codes) == 1


async def test_allow_is_not_live_in_its_first_half_second(context: BrowserContext, harness: Harness) -> None:
    tab = await context.new_page()
    await tab.goto(harness.url + authorize_path())
    await log_in(tab)
    times = await tab.evaluate("""() => {
      const button = document.querySelector("[value=allow]");
      button.replaceWith(button.cloneNode(true));  // as when the page was just opened
      const [animation] = document.querySelector("[value=allow]").getAnimations();
      animation.pause();
      return [0, 499, 500].map(time => {
        animation.currentTime = time;
        return getComputedStyle(document.querySelector("[value=allow]")).pointerEvents;
      });
    }""")
    assert times == ["none", "none", "auto"]
    assert (
        await tab.evaluate("getComputedStyle(document.querySelector('[value=refuse]')).pointerEvents")
        == "auto"
    )


async def test_a_second_tab_and_going_back_go_on(
    context: BrowserContext, harness: Harness, third_party: Page
) -> None:
    start = await send_to(harness, third_party.callback)
    first, second = await context.new_page(), await context.new_page()
    for tab in (first, second):
        await tab.goto(start + f"&tab={tab is second:d}")
    await log_in(first)
    await fill(second)  # still the login page of before
    await second.keyboard.press("Enter")
    await second.wait_for_selector("[value=allow]")
    for tab in (first, second):
        await tab.click("[value=allow]")
        await tab.wait_for_url(third_party.callback + "?*")
    assert len(set(third_party.codes)) == 2
    await redeem(harness.mall, harness.shop, third_party.codes[-1], redirect_uri=third_party.callback)
    await second.go_back()
    await second.wait_for_load_state()
    assert "cookie" not in (await second.inner_text("main")).lower()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
async def test_long_names_stay_inside(
    browser: Browser, harness: Harness, third_party: Page, scheme: str, language: str
) -> None:
    name = "W" * 64 + "花" * 40
    for issuer, app in ((harness.mall, harness.shop), (harness.terminals, harness.printing)):
        await admin.change_app(issuer, app, name=name, redirect_uris=(third_party.callback,))
    owner = harness.users["yilianyun"]
    await admin.save_terminal(harness.terminals, "4004001", name="x" * 64, owner=owner)
    context = await browser.new_context(
        viewport={"width": 360, "height": 640},
        color_scheme="dark" if scheme == "dark" else "light",
        locale=language,
    )
    tab = await context.new_page()

    async def fits() -> None:
        assert await tab.evaluate("document.documentElement.scrollWidth") <= 360

    await tab.goto(harness.url + TERMINAL.replace(quote_plus(REDIRECT), quote_plus(third_party.callback)))
    await fits()
    await log_in(tab)
    await fits()
    await tab.check("[value='4004001']")
    await tab.click("[value=allow]")
    await tab.wait_for_url(third_party.callback + "?*")
    await tab.goto(harness.url + "/user/yilianyun")
    await fits()
    await tab.goto(harness.url + "/user/yilianyun/consent?request=x")
    await fits()
    await context.close()


async def test_tab_visits_the_buttons_as_they_are_seen(context: BrowserContext, harness: Harness) -> None:
    tab = await context.new_page()
    await tab.goto(harness.url + authorize_path(redirect_uri=REDIRECT))
    await log_in(tab)
    boxes = await tab.evaluate(
        "[...document.querySelectorAll('.pair button')].map(e => [e.value, e.getBoundingClientRect().x])"
    )
    assert [value for value, _ in boxes] == [value for value, _ in sorted(boxes, key=lambda each: each[1])]
