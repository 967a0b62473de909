"""Sessions, headers, throttling, languages, the user's own page and error pages over HTTP."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from yarl import URL

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import EDGE_KINDS, ISSUER_KINDS, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.authorizations import AnswerStyle
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.pages.site import goes_to
from lingpai.issuer.pages.words import CATALOGUES, language_of
from lingpai.issuer.passwords import PrioritySemaphore
from tests.issuer.pages.harness import PASSWORD, Browser, Harness, Seen, authorize_path

SAFE = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def session(browser: Browser) -> tuple[str, str]:
    """Name and value of the mall's session cookie."""
    ((name, value),) = [
        pair for pair in browser.cookies.items() if pair[0].startswith("lingpai-session-mall-")
    ]
    return name, value


async def log_in(browser: Browser, name: str = "hong", password: str = PASSWORD, realm: str = "mall") -> Seen:
    return await browser.log_in(await browser.get(f"/user/{realm}/login"), name, password)


@pytest.mark.threat("B20")
async def test_the_session_is_a_new_one_after_login(browser: Browser, other: Browser) -> None:
    await browser.get("/user/mall/login")
    name, before = session(browser)
    assert (await log_in(browser)).status == 200
    assert session(browser)[1] != before
    stolen = await other.get("/user/mall", headers={"Cookie": f"{name}={before}"})
    assert stolen.location == "/user/mall/login"


@pytest.mark.threat("B20")
async def test_logging_out_ends_the_session_here(browser: Browser, other: Browser) -> None:
    page = await log_in(browser)
    cookie = {"Cookie": "=".join(session(browser))}
    assert (await other.get("/user/mall", headers=cookie)).status == 200
    assert (await browser.submit(page)).location == "/user/mall/login"
    assert not [name for name in browser.cookies if name.startswith("lingpai-session-")]
    assert (await other.get("/user/mall", headers=cookie)).location == "/user/mall/login"


@pytest.mark.threat("B20")
async def test_cookies_are_for_us_alone(browser: Browser) -> None:
    seen = await browser.get("/user/mall/login?lang=zh")
    assert len(seen.cookies) == 2
    assert all({"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; ")) for cookie in seen.cookies)


@pytest.mark.parametrize(
    ("origin", "secure"),
    [
        ("http://127.0.0.1:8000", False),
        ("http://[::1]:8000", False),
        ("http://localhost", False),
        ("https://127.0.0.1", True),
        ("https://open.example", True),
        ("http://10.0.0.1", False),
        ("http://printers.lan:8000", False),
    ],
)
@pytest.mark.threat("B20")
def test_cookies_are_for_tls_where_browsers_come_by_tls(origin: str, secure: bool) -> None:
    ((_, cookie),) = Site(origin=origin, prefix="/user/x").cookie("a", "b")
    assert cookie.endswith("; Secure") is secure


async def test_two_realms_do_not_share_sessions(browser: Browser) -> None:
    await log_in(browser)
    assert (await browser.get("/user/yilianyun")).location == "/user/yilianyun/login"


@pytest.mark.threat("B21")
async def test_headers_of_every_page(browser: Browser) -> None:
    login = await browser.get("/user/mall/login")
    failed = await browser.submit(login, login="hong", password="wrong")
    pages = [login, failed, await browser.get("/user/mall/nowhere"), await browser.get("/user/mall/consent")]
    pages += [
        await log_in(browser),
        await browser.follow(authorize_path()),
        await browser.get("/user/mall/end"),
    ]
    assert [page.status for page in pages] == [200, 403, 404, 400, 200, 200, 405]
    for page in pages:
        assert {name: page.headers[name] for name in SAFE} == SAFE
        assert page.csp["frame-ancestors"] == "'none'"
        assert page.csp["default-src"] == "'none'"
        assert "script-src" not in page.csp
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)


