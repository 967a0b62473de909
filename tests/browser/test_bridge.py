"""The JS bridge in real Chromium, with a third party's page on another site (docs/spec/yzb.md)."""

import base64
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import BrowserContext
from playwright.async_api import Page as Tab

from tests.browser.third_party import Page, serving_page
from tests.issuer.pages.harness import PASSWORD, Harness

pytestmark = pytest.mark.asyncio(loop_scope="session")  # one browser for all


async def outcomes(tab: Tab, last: str) -> list[Any]:
    """What the page's callbacks were called with, once the last one came."""
    await tab.wait_for_function("last => outcomes.some(each => each.includes(last))", arg=last)
    found: list[Any] = await tab.evaluate("outcomes.splice(0)")
    return found


async def configured(context: BrowserContext, page: Page) -> Tab:
    """The app's page, verified."""
    tab = await context.new_page()
    await tab.goto(page.url)
    assert await outcomes(tab, "ready") == [["ready"]]  # before any config: pages call it there
    await tab.evaluate("configure()")
    assert await outcomes(tab, "complete") == [["config", "next", {}], ["config", "complete"]]
    return tab


async def refused(tab: Tab) -> int:
    """The code of the error with which core.config ended."""
    (error,) = [each for each in await outcomes(tab, "complete") if each[:2] == ["config", "error"]]
    code: int = error[2]["code"]
    return code


async def window_of(tab: Tab, button: str = "#code") -> Tab:
    """Press a button; the issuer's window that it opens."""
    async with tab.expect_popup() as opening:
        await tab.click(button)
    window = await opening.value
    await window.wait_for_load_state()
    return window


async def log_in(window: Tab) -> None:
    await window.fill("[name=login]", "hong")
    await window.fill("[name=password]", PASSWORD)
    await window.click("[type=submit]")
    await window.wait_for_selector("[value=allow]")


async def allow(tab: Tab, button: str) -> list[Any]:
    window = await window_of(tab, button)
    if await window.query_selector("[name=password]"):
        await log_in(window)
    async with window.expect_event("close"):
        await window.click("[value=allow]")
    return await outcomes(tab, "complete")


async def test_from_config_to_user_info(context: BrowserContext, third_party: Page) -> None:
    tab = await configured(context, third_party)
    window = await window_of(tab, "#access")
    assert urlsplit(window.url).path == "/user/yzb/login"
    await log_in(window)
    assert "天气日历" in await window.inner_text("h1")
    assert "see your name, picture and sex" in await window.inner_text("main")
    assert third_party.origin in await window.inner_text("main")
    async with window.expect_event("close"):
        await window.click("[value=allow]")
    access = {"access": ["user/get_user_base_info"]}
    assert await outcomes(tab, "complete") == [["access", "next", access], ["access", "complete"]]

    await tab.click("#code")  # nothing is left to ask: the window comes and goes
    (name, outcome, value), complete = await outcomes(tab, "complete")
    assert (name, outcome, complete) == ("code", "next", ["code", "complete"])
    assert value.keys() == {"code"}
    info = await third_party.user_info(value["code"])
    assert info == {"nick": "小红", "avatar": "https://img.example/1.png", "sex": "2"}


async def test_a_code_needs_only_to_know_the_user_again(context: BrowserContext, third_party: Page) -> None:
    tab = await configured(context, third_party)
    (name, outcome, value), _ = await allow(tab, "#code")
    assert (name, outcome) == ("code", "next")
    member = await third_party.harness.yzb.store.find_member(
        third_party.harness.mini.id, third_party.harness.users["yzb"].id
    )
    assert member is not None
    assert (member.added, member.scope, member.permissions) == (True, "sns_base", ())
    assert len(value["code"]) == 64


async def test_refusing_cancels(context: BrowserContext, third_party: Page) -> None:
    tab = await configured(context, third_party)
    window = await window_of(tab)
    await log_in(window)
    async with window.expect_event("close"):
        await window.click("[value=refuse]")
    assert await outcomes(tab, "complete") == [["code", "cancel"], ["code", "complete"]]


async def test_closing_the_window_cancels(context: BrowserContext, third_party: Page) -> None:
    tab = await configured(context, third_party)
    await (await window_of(tab)).close()
    assert await outcomes(tab, "complete") == [["code", "cancel"], ["code", "complete"]]


