"""The way to a shop's own site and back in real Chromium: two sites, their cookies, and pages that a person sees."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext
from playwright.async_api import Page as Tab

from lingpai.core.clock import SystemClock
from lingpai.issuer import admin
from lingpai.issuer.verbs.passwords import make_reset_link
from tests.dev.running import developing
from tests.docs.blocks import ROOT, blocks
from tests.issuer.pages.harness import PASSWORD, Harness
from tests.issuer.pages.shops import Mall, mall_of

pytestmark = pytest.mark.asyncio(loop_scope="session")  # one browser for all

FORM = '<form method="post"><h1>Shop</h1><input name="user"><button>Enter</button></form>'
SHOTS = os.environ.get("LINGPAI_SCREENSHOTS")
"""A folder for pictures of the pages, for who wants to look at them."""


class Site:
    """The code of docs/how-to/own-users.md as a web app on another site than the service."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.sessions: dict[str, dict[str, str]] = {}

    def teach(self, key: str, url: str) -> None:
        (code,) = (each for each in blocks(ROOT / "docs/how-to/own-users.md") if each.language == "python")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LINGPAI_LOGIN_KEY", key)
            patch.setenv("LINGPAI_ISS", url)
            exec("\n".join(code.lines), self.names)  # what the page tells people to run

    async def ask(self, request: web.Request) -> web.Response:
        session: dict[str, str] = {}
        self.names["start"](request.query, session)
        answer = web.Response(text=FORM, content_type="text/html")
        self.sessions[session["challenge"]] = session
        answer.set_cookie("shop", session["challenge"], httponly=True, samesite="Lax")
        return answer

    async def take(self, request: web.Request) -> web.Response:
        form = await request.post()
        session = self.sessions[request.cookies["shop"]]
        user = str(form["user"])
        raise web.HTTPSeeOther(self.names["finish"]({"id": user, "name": "小" + user}, session))

    async def callback(self, _request: web.Request) -> web.Response:
        return web.Response(text="the app")