@pytest.mark.threat("B23")
async def test_guessing_is_throttled_and_says_nothing(
    harness: Harness, browser: Browser, clock: VirtualClock
) -> None:
    def same(seen: Seen, name: str) -> str:
        return re.sub(r'value="[^"]*"|autofocus', "", seen.text.replace(name, ""))

    login = await browser.get("/user/mall/login")
    wrong = await browser.submit(login, login="hong", password="wrong")
    unknown = await browser.submit(login, login="nobody", password="wrong")
    assert (wrong.status, unknown.status) == (403, 403)
    assert same(wrong, "hong") == same(unknown, "nobody")
    limit = harness.mall.policy.login.pair
    for _ in range(limit - 1):
        assert (await browser.submit(login, login="hong", password="wrong")).status == 403
    throttled = await browser.submit(login, login="hong", password=PASSWORD)
    assert throttled.status == 429
    assert 0 < int(throttled.headers["Retry-After"]) <= harness.mall.policy.login.seconds
    assert 'name="password"' in throttled.text
    clock.advance(harness.mall.policy.login.seconds)
    assert (await browser.submit(login, login="hong", password=PASSWORD)).status == 303


@pytest.mark.parametrize("name", ["", "x" * 256, "' OR 1=1 --", "{{ 7*7 }}", '"><script>'])
async def test_odd_names_are_wrong_names(browser: Browser, name: str) -> None:
    failed = await browser.submit(await browser.get("/user/mall/login"), login=name, password="x")
    assert failed.status == 403
    assert "<script" not in failed.text


@pytest.mark.threat("A7")
async def test_a_field_twice_is_refused(browser: Browser) -> None:
    await browser.get("/user/mall/login")
    assert (await browser.get("/user/mall/login?request=a&request=b")).status == 400


@pytest.mark.threat("G69")
async def test_a_forged_host_changes_nothing(browser: Browser) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    seen = await browser.get("/user/mall/login", headers=forged)
    assert "evil" not in seen.text
    assert not any("Secure" in cookie for cookie in seen.cookies)


# Languages.


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("zh-TW", "zh"),
        ("fr, en;q=0.3, zh;q=0.9", "zh"),
        ("en-GB", "en"),
        ("fr", "en"),
        ("", "en"),
        ("zh;q=0, en;q=0.1", "en"),
        ("zh;q=x, en;q=0.1", "en"),
        ("en,zh", "en"),
    ],
)
def test_language_by_wish_of_the_browser(accept: str, language: str) -> None:
    call = Call("", "")
    call.headers = {b"accept-language": accept.encode()}
    assert language_of(call) == language


@pytest.mark.parametrize(("language", "words"), [("en", "There is no such page."), ("zh-CN", "页面不存在。")])
@pytest.mark.parametrize("path", ["/user/mall/nowhere", "/user/mall/a/b?c=d", "/user/mall/"])
async def test_a_page_that_is_not_there_is_reported_in_the_browsers_language(
    harness: Harness, language: str, words: str, path: str
) -> None:
    reader = Browser(harness.url, language)
    seen = await reader.get(path)
    await reader.close()
    assert seen.status == 404
    assert words in seen.text
    assert seen.text.count("<h1>") == 1
    assert 'href="/user/mall"' in seen.text


async def test_the_switch_is_remembered(browser: Browser) -> None:
    english = await browser.follow(authorize_path())
    assert '<html lang="en">' in english.text
    switch = re.search(r'href="([^"]*lang=zh)"', english.text)
    assert switch is not None
    chinese = await browser.get(switch[1].replace("&amp;", "&"))
    assert "登录后继续访问" in chinese.text
    question = await browser.log_in(chinese)
    assert '<html lang="zh-Hans">' in question.text
    assert "没有为该应用登记" in (await browser.get(authorize_path(redirect_uri="https://x.example"))).text


async def test_catalogues_say_the_same_things() -> None:
    def keys(table: object, prefix: str = "") -> set[str]:
        if isinstance(table, dict):
            return {key for name, entry in table.items() for key in keys(entry, f"{prefix}{name}.")}
        assert isinstance(table, str)
        assert table
        return {prefix}

    zh, en = (keys(CATALOGUES[language]) for language in ("zh", "en"))
    assert zh == en


