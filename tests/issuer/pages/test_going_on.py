"""Pages that were left open, second tabs, double posts and cookies that are not kept: nothing is a dead end."""

import asyncio
from urllib.parse import urlsplit

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.wire import Call
from lingpai.issuer.pages import Site
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.redeem import redeem
from tests.issuer.pages.harness import PASSWORD, REDIRECT, Browser, Harness, authorize_path


async def test_a_login_page_that_was_left_open_goes_on(browser: Browser, clock: VirtualClock) -> None:
    login = await browser.follow(authorize_path())
    clock.advance(3 * 3600)
    question = await browser.log_in(login)
    assert (question.status, question.forms[0][0]) == (200, "/user/mall/consent")
    assert (await browser.submit(question, answer="allow")).answer["state"] == "s t&ate"


async def test_a_login_page_of_a_second_tab_goes_on_with_the_session(browser: Browser) -> None:
    first, second = await browser.follow(authorize_path()), await browser.follow(authorize_path(state="2"))
    await browser.log_in(first)
    cookies = browser.cookies
    question = await browser.log_in(second, password="not even looked at")
    assert "花间小铺" in question.text
    assert browser.cookies == cookies
    assert (await browser.submit(question, answer="allow")).answer["state"] == "2"


async def test_a_second_post_of_a_login_form_leads_where_the_first_one_does(browser: Browser) -> None:
    login = await browser.follow(authorize_path())
    answers = await asyncio.gather(
        *(browser.submit(login, login="hong", password=PASSWORD) for _ in range(2))
    )
    for answered in answers:
        assert answered.status == 303
        question = await browser.follow(answered.location)
        assert (question.status, question.forms[0][0]) == (200, "/user/mall/consent")


async def test_a_second_post_of_a_consent_form_gets_the_same_answer(
    harness: Harness, browser: Browser
) -> None:
    question = await browser.log_in(await browser.follow(authorize_path()))
    first, second = [await browser.submit(question, answer="allow") for _ in range(2)]
    assert first.location == second.location
    await redeem(harness.mall, harness.shop, first.answer["code"], redirect_uri=REDIRECT)
    refused = await browser.submit(question, answer="allow")
    assert refused.status == 400
    assert 'href="/user/mall"' in refused.text


async def test_who_was_logged_out_meanwhile_logs_in_and_goes_on(browser: Browser) -> None:
    question = await browser.log_in(await browser.follow(authorize_path()))
    await browser.submit(await browser.get("/user/mall"))  # out
    login = await browser.submit(question, answer="allow")
    assert (login.status, login.forms[0][0]) == (403, "/user/mall/login")
    assert "You were logged out meanwhile." in login.text
    again = await browser.log_in(login)
    assert "code" in (await browser.submit(again, answer="allow")).answer


async def test_a_form_of_a_user_who_logged_in_as_somebody_else_since_does_nothing(
    harness: Harness, browser: Browser
) -> None:
    question = await browser.log_in(await browser.follow(authorize_path()))
    await browser.log_in(await browser.get("/user/mall/login?again=1"), "ming")
    again = await browser.submit(question, answer="allow")
    assert (again.status, again.location) == (403, "")
    assert "小明" in again.text
    for user in harness.users.values():
        assert await harness.mall.store.find_member(harness.shop.id, user.id) is None
    assert "code" in (await browser.submit(again, answer="allow")).answer


@pytest.mark.parametrize("path", ["/user/mall/end", "/user/mall/logout"])
async def test_a_form_of_the_own_page_after_the_session_leads_to_the_login(
    browser: Browser, clock: VirtualClock, path: str
) -> None:
    page = await browser.log_in(await browser.get("/user/mall/login"))
    clock.advance(13 * 3600)
    token = page.forms[0][1]["form_token"]
    assert (await browser.send("POST", path, {"form_token": token})).location == "/user/mall/login"


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Your browser sent no cookie"), ("zh", "浏览器没有发送 Cookie")]
)
async def test_a_browser_that_keeps_no_cookie_learns_so_and_where_to_go(
    harness: Harness, language: str, words: str
) -> None:
    forgetful = Browser(harness.url, language)
    login = await forgetful.follow(authorize_path())
    forgetful._http.cookie_jar.clear()
    refused = await forgetful.submit(login, login="hong", password=PASSWORD)
    await forgetful.close()
    assert refused.status == 403
    assert words in refused.text
    assert harness.url in refused.text
    assert [action for action, _ in refused.forms] == ["/user/mall/login"]


async def test_pages_never_show_more_of_a_request_than_they_must(browser: Browser) -> None:
    seen = await browser.get(authorize_path(state="s3cret-state"))
    assert "s3cret-state" not in seen.location
    assert urlsplit(seen.location).path == "/user/mall/consent"


async def test_cookies_under_https_are_for_this_host_alone(harness: Harness, browser: Browser) -> None:
    site = Site(origin="https://id.example", prefix="/user/mall")
    await browser.log_in(await browser.get("/user/mall/login"))
    ((name, handle),) = [each for each in browser.cookies.items() if "session" in each[0]]

    def visit(cookie: str) -> Visit:
        call = Call("trace", "127.0.0.1")
        call.headers = {b"cookie": cookie.encode()}
        return Visit(harness.mall, site, call)

    planted = visit(f"{name}={handle}")  # as a neighbouring host could
    assert await planted.find_session() is None
    planted.browser()
    ((_, given),) = planted.headers
    assert given.startswith(f"__Host-{name}=v")
    assert given.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")
    assert await visit(f"__Host-{name}={handle}").find_session() is not None
