"""The sample app by the standard protocol in Chromium: an app with a secret, one in the page alone, a device."""

from collections.abc import Iterator

import pytest
from playwright.async_api import BrowserContext, ConsoleMessage, Route, expect
from playwright.async_api import Page as Tab

from tests.dev.running import Dev, developing

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with developing(tmp_path_factory.mktemp("sample")) as running:
        yield running


async def open_sample(context: BrowserContext, dev: Dev, path: str) -> tuple[Tab, list[str]]:
    """Come from the start page; gives the tab and what its console says."""
    tab, complaints = await context.new_page(), list[str]()

    def note(message: ConsoleMessage) -> None:
        if not message.text.startswith(
            "Autofocus processing was blocked"
        ):  # the test was faster than the page
            complaints.append(message.text)

    tab.on("console", note)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    await tab.goto(dev.described["sample"])
    await tab.click(f"a[href='{path}']")
    return tab, complaints


async def log_in(tab: Tab, dev: Dev, user: int = 0) -> None:
    known = dev.described["users"][user]
    await tab.fill("[name=login]", known["login"])
    await tab.fill("[name=password]", known["password"])
    await tab.keyboard.press("Enter")


async def allow(tab: Tab) -> None:
    """Allow what is asked, unless the user did so before."""
    await tab.wait_for_selector("[value=allow], summary, pre")
    if await tab.locator("[value=allow]").count():
        await tab.click("[value=allow]")


async def steps(tab: Tab) -> list[str]:
    """The titles of what happened; the page shows no secret of the app."""
    return [text.strip() for text in await tab.locator("summary").all_inner_texts()]


async def test_an_app_with_a_secret_signs_in_verifies_and_refreshes(
    context: BrowserContext, dev: Dev
) -> None:
    tab, complaints = await open_sample(context, dev, "/oidc/start")
    await log_in(tab, dev)
    await allow(tab)
    await tab.wait_for_url("**/trail/oidc")
    assert await steps(tab) == [
        "1. The browser goes to ask",
        "2. The browser brings the answer",
        "3. Read the metadata 200",
        "4. Exchange the code 200",
        "5. Read the public keys 200",
        "6. The id_token was verified: signature, iss, aud, exp, nonce, at_hash",
        "7. Read the user 200",
    ]
    await tab.get_by_role("button", name="Refresh the tokens").click()
    await expect(tab.locator("summary")).to_have_count(10)
    text = await tab.inner_text("body")
    assert text.count('"amr": [') == 2
    assert '"name": "小明"' in text
    app = dev.described["issuer"]["oidc"]
    assert app["client_secret"] not in await tab.content()
    assert complaints == []


async def test_a_user_who_refuses_is_answered_so(context: BrowserContext, dev: Dev) -> None:
    tab, _ = await open_sample(context, dev, "/oidc/start")
    await log_in(tab, dev, 1)
    await tab.click("[value=refuse]")
    await tab.wait_for_url("**/trail/oidc")
    assert await steps(tab) == ["1. The browser goes to ask", "2. The browser brings the answer"]
    assert "access_denied" in await tab.inner_text("body")


async def test_the_answer_of_another_issuer_is_not_used(context: BrowserContext, dev: Dev) -> None:
    callbacks: list[str] = []

    async def stop(route: Route) -> None:
        callbacks.append(route.request.url)
        await route.fulfill(body="stopped")

    await context.route("**/oidc/callback?*", stop)
    tab, _ = await open_sample(context, dev, "/oidc/start")
    await log_in(tab, dev)
    await allow(tab)
    await tab.wait_for_url("**/oidc/callback?*")
    await context.unroute_all()
    issuer = dev.described["issuer"]["oidc"]["issuer"]
    await tab.goto(callbacks[-1].partition("&iss=")[0] + "&iss=" + issuer + "-of-somebody")
    assert (await steps(tab))[-1] == "4. The answer is of another server and was not used"