async def test_every_error_has_a_page_in_both_languages(harness: Harness) -> None:
    pages = Pages(harness.mall, Site(origin=harness.url, prefix="/user/x"), AnswerStyle())
    for kind in EDGE_KINDS | ISSUER_KINDS:
        for language in CATALOGUES:
            call = Call("trace-1", "127.0.0.1")
            call.headers = {b"accept-language": language.encode()}
            error = LingpaiError(kind, "A reason for machines.", detail="private")
            body = unescape(pages.error_page(error, call).body.decode())
            assert CATALOGUES[language]["errors"][kind.value] in body
            assert "private" not in body
            assert "trace-1" in body
        reply = pages.shape.error(LingpaiError(kind, "A reason."), "trace-1")
        assert reply.status >= 400


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in {"meta", "link", "input", "hr", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_pages_are_well_formed_and_their_style_is_there(browser: Browser) -> None:
    pages = [await browser.follow(authorize_path()), await browser.get("/user/mall/nowhere")]
    pages += [await log_in(browser), await browser.follow(authorize_path())]
    for page in pages:
        parser = _Balance()
        parser.feed(page.text)
        assert parser.open == []
        style = re.search(r'<link rel="stylesheet" href="([^"]+)">', page.text)
        assert style is not None
        css = await browser.get(style[1])
        assert (css.status, css.headers["Content-Type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in css.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("uri", "source"),
    [
        ("https://app.example:8443/a?b", "https://app.example:8443"),
        ("http://127.0.0.1:5000/cb", "http://127.0.0.1:5000"),
        ("http://[::1]:5000/cb", "http://[::1]:5000"),
        ("com.example.app:/cb", "com.example.app:"),
    ],
)
def test_sources_of_redirects(uri: str, source: str) -> None:
    assert goes_to(uri) == source


@pytest.mark.threat("B23")
async def test_a_browser_that_logged_in_is_known_again_whatever_others_tried(
    harness: Harness, browser: Browser, clock: VirtualClock
) -> None:
    logged_in = await browser.submit(await browser.get("/user/mall/login"), login="hong", password=PASSWORD)
    (cookie,) = [each for each in logged_in.cookies if each.startswith("lingpai-known-mall=")]
    assert re.fullmatch(
        r"lingpai-known-mall=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000", cookie
    )
    stranger, again = Browser(harness.url), await browser.get("/user/mall/login?again=1")
    try:
        page = await stranger.get("/user/mall/login")
        for _ in range(harness.mall.policy.login.pair):
            assert (await stranger.submit(page, login="hong", password="wrong")).status == 403
        assert (await stranger.submit(page, login="hong", password=PASSWORD)).status == 429
    finally:
        await stranger.close()
    known = await browser.submit(again, login="hong", password=PASSWORD)
    assert known.status == 303
    assert [each for each in known.cookies if each.startswith("lingpai-known-mall=")] == [cookie]


@pytest.mark.parametrize("planted", ["", "x", "0" * 31, "0" * 33, "A" * 32, '"; drop'])
@pytest.mark.threat("B23")
async def test_a_planted_cookie_of_another_form_is_replaced(
    harness: Harness, browser: Browser, planted: str
) -> None:
    page = await browser.get("/user/mall/login")
    browser._http.cookie_jar.update_cookies({"lingpai-known-mall": planted}, URL(harness.url))
    await browser.submit(page, login="hong", password=PASSWORD)
    assert re.fullmatch("[0-9a-f]{32}", browser.cookies["lingpai-known-mall"])


@pytest.mark.parametrize(("language", "words"), [("en", "Too many logins"), ("zh", "当前登录人数过多")])
@pytest.mark.threat("B23")
async def test_a_full_queue_says_so_and_when_to_try_again(
    harness: Harness, language: str, words: str
) -> None:
    harness.mall.passwords._hashing = PrioritySemaphore(0, waiting=0)
    browser = Browser(harness.url, language)
    try:
        page = await browser.get("/user/mall/login")
        full = await browser.submit(page, login="hong", password=PASSWORD)
    finally:
        await browser.close()
    assert (full.status, full.headers["Retry-After"]) == (503, "5")
    assert words in full.text
    assert 'name="password"' in full.text
