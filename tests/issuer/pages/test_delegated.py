"""Users log in at the operator's own site: the way there and back, in every protocol."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Registration
from lingpai.core.user_records import Profile, User
from lingpai.core.wire import Call
from lingpai.issuer import admin
from lingpai.issuer.delegation.keys import rotate
from lingpai.issuer.pages import Site
from lingpai.issuer.pages.delegated import log
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.pages.waiting_logins import WaitingLogins
from tests.issuer.engines import execute, rows_of
from tests.issuer.pages.harness import REDIRECT, SECRET, Browser, Seen
from tests.issuer.pages.shops import LOGIN, PREFIXES, Mall, Shop, b64, mall_of, sign

OWN = "/mall/user/mall"
ANSWER = {"alg": "HS256", "typ": "lingpai-login+jwt"}


@pytest.fixture
async def mall(engine_name: str, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Mall]:
    async with mall_of(tmp_path, clock, engine_name) as opened:
        yield opened


@pytest.fixture
async def browser(mall: Mall) -> AsyncIterator[Browser]:
    opened = Browser(mall.url)
    yield opened
    await opened.close()


@pytest.fixture
async def other(mall: Mall) -> AsyncIterator[Browser]:
    """Somebody else's browser."""
    opened = Browser(mall.url)
    yield opened
    await opened.close()


