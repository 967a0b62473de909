"""The console in real Chromium: every page by axe, live updates, two people at once, and its limits."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect
from playwright.async_api import Page as Tab

from lingpai.operating.keys import remove_key
from tests.browser.console_site import HOSTILE, Site, State, console_site
from tests.console.tokens import hold, renew
from tests.dev.running import Dev, developing
from tests.prepare import NODE

pytestmark = pytest.mark.asyncio(loop_scope="session")
AXE = NODE / "node_modules/axe-core/axe.min.js"
STATES: tuple[State, ...] = ("empty", "full", "trouble")
PAGES = (
    *("", "/accounts", "/callers", "/apps?realm=mall", "/users?realm=mall", "/grants?realm=mall", "/realms"),
    *("/machines?realm=yilianyun", "/environments", "/keys", "/sessions"),
    *("/audit", "/admins", "/search", "/accounts/add", "/callers/add", "/users/add?realm=mall"),
)
OF_THINGS = (
    *(
        "/callers/change?name=shop&preset=1&rights=token",
        "/callers/revoke?name=shop",
        "/callers/key?name=shop",
    ),
    *("/apps/remove?realm=mall&app_id=shop", "/accounts/remove?platform=wechat&account=wx1&label=-"),
    "/tokens/renew?platform=wechat&account=wx1&label=-&kind=access_token",
)
"""Operations on what a full console has."""
SHOWN: Mapping[State, tuple[str, ...]] = {
    "empty": PAGES[:13],
    "full": (*PAGES, *OF_THINGS),
    "trouble": ("", "/callers", "/users?realm=mall"),
}
"""The pages that look different in each state."""
SHOTS = os.environ.get("LINGPAI_SCREENSHOTS")
"""A folder for pictures of the pages, for who wants to look at them."""
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest_asyncio.fixture(loop_scope="session")
async def full(tmp_path: Path) -> AsyncIterator[Site]:
    async with console_site(tmp_path, "full") as site:
        yield site


async def watched(context: BrowserContext) -> tuple[Tab, list[str]]:
    """A tab, and what its console complains of (a broken policy would be there)."""
    tab, complaints = await context.new_page(), list[str]()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("dialog", lambda dialog: complaints.append(dialog.message))
    return tab, complaints


async def signed_in(context: BrowserContext, site: Site) -> tuple[Tab, list[str]]:
    tab, complaints = await watched(context)
    await tab.goto(await site.link_url())
    await tab.wait_for_selector("nav.menu")
    return tab, complaints


async def faults(tab: Tab) -> list[str]:
    """What axe finds against WCAG 2.2, A and AA."""
    if not await tab.evaluate("'axe' in window"):
        await tab.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = await tab.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [f"{each['id']}: {node['html'][:200]}" for each in found["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
async def test_every_page_in_every_way(
    browser: Browser, tmp_path: Path, locale: str, scheme: str, state: State
) -> None:
    async with console_site(tmp_path, state) as site:
        context = await browser.new_context(
            locale=locale,
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": 1280, "height": 800},
        )
        context.set_default_timeout(10_000)
        tab, complaints = await watched(context)
        await tab.goto(f"{site.url}/console")
        assert await faults(tab) == [], "sign-in"
        await tab.goto(await site.link_url())
        await tab.wait_for_selector("nav.menu")
        for path in SHOWN[state]:
            answer = await tab.goto(f"{site.url}/console{path}")
            assert answer is not None
            assert answer.status == 200, path
            for width in (1280, 360):
                await tab.set_viewport_size({"width": width, "height": 800})
                assert await tab.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                assert await faults(tab) == [], (path, width)
                if SHOTS:
                    name = path.strip("/").partition("?")[0].replace("/", "-") or "overview"
                    picture = Path(SHOTS) / f"{name}.{locale}.{scheme}.{state}.{width}.png"
                    await tab.screenshot(path=picture, full_page=True)
        await context.close()
        assert complaints == []


async def test_a_link_signs_in_by_itself_and_leaves_no_secret_in_the_address(
    context: BrowserContext, full: Site
) -> None:
    tab, complaints = await signed_in(context, full)
    assert tab.url == f"{full.url}/console"
    assert "lpc_" not in await tab.evaluate(
        "JSON.stringify([history.state, {...localStorage}, {...sessionStorage}])"
    )
    assert await tab.evaluate("document.cookie") == ""
    await tab.get_by_role("button", name="Sign out").click()
    await expect(tab.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert complaints == []


async def test_without_javascript(browser: Browser, full: Site) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="en-US")
    tab, complaints = await watched(context)
    await tab.goto(f"{full.url}/console")
    await tab.fill("#secret", await full.link())
    await tab.get_by_role("button", name="Sign in").click()
    await tab.get_by_role("link", name="Callers", exact=True).click()
    await tab.get_by_role("link", name="shop, ticket: no. allow").click()
    assert "token, sign token, ticket, sign" in " ".join((await tab.inner_text("table")).split())
    await tab.get_by_role("button", name="Change").click()
    await expect(tab.get_by_role("status").first).to_have_text("The caller was changed.")
    stored = await full.keeper.store.find_caller_named("shop")
    assert stored is not None
    assert stored.rights == ("token", "ticket", "sign")
    await context.close()
    assert complaints == []


async def test_by_keyboard_alone(context: BrowserContext, full: Site) -> None:
    tab, _ = await signed_in(context, full)
    await tab.goto(f"{full.url}/console/callers/revoke?name=shop")
    await tab.focus("#typed")
    await tab.keyboard.type("shop")
    await tab.keyboard.press("Tab")
    await tab.keyboard.type("no longer used")
    await tab.keyboard.press("Tab")
    await tab.keyboard.press("Enter")
    await expect(tab.get_by_role("status").first).to_have_text("The caller was revoked.")


async def test_bars_drain_and_what_happens_is_seen_without_reloading(
    context: BrowserContext, full: Site
) -> None:
    await hold(full, "wxshort", lifetime=40.0)
    tab, complaints = await signed_in(context, full)
    row = tab.locator(".bars li", has_text="wxshort")
    left = row.locator("b[data-left]")
    before, width = await left.inner_text(), await row.locator("rect.now").get_attribute("width")
    await expect(left).not_to_have_text(before)
    assert await row.locator("rect.now").get_attribute("width") != width
    await hold(full, "wxnew", lifetime=600.0)
    await expect(tab.locator(".bars li", has_text="wxnew")).to_be_visible(timeout=5_000)
    await renew(full, "wxshort", lifetime=7200.0)
    await expect(row.locator(".left")).to_contain_text("of 2 h", timeout=5_000)
    await expect(row.locator(".left")).to_contain_text("previous token:")
    assert complaints == []


async def test_two_people_on_one_caller(browser: Browser, full: Site) -> None:
    contexts = [await browser.new_context(locale="en-US") for _ in range(2)]
    (first, _), (second, complaints) = [await signed_in(each, full) for each in contexts]
    for tab in (first, second):
        await tab.goto(f"{full.url}/console/callers/change?name=shop")
    await first.fill("[name=environment]", "staging")
    await first.get_by_role("button", name="Change").click()
    await first.wait_for_url("**/callers?done=**")
    await second.uncheck("[value=sign]")
    await second.get_by_role("button", name="Change").click()
    await expect(second.get_by_role("alert")).to_contain_text("Somebody changed it meanwhile.")
    await expect(second.locator(".change")).to_contain_text("staging")
    await second.fill("[name=environment]", "staging")
    await second.get_by_role("button", name="Change").click()
    await second.wait_for_url("**/callers?done=**")
    await expect(first.locator("tr", has_text="shop").locator(".on")).to_have_count(1, timeout=5_000)
    stored = await full.keeper.store.find_caller_named("shop")
    assert stored is not None
    assert (stored.environment, stored.rights) == ("staging", ("token",))
    for each in contexts:
        await each.close()
    assert [text for text in complaints if "412" not in text] == []


async def test_a_session_that_ends_is_said_in_the_open_page(context: BrowserContext, full: Site) -> None:
    name, key = await full.key("viewer")
    tab, _ = await watched(context)
    await tab.goto(f"{full.url}/console")
    await tab.fill("#secret", key)
    await tab.get_by_role("button", name="Sign in").click()
    await expect(tab.get_by_role("heading", level=1)).to_have_text("Overview", timeout=30_000)
    async with tab.expect_response("**/events"):
        await tab.reload()
    await remove_key(full.keeper.by(full.actor), name)
    await expect(tab.locator("#said")).to_contain_text("Your session ended.", timeout=30_000)
    await tab.reload()
    await expect(tab.get_by_role("heading", level=1)).to_have_text("Sign in")


async def test_updates_can_be_paused(context: BrowserContext, full: Site) -> None:
    tab, _ = await signed_in(context, full)
    pause = tab.get_by_role("button", name="Pause updates")
    await pause.click()
    await hold(full, "wxnew")
    resume = tab.get_by_role("button", name="Resume updates")
    await expect(resume).to_have_attribute("aria-pressed", "true")
    await expect(tab.locator(".bars li", has_text="wxnew")).to_have_count(0)
    await resume.click()
    await expect(tab.locator(".bars li", has_text="wxnew")).to_be_visible(timeout=5_000)


async def test_a_page_is_few_requests(context: BrowserContext, full: Site) -> None:
    tab, _ = await signed_in(context, full)
    asked = list[str]()
    tab.on("request", lambda request: asked.append(request.url))
    await tab.reload(wait_until="load")
    paths = {url.removeprefix(full.url).partition("/files/")[0] for url in asked}
    assert paths <= {"/console", "/console/events", "/icon.svg"}
    assert len(set(asked)) <= 7
    assert HOSTILE not in await tab.content()


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("console")) as running:
        yield running


async def test_the_first_five_minutes(context: BrowserContext, dev: Dev) -> None:
    """`lingpai dev`: open the link, break something, see it, mend it, and find it in the audit trail."""
    link = dev.described["admin"]["console"]
    assert any(link in line for line in dev.printed)
    tab, complaints = await watched(context)
    await tab.goto(link)
    await expect(tab.locator(".bars li")).not_to_have_count(0)
    await tab.get_by_role("link", name="Break it").click()
    await tab.get_by_role("button", name="Wrong secret").click()
    await expect(tab.get_by_role("status").first).to_have_text("The sandbox refuses every secret now.")
    await tab.get_by_role("link", name="Overview").click()
    await tab.get_by_role("link", name="Renew: wechat").first.click()
    await tab.get_by_role("button", name="Renew").click()
    await tab.get_by_role("link", name="Overview").click()
    await expect(tab.locator("#troubles")).to_contain_text("circuit breaker open")
    await expect(tab.locator("#troubles")).to_contain_text("40125")
    await tab.get_by_role("link", name="Break it").click()
    await tab.get_by_role("button", name="Mend all").click()
    await tab.get_by_role("link", name="Overview").click()
    await tab.get_by_role("link", name="Unblock").click()
    await tab.get_by_role("button", name="Unblock").click()
    await tab.get_by_role("link", name="Overview").click()
    await expect(tab.locator("#troubles")).to_contain_text("No renewal fails.", timeout=10_000)
    await tab.get_by_role("link", name="Audit").click()
    await expect(tab.locator(".trail")).to_contain_text("token.unblock")
    assert [text for text in complaints if "Failed to load resource" not in text] == []
