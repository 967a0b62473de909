"""Login and consent over HTTP, by the lines of docs/spec/threats.md."""

import asyncio

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.issuer import admin
from lingpai.issuer.dialects import yilianyun
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from tests.issuer.engines import rows_of
from tests.issuer.harness import raises
from tests.issuer.pages.harness import REDIRECT, TERMINAL, Browser, Harness, Seen, authorize_path


async def ask(browser: Browser, path: str | None = None) -> Seen:
    """Log in and come to the question."""
    return await browser.log_in(await browser.follow(path or authorize_path()))


async def test_allowing_gives_the_app_a_code(harness: Harness, browser: Browser) -> None:
    question = await ask(browser)
    assert "花间小铺" in question.text
    answered = await browser.submit(question, answer="allow")
    assert (answered.status, answered.location.split("?")[0]) == (200, REDIRECT)
    assert answered.answer.keys() == {"code", "state"}
    assert answered.answer["state"] == "s t&ate"
    tokens = await redeem(harness.mall, harness.shop, answered.answer["code"], redirect_uri=REDIRECT)
    assert tokens.grant.user == harness.users["mall"].id


TABLES = ("sessions", "authorizations", "answers", "grants", "members", "signed_requests", "attempts")


async def rows(harness: Harness) -> list[int]:
    counts = [await rows_of(harness.mall.store, f"SELECT count(*) FROM issuer_{table}") for table in TABLES]
    return [count for ((count,),) in counts]


async def test_nothing_is_stored_before_a_login(harness: Harness, browser: Browser) -> None:
    before = await rows(harness)
    for number in range(50):
        stranger = Browser(harness.url)
        for path in (authorize_path(state="x" * 2048), TERMINAL):
            login = await stranger.follow(path)
            assert login.forms[0][0].endswith("/login")
            assert (await stranger.submit(login, form_token=f"{number}")).status == 403
        await stranger.close()
    assert await rows(harness) == before
    question = await ask(browser)
    assert (await rows(harness))[:-1] == [before[0] + 1, *before[1:-1]]
    await browser.submit(question, answer="allow")
    assert (await rows(harness))[:5] == [before[0] + 1, before[1], 1, 1, 1]


async def test_a_sealed_request_is_of_its_realm_and_unchanged(harness: Harness, browser: Browser) -> None:
    question = await ask(browser)
    text = question.forms[0][1]["request"]
    for changed in (
        text[:-1],
        text[::-1],
        text[:40] + ("A" if text[40] != "A" else "B") + text[41:],
        "",
        "x",
    ):
        refused = await browser.submit(question, answer="allow", request=changed)
        assert (refused.status, refused.location) == (400, "")
    terminals = await ask(browser, TERMINAL)
    refused = await browser.submit(terminals, answer="allow", request=text, machine="4004001")
    assert (refused.status, refused.location) == (400, "")
    assert "code" in (await browser.submit(question, answer="allow")).answer


async def test_a_request_begins_again_for_a_day(
    harness: Harness, browser: Browser, clock: VirtualClock
) -> None:
    path = (await browser.get(authorize_path())).location
    clock.advance(86399)
    question = await browser.log_in(await browser.follow(path))
    assert "花间小铺" in question.text
    clock.advance(1)
    assert (await browser.submit(question, answer="allow")).answer["state"] == "s t&ate"
    assert (await browser.get(path)).status == 400


async def test_what_begins_again_is_checked_again(harness: Harness, browser: Browser) -> None:
    await admin.change_app(harness.mall, harness.shop, scopes=("orders", "goods"))
    path = (await browser.get(authorize_path(scope="orders"))).location
    await admin.change_app(harness.mall, harness.shop, scopes=("goods",))
    await browser.log_in(await browser.get("/user/mall/login"))
    seen = await browser.follow(path)
    assert (seen.status, seen.location) == (400, "")


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:5000/cb",
        "http://localhost/cb",
        "https://localhost/cb",
        "http://[::1]/cb",
        "com.example.app:/cb",
    ],
)
async def test_where_another_program_could_take_the_answer_the_user_is_always_asked(
    harness: Harness, browser: Browser, uri: str
) -> None:
    await admin.change_app(harness.mall, harness.shop, redirect_uris=(uri, REDIRECT))
    assert (await browser.submit(await ask(browser), answer="allow")).location.startswith(REDIRECT)
    for _ in range(2):
        question = await browser.follow(authorize_path(redirect_uri=uri))
        assert question.forms[0][0] == "/user/mall/consent"
        assert (await browser.submit(question, answer="allow")).location.startswith(uri + "?code=")
    assert (await browser.follow(authorize_path())).location.startswith(REDIRECT)