@pytest.fixture
def shop(mall: Mall) -> Shop:
    return mall.shops["mall"]


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Why logins were refused, as the log has it."""
    reasons: list[str] = []
    monkeypatch.setattr(log, "warning", lambda event, **fields: reasons.append(fields["reason"]))
    return reasons


async def users_of(shop: Shop) -> list[User]:
    return list(await shop.issuer.store.list_users(shop.issuer.realm, 0, 100))


async def stored(shop: Shop) -> list[int]:
    """How many rows an attempt to log in could leave."""
    tables = ("issuer_logins", "issuer_identities", "issuer_sessions", "issuer_users")
    return [len(await rows_of(shop.issuer.store, f"SELECT 1 FROM {table}")) for table in tables]


async def test_a_browser_is_sent_to_the_site_and_shown_no_form(
    mall: Mall, browser: Browser, clock: VirtualClock
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    now = int(clock.now())
    assert asked == {
        "iss": f"{mall.url}{OWN}",
        "jti": asked["jti"],
        "client_id": "app",
        "client_name": "花间小铺",
        "ui_locales": "en",
        "iat": now,
        "exp": now + 600,
    }
    assert len(asked["jti"]) == 64
    posted = await browser.send("POST", f"{OWN}/login", {"login": "7", "password": "x"})
    assert posted.status == 405


@pytest.mark.parametrize("name", ["mall", "yilianyun", "oidc"])
async def test_whoever_logged_in_there_consents_here_and_the_app_gets_a_code(
    mall: Mall, browser: Browser, name: str
) -> None:
    seen = await mall.walk(browser, mall.authorize(name), "7", name, nickname="小红")
    if name == "yilianyun":  # whose user has to own a terminal
        assert "小红" in seen.text
        return
    answered = await browser.submit(seen, answer="allow")
    assert answered.location.startswith(REDIRECT)
    assert answered.answer["code"]
    (user,) = await users_of(mall.shops[name])
    assert (user.login, user.profile.nick) == ("7", "小红")


async def test_the_own_page_of_each_realm_is_reached_by_the_site(mall: Mall, browser: Browser) -> None:
    for name, prefix in PREFIXES.items():
        seen = await mall.walk(browser, f"{prefix}/user/{name}", "7", name, nickname="Ann of " + name)
        assert seen.status == 200
        assert "Ann of " + name in seen.text


async def test_cookies_are_only_for_this_server_and_the_return(mall: Mall, browser: Browser) -> None:
    seen = await browser.get(f"{OWN}/login")
    waiting = [cookie for cookie in seen.cookies if "-waiting-" in cookie]
    assert len(waiting) == 1
    rules = waiting[0].split("; ")[1:]
    assert rules == [f"Path={OWN}/login", "Max-Age=86400", "HttpOnly", "SameSite=Lax"]


async def test_a_few_logins_wait_side_by_side(mall: Mall, browser: Browser, shop: Shop) -> None:
    asked = [await mall.begin(browser, mall.authorize()) for _ in range(5)]
    for each in asked[1:]:
        assert "花间小铺" in (await browser.follow(shop.answer(each["jti"]))).text
    assert (
        "Begun in another browser" in (await browser.get(shop.answer(asked[0]["jti"]))).text
    )  # the oldest made room


async def test_a_browser_keeps_few_waiting_logins(mall: Mall, browser: Browser) -> None:
    for _ in range(40):
        await browser.get(f"{OWN}/login")
    assert len([name for name in browser.cookies if "-waiting-" in name]) <= 4
    assert (await mall.walk(browser, mall.authorize())).status == 200


async def test_a_long_request_comes_back_in_several_cookies(mall: Mall, browser: Browser) -> None:
    state = "s" * 2048
    path = mall.authorize("oidc", state=state, nonce="n" * 500)
    seen = await mall.walk(browser, path, "7", "oidc")
    assert len([name for name in browser.cookies if "-waiting-" in name]) > 1
    answered = await browser.submit(seen, answer="allow")
    assert answered.answer["state"] == state


@pytest.mark.threat("M130")
async def test_strangers_leave_nothing_in_the_store(mall: Mall, browser: Browser, shop: Shop) -> None:
    asked = await mall.begin(browser, mall.authorize())
    for path in (shop.back("x"), shop.back(""), shop.answer(asked["jti"], error="access_denied", sub=None)):
        await browser.get(path)
    other = "1" if asked["jti"].endswith("0") else "0"
    for challenge in ("0" * 64, asked["jti"][:-1] + other):
        await browser.get(shop.answer(challenge))
    assert await stored(shop) == [0, 0, 0, 0]


def forgeries(shop: Shop, twin: Shop, challenge: str) -> dict[str, str]:
    """Answers that must not log anybody in."""
    good = shop.claims(challenge)
    head, body, mac = sign(shop.key, ANSWER, good).split(".")
    changed = b64(str(good).replace("'7'", "'8'").replace("'", '"').encode())
    none = {"alg": "none", "typ": ANSWER["typ"]}
    now = good["iat"]
    return {
        "forged": sign("00" * 32, ANSWER, good),
        "of another realm": sign(twin.key, ANSWER, good),
        "for another realm": sign(shop.key, ANSWER, good | {"aud": twin.url}),
        "tampered": f"{head}.{changed}.{mac}",
        "without a signature": f"{b64(msgspec.json.encode(none))}.{body}.",
        "none with a signature": sign(shop.key, none, good),
        "another algorithm": sign(shop.key, {"alg": "HS512", "typ": ANSWER["typ"]}, good),
        "the other direction": sign(shop.key, {"alg": "HS256", "typ": "lingpai-login-request+jwt"}, good),
        "no type": sign(shop.key, {"alg": "HS256"}, good),
        "crit": sign(shop.key, {**ANSWER, "crit": ["x"], "x": 1}, good),
        "crit is a number": sign(shop.key, {**ANSWER, "crit": 1}, good),
        "crit is a number, unsigned": f"{b64(msgspec.json.encode({**ANSWER, 'crit': 1}))}.{body}.",
        "too long a life": sign(shop.key, ANSWER, good | {"exp": now + 61}),
        "ends before it begins": sign(shop.key, ANSWER, good | {"exp": now - 1}),
        "no end": sign(shop.key, ANSWER, {name: value for name, value in good.items() if name != "exp"}),
        "NaN": sign(shop.key, ANSWER, good | {"exp": float("nan")}),
        "sub of 129 characters": sign(shop.key, ANSWER, good | {"sub": "7" * 129}),
        "sub is a number": sign(shop.key, ANSWER, good | {"sub": 7}),
        "sub is empty": sign(shop.key, ANSWER, good | {"sub": ""}),
        "sub is half a character": sign(shop.key, ANSWER, good | {"sub": "\ud800"}),
        "sub and error": sign(shop.key, ANSWER, good | {"error": "access_denied"}),
        "another error": sign(shop.key, ANSWER, {**good, "sub": "", "error": "server_error"}),
        "jti is none": sign(shop.key, ANSWER, good | {"jti": "é" * 64}),
        "not an object": sign(shop.key, ANSWER, "[]"),
        "not JSON": sign(shop.key, ANSWER, "{"),
        "nested": sign(shop.key, ANSWER, "[" * 2000),
        "not text": "é.é.é",
        "two parts": "a.b",
    }


@pytest.mark.threat("M127")
async def test_forgeries_log_nobody_in(mall: Mall, browser: Browser, shop: Shop, noted: list[str]) -> None:
    asked = await mall.begin(browser, mall.authorize())
    attempts = forgeries(shop, mall.shops["twin"], asked["jti"])
    for name, token in attempts.items():
        seen = await browser.get(shop.back(token))
        assert seen.status == 400, name
        assert "was not accepted" in seen.text, name
    assert len(noted) == len(attempts)
    assert await stored(shop) == [0, 0, 0, 0]
    seen = await browser.follow(shop.answer(asked["jti"]))  # and none of them spent it
    assert "花间小铺" in seen.text


async def test_hostile_bytes_are_refused_and_no_fault_of_ours(browser: Browser) -> None:
    for query in ("login=%00", "login=%ff%fe", "login=" + "a" * 7000, "login=a&login=b", "", "login[]=1"):
        seen = await browser.get(f"{OWN}/login/return?{query}")
        assert 400 <= seen.status < 500, query


@pytest.mark.threat("M128")
async def test_an_answer_is_worth_nothing_in_another_browser(
    mall: Mall, browser: Browser, other: Browser, shop: Shop, noted: list[str]
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    phished = shop.answer(asked["jti"])
    for _ in range(2):
        seen = await other.get(phished)
        assert seen.status == 403
        assert "Begun in another browser" in seen.text
        await mall.begin(other, f"{OWN}/login")  # it has cookies of its own now
    assert noted == ["this browser has begun no such login"] * 2
    assert await stored(shop) == [0, 0, 0, 0]
    assert 'href="/mall/user/mall/login"' in seen.text  # the button begins again


@pytest.mark.threat("M128")
async def test_who_is_logged_in_is_not_made_somebody_else(
    mall: Mall, browser: Browser, shop: Shop, noted: list[str]
) -> None:
    asked = await mall.begin(browser, mall.authorize())  # in one tab
    await mall.walk(browser, OWN, "7", nickname="Ann")  # in another
    before = await stored(shop)
    seen = await browser.get(shop.answer(asked["jti"], "8"))
    assert seen.status == 403
    assert noted == ["it was begun by another browser or session"]
    assert await stored(shop) == before
    assert "Ann" in (await browser.follow(OWN)).text
    seen = await browser.follow(shop.answer(asked["jti"], "7"))  # the same user goes on
    assert "花间小铺" in seen.text


@pytest.mark.threat("M129")
async def test_the_same_answer_again_goes_on(mall: Mall, browser: Browser, shop: Shop) -> None:
    asked = await mall.begin(browser, mall.authorize())
    path = shop.answer(asked["jti"])
    first = await browser.follow(path)
    rows = await stored(shop)
    again = await browser.follow(path)
    assert (first.status, again.status) == (200, 200)
    assert "花间小铺" in again.text
    assert await stored(shop) == rows
    await browser.submit(again, answer="allow")


async def test_two_returns_at_once_both_go_on(mall: Mall, browser: Browser, shop: Shop) -> None:
    asked = await mall.begin(browser, mall.authorize())
    path = shop.answer(asked["jti"])
    returned = await asyncio.gather(*(browser.get(path) for _ in range(6)))
    assert {seen.status for seen in returned} == {303}
    assert len(await users_of(shop)) == 1
    assert "花间小铺" in (await browser.follow(returned[-1].location)).text


@pytest.mark.threat("M129")
async def test_of_two_users_who_answer_one_challenge_one_logs_in(
    mall: Mall, browser: Browser, shop: Shop, noted: list[str]
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    paths = [shop.answer(asked["jti"], sub) for sub in ("7", "8", "7", "8")]
    returned = await asyncio.gather(*(browser.get(path) for path in paths))
    assert sorted(seen.status for seen in returned) == [303, 303, 403, 403]
    assert "Another user has answered this login." in noted
    assert len(await users_of(shop)) == 1


@pytest.mark.threat("M133")
async def test_first_logins_of_one_user_at_once_make_one_user(mall: Mall, shop: Shop) -> None:
    browsers = [Browser(mall.url) for _ in range(5)]
    try:
        asked = [await mall.begin(each, OWN) for each in browsers]
        returned = await asyncio.gather(
            *(each.get(shop.answer(ask["jti"])) for each, ask in zip(browsers, asked, strict=True))
        )
    finally:
        await asyncio.gather(*(each.close() for each in browsers))
    assert {seen.status for seen in returned} == {303}
    assert len(await users_of(shop)) == 1


async def test_a_login_has_a_new_session(mall: Mall, browser: Browser) -> None:
    def session() -> str:
        return next(value for name, value in browser.cookies.items() if "-session-mall-" in name)

    await mall.begin(browser, OWN)
    visitor = session()
    await mall.walk(browser, OWN)
    first = session()
    asked = await mall.begin(browser, f"{OWN}/login?again=1")
    assert asked["prompt"] == "login"
    await browser.follow(mall.shops["mall"].answer(asked["jti"]))
    assert len({visitor, first, session()}) == 3
    assert len(await rows_of(mall.shops["mall"].issuer.store, "SELECT 1 FROM issuer_sessions")) == 1


async def test_a_challenge_that_has_ended_begins_again_by_itself(
    mall: Mall, browser: Browser, shop: Shop, clock: VirtualClock
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    clock.advance(601)
    seen = await mall.walk(browser, shop.answer(asked["jti"]))
    assert "花间小铺" in seen.text


@pytest.mark.threat("M131")
async def test_an_answer_that_has_ended_begins_again_once(
    mall: Mall, browser: Browser, shop: Shop, clock: VirtualClock, noted: list[str]
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    path = shop.answer(asked["jti"])
    clock.advance(121)
    asked = await mall.begin(browser, path)
    now = int(clock.now())
    seen = await browser.get(shop.answer(asked["jti"], iat=now - 200, exp=now - 140))  # its clock is wrong
    assert seen.status == 400
    assert noted == ["iat or exp is not within a minute of this server's time"]


@pytest.mark.parametrize(("ahead", "good"), [(60, True), (61, False), (-119, True), (-121, False)])
async def test_clocks_may_differ_by_a_minute(
    mall: Mall, browser: Browser, shop: Shop, clock: VirtualClock, ahead: int, good: bool
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    now = int(clock.now()) + ahead
    seen = await browser.follow(shop.answer(asked["jti"], iat=now, exp=now + 60))
    assert ("花间小铺" in seen.text) is good
    assert seen.location.startswith(LOGIN) is not good


@pytest.mark.parametrize("error", ["access_denied", "login_required"])
async def test_a_refusal_of_the_site_is_an_error_at_the_app(mall: Mall, browser: Browser, error: str) -> None:
    for name, wanted in (("mall", "access_denied"), ("yilianyun", "access_denied"), ("oidc", error)):
        seen = await mall.walk(browser, mall.authorize(name), name=name, error=error, sub=None)
        assert seen.location.startswith(REDIRECT)
        assert (seen.answer["error"], seen.answer["state"]) == (wanted, "st")
        page = await mall.walk(browser, f"{PREFIXES[name]}/user/{name}", name=name, error=error, sub=None)
        assert page.status == 403
        assert "You did not log in" in page.text


@pytest.mark.threat("A10")
async def test_a_refusal_for_an_app_that_registered_itself_waits_for_a_press(
    mall: Mall, browser: Browser
) -> None:
    registration = Registration(salt=1)
    app = App(realm="oidc", app_id="own", redirect_uris=(REDIRECT,), registration=registration)
    await admin.declare_app(mall.shops["oidc"].issuer, app, SECRET)
    path = mall.authorize("oidc", client_id="own")
    seen = await mall.walk(browser, path, name="oidc", error="access_denied", sub=None)
    assert (seen.status, seen.location) == (400, "")
    assert f'href="{REDIRECT}?error=access_denied&amp;' in seen.text
    assert "http-equiv" not in seen.text


async def test_a_refusal_for_another_browser_reaches_no_app(
    mall: Mall, browser: Browser, other: Browser, shop: Shop
) -> None:
    asked = await mall.begin(browser, mall.authorize())
    await mall.begin(other, mall.authorize())
    seen = await other.get(shop.answer(asked["jti"], error="access_denied", sub=None))
    assert (seen.status, seen.location) == (403, "")


async def test_a_new_login_is_asked_of_the_site_and_an_old_one_refused(
    mall: Mall, browser: Browser, clock: VirtualClock
) -> None:
    await mall.walk(browser, "/oidc/user/oidc", name="oidc")
    path = mall.authorize("oidc", prompt="login", login_hint="ann")
    asked = await mall.begin(browser, path, "oidc")
    assert (asked["prompt"], asked["login_hint"]) == ("login", "ann")
    old = int(clock.now()) - 3600
    seen = await browser.follow(mall.shops["oidc"].answer(asked["jti"], auth_time=old))
    assert seen.answer["error"] == "login_required"
    seen = await mall.walk(browser, path, name="oidc", auth_time=int(clock.now()), amr=["pwd"])
    assert (await browser.submit(seen, answer="allow")).answer["code"]


async def test_a_user_who_is_there_is_linked_and_the_profile_follows_the_site(
    mall: Mall, browser: Browser, shop: Shop
) -> None:
    profile = Profile(nick="old", avatar="https://img.example/1", sex="2", seller_name="Ann's")
    known = await admin.add_user(shop.issuer, "7", "correct horse", profile)
    for given, nick, avatar in (
        ({"nickname": "小红", "picture": "https://img.example/2"}, "小红", "https://img.example/2"),
        ({}, "小红", "https://img.example/2"),
        ({"nickname": " a\u202eb\x00\n ", "picture": "javascript:alert(1)"}, "ab", "https://img.example/2"),
        ({"nickname": "n" * 300, "picture": "https://x/" + "p" * 2100}, "n" * 256, "https://img.example/2"),
    ):
        await mall.walk(browser, f"{OWN}/login?again=1", **given)
        (user,) = await users_of(shop)
        assert user.id == known.id
        assert user.profile == Profile(nick=nick, avatar=avatar, sex="2", seller_name="Ann's")


@pytest.mark.threat("M132")
@pytest.mark.parametrize(
    "sub", ["<script>alert(1)</script>", "a\u202eb", "\x00", " 7 ", "ＡＢ", "٧" * 128, "'; --"]
)
async def test_any_text_is_a_subject(mall: Mall, browser: Browser, shop: Shop, sub: str) -> None:
    seen = await mall.walk(browser, OWN, sub)
    assert seen.status == 200
    assert "<script>" not in seen.text
    (user,) = await users_of(shop)
    await mall.walk(browser, f"{OWN}/login?again=1", sub)
    assert [each.id for each in await users_of(shop)] == [user.id]
    assert user.login == sub or user.login.startswith("user-")


async def test_a_disabled_user_is_refused(mall: Mall, browser: Browser, other: Browser, shop: Shop) -> None:
    await mall.walk(browser, OWN)
    (user,) = await users_of(shop)
    await admin.disable_user(shop.issuer, user)
    seen = await mall.walk(other, mall.authorize())
    assert seen.status == 403
    assert "cannot be used here" in seen.text
    assert (await mall.walk(browser, OWN)).status == 403


async def test_who_logs_out_stays_logged_out(mall: Mall, browser: Browser) -> None:
    page = await mall.walk(browser, OWN)
    action, fields = next(form for form in page.forms if form[0].endswith("/logout"))
    left = await browser.send("POST", action, fields)
    seen = await browser.follow(left.location)
    assert seen.status == 200
    assert "You are logged out" in seen.text
    assert (await browser.get(OWN)).location == f"{OWN}/login"


async def test_a_form_whose_session_ended_leads_to_no_other_site(
    mall: Mall, browser: Browser, shop: Shop
) -> None:
    page = await mall.walk(browser, mall.authorize())
    (user,) = await users_of(shop)
    await shop.issuer.store.set_password(user.id, "", shop.issuer.now())  # ends the sessions
    answered = await browser.submit(page, answer="allow")
    assert answered.status == 403
    assert "You were logged out" in answered.text
    own = await browser.send("POST", f"{OWN}/end", {"app_id": "app"})
    assert "You were logged out" in (await browser.follow(own.location)).text


async def test_two_keys_are_valid_while_they_are_rotated(
    mall: Mall, browser: Browser, shop: Shop, clock: VirtualClock
) -> None:
    old = shop.key
    await mall.walk(browser, f"{OWN}/login?again=1")
    new = (await rotate(shop.issuer)).key

    async def log_in(asked_with: str, answered_with: str) -> Seen:
        shop.key = asked_with
        asked = await mall.begin(browser, f"{OWN}/login?again=1")
        shop.key = answered_with
        return await browser.get(shop.answer(asked["jti"]))

    assert (await log_in(old, old)).status == 303
    assert (await log_in(old, new)).status == 303  # from here on it signs
    assert (await log_in(new, old)).status == 303  # another process of the site's
    clock.advance(3601)
    assert (await log_in(new, old)).status == 400
    assert (await log_in(new, new)).status == 303


async def test_a_key_that_leaked_ends_at_once(mall: Mall, browser: Browser, shop: Shop) -> None:
    asked = await mall.begin(browser, OWN)
    new = (await rotate(shop.issuer, at_once=True)).key
    assert (await browser.get(shop.answer(asked["jti"]))).status == 400
    shop.key = new
    assert (await mall.walk(browser, OWN)).status == 200


async def test_a_realm_without_a_key_says_so(mall: Mall, browser: Browser, shop: Shop) -> None:
    await execute(shop.issuer.store, "DELETE FROM issuer_login_keys")
    seen = await browser.follow(mall.authorize())
    assert seen.status == 503
    assert "has not finished" in seen.text


async def test_pages_are_in_the_readers_language(mall: Mall, shop: Shop) -> None:
    reader = Browser(mall.url, "zh-CN")
    try:
        assert (await mall.begin(reader, OWN))["ui_locales"] == "zh-Hans"
        assert "其他浏览器" in (await reader.get(shop.answer("0" * 64))).text
    finally:
        await reader.close()


async def test_under_https_waiting_logins_are_for_tls_alone(shop: Shop) -> None:
    site = Site(origin="https://id.example", prefix=OWN, login=LOGIN)
    visit = Visit(shop.issuer, site, Call(trace_id="", peer="192.0.2.1"))
    await visit.find_session()
    WaitingLogins(shop.issuer, site).begin(visit, "", repeated=False)
    (cookie,) = (value for name, value in visit.headers if name == "set-cookie" and "-waiting-" in value)
    assert cookie.startswith("__Secure-lingpai-waiting-mall-")
    assert cookie.endswith("; Secure")
