"""The user's own page over HTTP: what I have allowed to whom, since when, last used; end it."""

import re

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.issuer import admin
from lingpai.issuer.pages import access
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.terminals import authorize_by_secret
from tests.issuer.harness import raises
from tests.issuer.pages.harness import PASSWORD, REDIRECT, TERMINAL, Browser, Harness, Seen, authorize_path


async def log_in(browser: Browser, name: str = "hong", password: str = PASSWORD, realm: str = "mall") -> Seen:
    return await browser.log_in(await browser.get(f"/user/{realm}/login"), name, password)


async def allow(harness: Harness, browser: Browser) -> str:
    """Let the shop in; gives its access token."""
    question = await browser.log_in(await browser.follow(authorize_path()))
    code = (await browser.submit(question, answer="allow")).answer["code"]
    return (await redeem(harness.mall, harness.shop, code, redirect_uri=REDIRECT)).access_token


async def test_what_i_allowed_is_listed_and_ends(
    harness: Harness, browser: Browser, clock: VirtualClock
) -> None:
    token = await allow(harness, browser)
    page = await browser.get("/user/mall")
    assert "花间小铺" in page.text
    assert (
        len(re.findall(r'<time datetime="[^"]+\+00:00">\d{4}-\d\d-\d\d \d\d:\d\d UTC\+8</time>', page.text))
        == 2
    )
    logout, _end = page.forms
    assert logout[0] == "/user/mall/logout"
    await resolve_access_token(harness.mall, token)
    ended = await browser.submit(page, form=1)
    assert ended.location == "/user/mall?ended=1"
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.mall, token)
    after = await browser.get(ended.location)
    assert "花间小铺" not in after.text
    assert "No app has access to your account." in after.text
    question = await browser.follow(authorize_path())
    assert question.forms[0][0] == "/user/mall/consent"


@pytest.mark.parametrize(
    ("path", "realm", "terminal"), [(authorize_path(), "mall", None), (TERMINAL, "yilianyun", "4004001")]
)
async def test_a_code_that_is_still_out_was_not_used(
    browser: Browser, path: str, realm: str, terminal: str | None
) -> None:
    question = await browser.log_in(await browser.follow(path))
    assert "code" in (await browser.submit(question, answer="allow", machine=terminal)).answer
    page = (await browser.get(f"/user/{realm}")).text
    assert page.count("<time ") == 1  # first allowed
    assert page.count("not in use at present") == (2 if terminal else 1)
    assert "1970" not in page


async def test_ending_needs_a_form_of_ours_and_ends_only_ones_own(
    harness: Harness, browser: Browser, other: Browser
) -> None:
    token = await allow(harness, browser)
    page = await browser.get("/user/mall")
    assert (await browser.submit(page, form=1, form_token="0" * 64)).status == 403
    foreign = await log_in(other, "ming")
    fields = {"form_token": foreign.forms[0][1]["form_token"], "app_id": "shop"}
    assert (await other.send("POST", "/user/mall/end", fields)).status == 303
    await resolve_access_token(harness.mall, token)


async def test_a_terminal_ends_alone(harness: Harness, browser: Browser) -> None:
    kept, ended = [
        (await authorize_by_secret(harness.terminals, harness.printing, code, msign, "all")).access_token
        for code, msign in (("4004001", "0123456789ab"), ("4004002", "0123456789ac"))
    ]
    page = await log_in(browser, realm="yilianyun")
    (form,) = [n for n, (_, fields) in enumerate(page.forms) if fields.get("machine_code") == "4004002"]
    assert (await browser.submit(page, form=form)).status == 303
    await resolve_access_token(harness.terminals, kept)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.terminals, ended)
    page = await browser.get("/user/yilianyun")
    assert ("4004001" in page.text, "4004002" in page.text) == (True, False)
    await browser.submit(page, form=1)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.terminals, kept)


async def test_what_is_beyond_the_first_page_is_listed_and_ends(
    harness: Harness, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "PAGE", 1)
    oldest, *_ = [
        (await authorize_by_secret(harness.terminals, harness.printing, code, msign, "all")).access_token
        for code, msign in (("4004001", "0123456789ab"), ("4004002", "0123456789ac"))
    ]
    page = await log_in(browser, realm="yilianyun")
    (form,) = [n for n, (_, fields) in enumerate(page.forms) if fields.get("machine_code") == "4004001"]
    await browser.submit(page, form=form)
    with raises(Kind.INVALID_ACCESS_TOKEN):
        await resolve_access_token(harness.terminals, oldest)


async def test_a_disabled_users_session_is_over(harness: Harness, browser: Browser) -> None:
    await log_in(browser)
    await admin.disable_user(harness.mall, harness.users["mall"])
    assert (await browser.get("/user/mall")).location == "/user/mall/login"