@contextlib.asynccontextmanager
async def serving(site: Site) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(
        [web.get("/login", site.ask), web.post("/login", site.take), web.get("/callback", site.callback)]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    try:
        yield f"http://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="session")
async def shop() -> AsyncIterator[tuple[Site, str]]:
    site = Site()
    async with serving(site) as url:
        yield site, url


@pytest_asyncio.fixture(loop_scope="session")
async def mall(tmp_path: Path, shop: tuple[Site, str]) -> AsyncIterator[Mall]:
    site, url = shop
    async with mall_of(tmp_path, SystemClock(), login=url + "/login") as opened:
        own = opened.shops["mall"]
        site.teach(own.key, own.url)
        app = await admin.find_app(own.issuer, "app")
        await admin.change_app(own.issuer, app, redirect_uris=(url + "/callback",))
        yield opened


async def look(tab: Tab, name: str) -> None:
    if SHOTS:
        await tab.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def watched(context: BrowserContext) -> tuple[Tab, list[str]]:
    """A tab, and what its console complains of (a blocked form or redirect would be there)."""
    tab, complaints = await context.new_page(), list[str]()
    tab.on("console", lambda message: complaints.append(message.text))
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    return tab, complaints


async def enter(tab: Tab, user: str) -> None:
    await tab.fill("[name=user]", user)
    await tab.get_by_role("button", name="Enter").click()


async def test_a_person_goes_to_the_site_and_back_to_the_app(
    context: BrowserContext, mall: Mall, shop: tuple[Site, str]
) -> None:
    callback = shop[1] + "/callback"
    tab, complaints = await watched(context)
    await tab.goto(mall.url + mall.authorize(redirect_uri=callback))
    assert tab.url.startswith(shop[1] + "/login?login_request=")
    await enter(tab, "红")
    assert "小红" in await tab.inner_text("main")
    await look(tab, "consent")
    await tab.get_by_role("button", name="Allow").click()
    await tab.wait_for_url(callback + "?*code=*")
    await tab.goto(mall.shops["mall"].url)
    assert "花间小铺" in await tab.inner_text("main")
    assert await tab.get_by_text("Change password").count() == 0
    await tab.get_by_role("button", name="Log out everywhere").click()
    assert "You are logged out" in await tab.inner_text("main")
    await look(tab, "left")
    await tab.get_by_role("link", name="Log in again").click()
    await enter(tab, "红")
    assert "花间小铺" in await tab.inner_text("main")
    assert [each for each in complaints if "404" not in each] == []  # the shop has no icon


async def test_going_back_and_reloading_do_no_harm(
    context: BrowserContext, mall: Mall, shop: tuple[Site, str]
) -> None:
    tab, _ = await watched(context)
    returned: list[str] = []
    tab.on(
        "request", lambda request: returned.append(request.url) if "/login/return?" in request.url else None
    )
    await tab.goto(mall.url + mall.authorize(redirect_uri=shop[1] + "/callback"))
    await enter(tab, "7")
    await tab.goto(returned[0])  # the same answer again
    assert await tab.get_by_role("button", name="Allow").count() == 1
    await tab.go_back()
    await tab.reload()
    assert await tab.get_by_role("button", name="Allow").count() == 1


async def test_a_link_that_somebody_sends_logs_nobody_in(
    browser: Browser, context: BrowserContext, mall: Mall, shop: tuple[Site, str]
) -> None:
    attacker, _ = await watched(context)
    await attacker.goto(mall.url + mall.authorize(redirect_uri=shop[1] + "/callback"))
    sent = attacker.url
    victims = await browser.new_context(locale="en-US")
    try:
        victim, _ = await watched(victims)
        await victim.goto(sent)
        await enter(victim, "victim")
        assert "Begun in another browser" in await victim.inner_text("main")
        await look(victim, "elsewhere")
        await victim.get_by_role("link", name="Log in again").click()
        await enter(victim, "victim")
        assert victim.url == mall.shops["mall"].url
        assert "小victim" in await victim.inner_text("main")
    finally:
        await victims.close()
    await attacker.goto(mall.shops["mall"].url)
    assert attacker.url.startswith(shop[1])  # nobody is logged in there


async def test_the_sample_app_of_dev_is_such_a_site(context: BrowserContext, tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        own = dev.url + "/members/user/members"
        tab, complaints = await watched(context)
        await tab.goto(dev.described["sample"])
        await tab.click(f"a[href='{own}']")
        await look(tab, "members")
        await tab.get_by_role("button", name="小明").click()
        await tab.wait_for_url(own)
        assert "小明" in await tab.inner_text("main")
        assert [text for text in complaints if "favicon" not in text and "404" not in text] == []
        await tab.goto(own + "/login?again=1")
        await tab.get_by_role("button", name="不登录").click()
        assert "You did not log in" in await tab.inner_text("main")
        wrong = await tab.request.get(dev.described["sample"] + "/members/login?login_request=a.b.c")
        assert wrong.status == 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [320, 1280])
async def test_the_pages_for_passwords_fit(
    browser: Browser, harness: Harness, scheme: Any, language: str, width: int
) -> None:
    viewport: Any = {"width": width, "height": 720}
    context = await browser.new_context(color_scheme=scheme, locale=language, viewport=viewport)
    try:
        tab, complaints = await watched(context)
        own = harness.url + "/user/mall"
        await tab.goto(own + "/reset?link=" + await make_reset_link(harness.mall, harness.users["mall"]))
        await fits(tab, width, f"reset-{language}-{scheme}-{width}")
        await tab.goto(own)
        await tab.fill("[name=login]", "hong")
        await tab.fill("[name=password]", PASSWORD)
        await tab.keyboard.press("Enter")
        await tab.wait_for_url(own)
        await fits(tab, width, f"own-{language}-{scheme}-{width}")
        await tab.goto(own + "/password")
        await fits(tab, width, f"password-{language}-{scheme}-{width}")
        assert complaints == []
    finally:
        await context.close()


async def fits(tab: Tab, width: int, name: str) -> None:
    assert await tab.evaluate("document.documentElement.scrollWidth") <= width
    await look(tab, name)


async def test_a_password_is_changed_by_keyboard(context: BrowserContext, harness: Harness) -> None:
    tab, complaints = await watched(context)
    await tab.goto(harness.url + "/user/mall")
    await tab.fill("[name=login]", "hong")
    await tab.fill("[name=password]", PASSWORD)
    await tab.keyboard.press("Enter")
    await tab.get_by_role("link", name="Change password").click()
    await tab.wait_for_selector("[name=old]:focus")
    for text in (PASSWORD, "another horse", "another horse"):
        await tab.keyboard.type(text)
        await tab.keyboard.press("Tab")
    await tab.keyboard.press("Enter")
    await tab.wait_for_url("**/user/mall?changed=1")
    assert "was changed" in await tab.inner_text("main")
    assert complaints == []