async def test_refusing_informs_the_app(browser: Browser) -> None:
    answered = await browser.submit(await ask(browser), answer="refuse")
    assert answered.answer == {
        "error": "access_denied",
        "error_description": "The user denied access to your application",
        "state": "s t&ate",
    }


async def test_who_allowed_it_once_is_not_asked_again(browser: Browser) -> None:
    await browser.submit(await ask(browser), answer="allow")
    again = await browser.follow(authorize_path(state="2"))
    assert again.status == 302
    assert again.answer.keys() == {"code", "state"}


async def test_the_user_of_a_public_client_is_always_asked(harness: Harness, browser: Browser) -> None:
    await browser.submit(await ask(browser), answer="allow")
    await admin.change_app(harness.mall, harness.shop, public=True)
    challenge = {
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    again = await browser.follow(authorize_path(**challenge))
    assert again.forms[0][0] == "/user/mall/consent"


@pytest.mark.parametrize(
    "state",
    ["<script>alert(1)</script>", "a\r\nSet-Cookie: x=1", "x" * 2048, "&code=forged", "你好"],
)
@pytest.mark.threat("A9")
async def test_state_comes_back_once_and_is_never_shown(browser: Browser, state: str) -> None:
    question = await ask(browser, authorize_path(state=state))
    assert state not in question.text
    answered = await browser.submit(question, answer="allow")
    assert answered.answer["state"] == state
    assert not any("x=1" in cookie for cookie in answered.cookies)


@pytest.mark.parametrize(
    "over",
    [{"redirect_uri": "https://evil.example/"}, {"client_id": "nobody"}, {"redirect_uri": REDIRECT + "/"}],
)
@pytest.mark.threat("A1")
async def test_what_is_not_registered_is_shown_and_never_redirected(
    browser: Browser, over: dict[str, str]
) -> None:
    seen = await browser.get(authorize_path(**over))
    assert (seen.status, seen.location) == (400, "")
    assert "<h1>That did not work</h1>" in seen.text


@pytest.mark.threat("A1")
async def test_what_was_taken_off_the_app_meanwhile_gets_nothing(harness: Harness, browser: Browser) -> None:
    question = await ask(browser)
    handle = question.forms[0][1]["request"]
    await admin.change_app(harness.mall, harness.shop, redirect_uris=("https://app.example/other",))
    for seen in (
        await browser.submit(question, answer="allow"),
        await browser.submit(question, answer="refuse"),
        await browser.get(f"/user/mall/consent?request={handle}"),
    ):
        assert (seen.status, seen.location) == (400, "")
        assert "not registered for the app" in seen.text
    member = await harness.mall.store.find_member(harness.shop.id, harness.users["mall"].id)
    assert member is None
    await admin.change_app(harness.mall, harness.shop, redirect_uris=(REDIRECT, "https://app.example/other"))
    assert "code" in (await browser.submit(question, answer="allow")).answer


@pytest.mark.threat("A10")
async def test_nobody_is_sent_to_an_app_without_a_word(browser: Browser) -> None:
    seen = await browser.get(authorize_path(prompt="none"))
    assert seen.location.startswith("/user/mall/consent?")
    assert (await browser.get(seen.location)).location.startswith("/user/mall/login?")


@pytest.mark.threat("A11")
async def test_forms_are_followed_by_a_get(browser: Browser) -> None:
    login = await browser.follow(authorize_path())
    assert (await browser.submit(login, login="hong", password="correct horse")).status == 303


@pytest.mark.threat("A16")
async def test_no_other_site_may_read(browser: Browser) -> None:
    for path in (authorize_path(), "/user/mall/login", "/user/mall"):
        seen = await browser.get(path, headers={"Origin": "https://evil.example"})
        assert not [name for name in seen.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("token", ["", "0" * 64, None])
@pytest.mark.threat("B17")
async def test_a_form_without_our_token_is_refused(
    harness: Harness, browser: Browser, token: str | None
) -> None:
    question = await ask(browser)
    refused = await browser.submit(question, answer="allow", form_token=token)
    assert (refused.status, refused.location) == (403, "")
    assert await harness.mall.store.find_member(harness.shop.id, harness.users["mall"].id) is None


@pytest.mark.threat("B17")
async def test_another_sessions_token_is_refused(browser: Browser, other: Browser) -> None:
    question, foreign = await ask(browser), await ask(other)
    refused = await browser.submit(question, answer="allow", form_token=foreign.forms[0][1]["form_token"])
    assert refused.status == 403
    refused = await browser.submit(question, answer="allow", request=foreign.forms[0][1]["request"])
    assert (refused.status, refused.location) == (400, "")
    assert refused.forms[0][1]["request"] not in {each.forms[0][1]["request"] for each in (question, foreign)}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "path", ["/user/mall/login", "/user/mall/logout", "/user/mall/consent", "/user/mall/end"]
)
@pytest.mark.threat("B17")
async def test_a_form_of_another_site_is_refused(browser: Browser, site: str, path: str) -> None:
    token = (await ask(browser)).forms[0][1]["form_token"]
    headers = {"Sec-Fetch-Site": site}
    assert (await browser.send("POST", path, {"form_token": token}, headers)).status == 403


@pytest.mark.threat("B18")
async def test_submitted_twice_it_is_one_code(browser: Browser) -> None:
    question = await ask(browser)
    answers = await asyncio.gather(*(browser.submit(question, answer="allow") for _ in range(5)))
    assert len({answered.answer["code"] for answered in answers}) == 1


@pytest.mark.threat("B18")
async def test_nobody_else_gets_the_code_of_an_answer(browser: Browser) -> None:
    question = await ask(browser)
    code = (await browser.submit(question, answer="allow")).answer["code"]
    again = await browser.get("/user/mall/login?again=1")
    await browser.log_in(again, "ming")
    handle = question.forms[0][1]["request"]
    for page in ("consent", "onward"):
        asked = await browser.follow(f"/user/mall/{page}?request={handle}")
        assert (asked.status, asked.forms[0][0]) == (200, "/user/mall/consent")
        assert "小明" in asked.text
    assert (await browser.submit(asked, answer="allow")).answer["code"] != code


@pytest.mark.threat("B18")
async def test_going_back_gives_no_spent_code_again(harness: Harness, browser: Browser) -> None:
    question = await ask(browser)
    handle = question.forms[0][1]["request"]
    code = (await browser.submit(question, answer="allow")).answer["code"]
    paths = [f"/user/mall/{name}?request={handle}" for name in ("consent", "login")]
    for path in paths:  # still out: one and the same
        assert (await browser.follow(path)).answer["code"] == code
    tokens = await redeem(harness.mall, harness.shop, code, redirect_uri=REDIRECT)
    for path in paths:
        seen = await browser.follow(path)
        assert (seen.status, seen.location) == (400, "")
    assert (await browser.submit(question, answer="allow")).status == 400
    await resolve_access_token(harness.mall, tokens.access_token)


@pytest.mark.threat("B18")
async def test_going_back_gives_no_code_that_ran_out_or_was_ended(
    harness: Harness, browser: Browser, clock: VirtualClock
) -> None:
    app, user = harness.shop, harness.users["mall"]
    first = await ask(browser)
    await browser.submit(first, answer="allow")
    assert await harness.mall.store.end_all(app=app.id, user=user.id)
    assert (await browser.submit(first, answer="allow")).status == 400
    handle = (await browser.get(authorize_path())).location
    assert "code" in (await browser.get(handle)).answer
    clock.advance(harness.mall.policy.code)
    assert (await browser.get(handle)).status == 400
    assert (await browser.get(handle.replace("/consent?", "/onward?"))).status == 400


@pytest.mark.threat("B18")
async def test_an_answer_is_for_one_terminal(harness: Harness, browser: Browser) -> None:
    question = await ask(browser, TERMINAL)
    answers = [await browser.submit(question, answer="allow", machine="4004001") for _ in range(2)]
    codes = {answered.answer["code"] for answered in answers}
    assert len(codes) == 1
    assert (await browser.submit(question, answer="allow", machine="4004002")).status == 400
    tokens = await redeem(harness.terminals, harness.printing, codes.pop(), redirect_uri=REDIRECT)
    assert (await browser.submit(question, answer="allow", machine="4004001")).status == 400
    await resolve_access_token(harness.terminals, tokens.access_token)


@pytest.mark.threat("B18")
async def test_who_refuses_after_all_takes_the_code_back(harness: Harness, browser: Browser) -> None:
    question = await ask(browser, TERMINAL)
    code = (await browser.submit(question, answer="allow", machine="4004001")).answer["code"]
    assert (await browser.submit(question, answer="refuse")).answer["error"] == "access_denied"
    with raises(Kind.INVALID_CODE):
        await redeem(harness.terminals, harness.printing, code, redirect_uri=REDIRECT)
    assert (await browser.submit(question, answer="allow", machine="4004001")).status == 400


@pytest.mark.threat("B18")
async def test_a_refusal_is_final(browser: Browser) -> None:
    question = await ask(browser)
    await browser.submit(question, answer="refuse")
    assert (await browser.submit(question, answer="allow")).status == 400


@pytest.mark.threat("B19")
async def test_what_the_form_says_beyond_the_answer_counts_for_nothing(
    harness: Harness, browser: Browser
) -> None:
    question = await ask(browser)
    answered = await browser.submit(
        question, answer="allow", redirect_uri="https://evil.example/", client_id="x", scope="all", state="y"
    )
    assert answered.location.startswith(REDIRECT)
    assert answered.answer["state"] == "s t&ate"
    member = await harness.mall.store.find_member(harness.shop.id, harness.users["mall"].id)
    assert member is not None
    assert member.scope is None


async def test_an_authorization_runs_out(browser: Browser, clock: VirtualClock) -> None:
    question = await ask(browser)
    clock.advance(600)
    again = await browser.submit(question, answer="allow")
    assert (again.status, again.location) == (400, "")
    assert "nothing was done" in again.text
    assert "code" in (await browser.submit(again, answer="allow")).answer


async def test_an_app_taken_down_meanwhile_gets_nothing(harness: Harness, browser: Browser) -> None:
    question = await ask(browser)
    await admin.change_app(harness.mall, harness.shop, disabled=True)
    refused = await browser.submit(question, answer="allow")
    assert (refused.status, refused.location) == (403, "")


@pytest.mark.threat("B22")
async def test_an_apps_name_is_only_text(harness: Harness, browser: Browser) -> None:
    evil = "<script>alert(1)</script>{{ 7 * 7 }}"
    await admin.change_app(harness.mall, harness.shop, name=evil)
    for seen in (await browser.follow(authorize_path()), await ask(browser)):
        assert "<script" not in seen.text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}" in seen.text