async def test_a_wrong_signature_is_refused(context: BrowserContext, third_party: Page) -> None:
    tab = await context.new_page()
    await tab.goto(third_party.url)
    await tab.evaluate("configure({signature: '0'.repeat(40)})")
    _ready, error, _ = await outcomes(tab, "complete")
    assert error[:2] == ["config", "error"]  # of the call alone: pages reload on yzb.error
    assert error[2].keys() == {"code", "description", "suggestion"}
    assert error[2]["code"] == 100002
    await tab.click("#code")
    (_, outcome, refused), _ = await outcomes(tab, "complete")
    assert (outcome, refused["code"]) == ("error", 100003)
    assert len(context.pages) == 1


@pytest.mark.parametrize(
    "over",
    ["{app_id: ''}", "{timestamp: null}", "{js_api_list: []}", "{js_api_list: 'x'}", "{nonce_str: ' '}"],
)
async def test_missing_parameters_are_reported_at_once(
    context: BrowserContext, third_party: Page, over: str
) -> None:
    tab = await context.new_page()
    await tab.goto(third_party.url)
    await tab.evaluate(f"configure({over})")
    assert await refused(tab) == 100001


async def test_a_foreign_origin_is_refused(context: BrowserContext, harness: Harness) -> None:
    async with serving_page(harness, "evil.localhost") as evil:
        tab = await context.new_page()
        await tab.goto(evil.url)
        await tab.evaluate("configure()")
        assert await refused(tab) == 100005


async def test_another_app_id_than_the_verified_one_is_refused(
    context: BrowserContext, third_party: Page
) -> None:
    tab = await configured(context, third_party)
    await tab.evaluate("yzb.core.requestAuthCode({data: {app_id: '100002'}, ...listen('code')})")
    (_, _, error), _ = await outcomes(tab, "complete")
    assert error["code"] == 100003


async def test_the_network_down_is_reported(context: BrowserContext, third_party: Page) -> None:
    tab = await context.new_page()
    await tab.goto(third_party.url)
    await tab.route("**/OAuth2/checkJsConfig", lambda route: route.abort())
    await tab.evaluate("configure()")
    assert await refused(tab) == 200000


async def test_without_windows_the_page_goes_to_the_issuer_and_comes_back(
    context: BrowserContext, third_party: Page
) -> None:
    """A login that no click began: the browser opens no window."""
    await context.add_init_script("window.open = () => null")
    tab = await configured(context, third_party)
    await tab.click("#code")
    await tab.wait_for_selector("[name=password]")
    await log_in(tab)
    await tab.click("[value=allow]")
    await tab.wait_for_url(third_party.origin + "/**")
    assert tab.url == third_party.url  # with the #fragment that the page had
    await outcomes(tab, "ready")
    await tab.evaluate("configure()")
    await outcomes(tab, "complete")
    await tab.click("#code")
    (name, outcome, value), complete = await outcomes(tab, "complete")
    assert (name, outcome, complete) == ("code", "next", ["code", "complete"])
    assert (await third_party.tokens_of(value["code"]))["open_id"]
    await tab.click("#code")  # the answer is good once: the page leaves again, and nothing is left to ask
    await tab.wait_for_url("**/page/?x=1#top")
    await tab.wait_for_function("outcomes.some(each => each.includes('ready'))")


async def test_refusing_comes_back_as_cancel(context: BrowserContext, third_party: Page) -> None:
    await context.add_init_script("window.open = () => null")
    tab = await configured(context, third_party)
    await tab.click("#code")
    await tab.wait_for_selector("[name=password]")
    await log_in(tab)
    await tab.click("[value=refuse]")
    await tab.wait_for_url(third_party.origin + "/**")
    await outcomes(tab, "ready")
    await tab.evaluate("configure()")
    await outcomes(tab, "complete")
    await tab.click("#code")
    assert await outcomes(tab, "complete") == [["code", "cancel"], ["code", "complete"]]


async def test_an_answer_that_this_tab_did_not_ask_for_is_dropped(
    context: BrowserContext, third_party: Page
) -> None:
    """A link with somebody else's code in it logs nobody in."""
    tab = await context.new_page()
    foreign = base64.urlsafe_b64encode(b'{"next":{"code":"c0de"}}').rstrip(b"=").decode()
    await tab.goto(f"{third_party.origin}/page/?x=1#yzb={'0' * 32}.{foreign}")
    await outcomes(tab, "ready")
    assert "yzb=" not in tab.url
    await tab.evaluate("configure()")
    await outcomes(tab, "complete")
    window = await window_of(tab)
    assert await window.query_selector("[name=password]") is not None