async def test_a_single_page_app_is_bound_to_its_key(context: BrowserContext, dev: Dev) -> None:
    tab, complaints = await open_sample(context, dev, "/oidc/spa")
    await tab.click("[data-do=signIn]")
    await log_in(tab, dev)
    await allow(tab)
    await expect(tab.get_by_role("status")).to_have_text("Signed in.")
    assert tab.url == dev.described["sample"] + "/oidc/spa", "the code is gone from the address"
    await tab.click("[data-do=refresh]")
    await expect(tab.locator("summary")).to_have_count(9)
    text = await tab.inner_text("#steps")
    assert text.count('"token_type": "DPoP"') == 2
    assert text.count("The id_token was verified") == 2
    assert '"preferred_username": "alice"' in text
    await tab.reload()
    await expect(tab.get_by_role("status")).to_have_text("Not signed in.")
    assert complaints == []


async def test_a_single_page_app_takes_no_answer_that_it_did_not_ask_for(
    context: BrowserContext, dev: Dev
) -> None:
    tab = await context.new_page()
    await tab.goto(dev.described["sample"] + "/oidc/spa?code=stolen&state=guessed&iss=nobody")
    await expect(tab.get_by_role("status")).to_have_text("That did not work: state, iss")


async def test_a_device_shows_a_code_and_polls(context: BrowserContext, dev: Dev) -> None:
    tab, complaints = await open_sample(context, dev, "/oidc/device")
    await tab.click("[value=begin]")
    code = await tab.inner_text("#code")
    async with context.expect_page() as opening:
        await tab.click("a[href*=user_code]")
    window = await opening.value
    await log_in(window, dev)
    await window.wait_for_selector("[value=allow]")
    assert code in await window.inner_text("form")
    await window.click("[value=allow]")
    await tab.wait_for_url("**/trail/oidc", timeout=30_000)
    titles = await steps(tab)
    assert titles[0] == "1. The device asks for a code 200"
    assert titles[-1].endswith("Read the user 200")
    assert await tab.get_by_role("button").count() == 0, "the app with a secret cannot use this refresh token"
    assert complaints == []


async def test_a_device_whose_user_refuses_says_so_by_its_button_alone(
    context: BrowserContext, dev: Dev
) -> None:
    await context.route("**/device/page.js", lambda route: route.abort())
    tab, _ = await open_sample(context, dev, "/oidc/device")
    await tab.click("[value=begin]")
    await tab.click("[value=poll]")
    await tab.wait_for_selector("text=authorization_pending")
    window = await context.new_page()
    await window.goto(await tab.get_attribute("a[href*=user_code]", "href") or "")
    await log_in(window, dev)
    await window.click("[value=refuse]")
    await tab.click("[value=poll]")
    await expect(tab.get_by_role("alert")).to_contain_text("access_denied")


async def test_logging_out_at_the_issuer_leads_back(context: BrowserContext, dev: Dev) -> None:
    tab, _ = await open_sample(context, dev, "/oidc/start")
    await log_in(tab, dev)
    await allow(tab)
    await tab.wait_for_url("**/trail/oidc")
    await tab.get_by_role("link", name="Log out").click()
    await tab.wait_for_url(dev.described["sample"] + "/")
    await tab.click("a[href='/oidc/start']")
    await tab.wait_for_selector("[name=password]")


async def test_a_single_page_app_logs_out(context: BrowserContext, dev: Dev) -> None:
    tab, _ = await open_sample(context, dev, "/oidc/spa")
    await tab.click("[data-do=signIn]")
    await log_in(tab, dev)
    await allow(tab)
    await expect(tab.get_by_role("status")).to_have_text("Signed in.")
    await tab.click("[data-do=logOut]")
    await expect(tab.get_by_role("status")).to_have_text("Not signed in.")
    assert tab.url == dev.described["sample"] + "/oidc/spa"
    await tab.click("[data-do=signIn]")
    await tab.wait_for_selector("[name=password]")