async def test_a_terminal_is_chosen_among_ones_own(harness: Harness, browser: Browser) -> None:
    question = await ask(browser, TERMINAL)
    assert "前台" in question.text
    assert "4004009" not in question.text
    again = await browser.submit(question, answer="allow")
    assert again.status == 200
    assert "Choose a terminal first." in again.text
    assert (await browser.submit(question, answer="allow", machine="4004009")).status == 400
    answered = await browser.submit(question, answer="allow", machine="4004001")
    assert list(answered.answer) == ["response_type", "code", "state"]  # docs/spec/yilianyun.md
    tokens = await redeem(harness.terminals, harness.printing, answered.answer["code"], redirect_uri=REDIRECT)
    assert tokens.machine_code == "4004001"


async def test_the_only_terminal_is_chosen(harness: Harness, browser: Browser) -> None:
    ming = await admin.find_user(harness.terminals, "ming")
    await admin.save_terminal(harness.terminals, "4004009", owner=ming)
    question = await browser.log_in(await browser.follow(TERMINAL), "ming")
    assert 'value="4004009" required checked' in question.text


async def test_who_has_no_terminal_can_only_refuse(browser: Browser) -> None:
    question = await browser.log_in(await browser.follow(TERMINAL), "ming")
    assert 'value="allow"' not in question.text
    answered = await browser.submit(question, answer="refuse")
    assert answered.answer["error_description"] == yilianyun.STYLE.refused


async def test_forms_may_lead_to_us_and_nowhere_else(browser: Browser) -> None:
    for seen in (await browser.follow(authorize_path()), await ask(browser)):
        assert seen.csp["form-action"] == "'self'"