async def test_only_an_address_of_the_verified_origin_is_gone_back_to(
    context: BrowserContext, third_party: Page
) -> None:
    tab = await configured(context, third_party)
    address = await first_url(context)
    for back in ("https://evil.example/", third_party.origin + ".evil.example/", third_party.origin + "/#x"):
        answer = await tab.request.get(f"{address}&{urlencode({'back': back})}", max_redirects=0)
        assert answer.status == 400, back


async def test_what_the_platform_has_and_this_container_has_not_answers_an_error(
    context: BrowserContext, third_party: Page
) -> None:
    tab = await configured(context, third_party)
    for version in ("version", "appVersion", "containerVersion"):
        assert re.fullmatch(r"\d+\.\d+\.\d+", await tab.evaluate(f"yzb.{version}"))
    assert await tab.evaluate("yzb.helper.isRunInClientDesktop()") is True
    assert await tab.evaluate("yzb.native.setCallback(() => {})") is None
    assert await tab.evaluate("(async () => (await yzb) === yzb)()") is True  # no promise by accident
    for method in ("app.openBrowser", "native.run", "file.read", "core.somethingNew"):
        await tab.evaluate(f"yzb.{method}(listen('call'))")
        (name, outcome, error), complete = await outcomes(tab, "complete")
        assert (name, outcome, error["code"], complete) == ("call", "error", 100006, ["call", "complete"])
        await tab.evaluate(f"yzb.{method}()")  # without callbacks


async def test_a_script_that_does_not_know_its_issuer_says_so(
    context: BrowserContext, third_party: Page, harness: Harness
) -> None:
    tab = await context.new_page()
    await tab.goto(third_party.origin + "/frame?src=about:blank")
    script = await (await context.request.get(f"{harness.url}/js/yzb-bridge.js")).text()
    answer = await tab.evaluate(
        """script => new Promise(resolve => {
          const element = document.createElement("script");
          element.textContent = script;
          document.head.append(element);
          yzb.error(error => resolve(error.code));
        })""",
        script,
    )
    assert answer == 100002


async def test_the_answer_goes_to_exactly_the_verified_origin(
    context: BrowserContext, third_party: Page, harness: Harness
) -> None:
    tab = await configured(context, third_party)
    query = {name: values[0] for name, values in parse_qs(urlsplit(await first_url(context)).query).items()}
    window = await window_of(tab)
    await log_in(window)
    async with window.expect_event("close"):
        await window.click("[value=allow]")
    await outcomes(tab, "complete")
    async with serving_page(harness, "evil.localhost") as evil:
        thief = await context.new_page()
        await thief.goto(evil.url)
        await thief.evaluate("window.heard = []; window.addEventListener('message', e => heard.push(e.data))")
        stolen = f"{harness.url}/js/yzb-bridge/window?{urlencode(query)}"
        async with thief.expect_popup() as opening:
            await thief.evaluate("url => { window.opened = window.open(url) }", stolen)
        opened = await opening.value
        await opened.wait_for_selector("#answer", state="attached")
        await opened.wait_for_event("close")  # it had its answer, and gave it to nobody here
        assert await thief.evaluate("heard") == []
        forged = urlencode(query | {"origin": evil.origin})
        async with thief.expect_popup() as opening:
            await thief.evaluate(
                "url => { window.open(url) }", f"{harness.url}/js/yzb-bridge/window?{forged}"
            )
        await thief.wait_for_function("heard.length > 0")
        (answer,) = await thief.evaluate("heard")
        assert answer.keys() == {"yzb", "error"}


async def first_url(context: BrowserContext) -> str:
    """The address that the script opened its window with, which any page could open too."""
    tab = context.pages[0]
    await tab.evaluate("window.wasOpen = window.open")
    await tab.evaluate(
        "window.open = url => { window.asked = String(url); return {closed: true, close() {}} }"
    )
    await tab.click("#code")
    await outcomes(tab, "complete")
    url: str = await tab.evaluate("window.open = wasOpen, asked")
    return url


async def test_the_window_cannot_be_framed(
    context: BrowserContext, third_party: Page, harness: Harness
) -> None:
    tab = await configured(context, third_party)
    src = urlsplit(await first_url(context))
    for path in (f"{src.path}?{src.query}", "/user/yzb/login", "/user/mall/login"):
        framing = await context.new_page()
        await framing.goto(third_party.origin + "/frame?" + urlencode({"src": harness.url + path}))
        await framing.frames[1].wait_for_url("chrome-error://**")
        assert await framing.frames[1].query_selector("form, #answer") is None
        await framing.close()
    await tab.close()
