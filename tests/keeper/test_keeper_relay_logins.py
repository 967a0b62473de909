"""Logins of many environments by one callback domain: each gets its own back, and nobody else gets a code."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingpai.core.wire import Call
from lingpai.sandbox import SAMPLE_APP, SAMPLE_CORP
from tests.helpers.direct import Result
from tests.keeper.environments import APP, environment
from tests.keeper.harness import APP_SECRET, Harness, staged

ORIGIN = "https://login.example"
AUTHORIZE = f"/relay/{APP}/authorize"
RETURN = f"/relay/{APP}/return"
DEV = "https://dev.example/back?a=1"
PROD = "https://prod.example/back"
PAGE = {"accept": "text/html", "accept-language": "zh-CN"}


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Harness]:
    async with staged(tmp_path, public_url=ORIGIN) as harness:
        await harness.add_app()
        await environment(harness, "dev", redirect_uris=(DEV,))
        await environment(harness, "prod", redirect_uris=(PROD, "https://prod.example/other"))
        yield harness


class Browser:
    """A browser with its cookies, which goes where it is sent."""

    def __init__(self, harness: Harness) -> None:
        self.harness = harness
        self.cookies: dict[str, str] = {}

    async def get(self, path: str, **query: str) -> Result:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.harness.get(
            path, headers={**PAGE, **({"cookie": cookies} if cookies else {})}, **query
        )
        for set_ in answer.headers.get_all("set-cookie") or []:
            name, _, value = set_.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    async def begin(self, uri: str, state: str = "s 1&x", **query: str) -> str:
        """The state that the platform gets."""
        answer = await self.get(AUTHORIZE, redirect_uri=uri, state=state, **query)
        assert answer.status_code == 303, answer.text
        return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]

    async def finish(self, state: str, code: str = "c0de") -> Result:
        return await self.get(RETURN, state=state, code=code)


def sent_to(answer: Result) -> tuple[str, list[tuple[str, str]]]:
    """Where a browser goes: the address without the query, and that."""
    assert answer.status_code == 303, answer.text
    parts = urlsplit(answer.headers["location"])
    return f"{parts.scheme}://{parts.netloc}{parts.path}", parse_qsl(parts.query, keep_blank_values=True)


async def test_the_platforms_page_is_asked_with_our_address(relay: Harness) -> None:
    browser = Browser(relay)
    answer = await browser.get(AUTHORIZE, redirect_uri=DEV, state="mine", scope="snsapi_userinfo")
    location = answer.headers["location"]
    assert location.startswith(f"{relay.upstream.url}/connect/oauth2/authorize?appid={SAMPLE_APP.appid}&")
    assert location.endswith("#wechat_redirect")
    pairs = parse_qsl(urlsplit(location).query)
    assert [name for name, _ in pairs] == ["appid", "redirect_uri", "response_type", "scope", "state"]
    query = dict(pairs)
    assert query["redirect_uri"] == f"{ORIGIN}{RETURN}"
    assert (query["response_type"], query["scope"]) == ("code", "snsapi_userinfo")
    assert query["state"].isalnum()
    assert len(query["state"]) <= 128
    assert "mine" not in location
    (cookie,) = answer.headers.get_all("set-cookie") or []
    assert cookie.startswith("__Host-lingpai-relay-")
    assert all(each in cookie for each in ("Path=/", "HttpOnly", "SameSite=Lax", "Max-Age=600", "Secure"))
    assert "mine" not in cookie
    assert answer.headers["cache-control"] == "no-store"


async def test_websites_get_the_page_with_the_code_to_scan(relay: Harness) -> None:
    answer = await relay.get(AUTHORIZE, redirect_uri=DEV, scope="snsapi_login")
    assert urlsplit(answer.headers["location"]).path == "/connect/qrconnect"


async def test_wecom_gets_the_app(relay: Harness) -> None:
    await relay.add_corp()
    app = f"wecom/{SAMPLE_CORP.corpid}"
    await environment(relay, "corp", app=f"{app}/agent", redirect_uris=(DEV,))
    answer = await relay.get(f"/relay/{app}/authorize", redirect_uri=DEV, agentid="1000002")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (query["appid"], query["agentid"]) == ([SAMPLE_CORP.corpid], ["1000002"])


async def test_two_environments_log_in_at_once_and_each_gets_its_own(relay: Harness) -> None:
    browser = Browser(relay)
    states = {DEV: await browser.begin(DEV, "of dev"), PROD: await browser.begin(PROD, "of prod")}
    assert sent_to(await browser.finish(states[PROD], "c1")) == (
        PROD,
        [("code", "c1"), ("state", "of prod")],
    )
    assert sent_to(await browser.finish(states[DEV], "c2")) == (
        "https://dev.example/back",
        [("a", "1"), ("code", "c2"), ("state", "of dev")],
    )


async def test_a_page_that_is_loaded_twice_at_once_leads_to_one_place(
    relay: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second comes when the first has claimed the login, and has not yet written down where it leads."""
    browser = Browser(relay)
    state = await browser.begin(PROD, "mine", exchange="1")
    store, second = relay.keeper.store, None
    whole, waits = store.finish_exchange, store.wait_change
    waiting = asyncio.Event()

    async def wait(seconds: float) -> None:
        waiting.set()
        await waits(seconds)

    async def finish(*given: Any) -> bool:
        nonlocal second
        second = asyncio.create_task(browser.finish(state))
        await waiting.wait()
        return await whole(*given)

    monkeypatch.setattr(store, "wait_change", wait)
    monkeypatch.setattr(store, "finish_exchange", finish)
    first = await browser.finish(state)
    assert second is not None
    assert sent_to(await second) == sent_to(first)


async def test_a_login_outlives_the_process_that_finished_it(
    relay: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed between its two writes; who loads the page again waits until its claim is over."""
    browser = Browser(relay)
    state = await browser.begin(PROD, "mine")
    with monkeypatch.context() as killed:
        killed.setattr(relay.keeper.store, "finish_exchange", _killed)
        with pytest.raises(asyncio.CancelledError):
            await relay.keeper.logins.finish(
                _call_of(browser), relay.keeper.platforms["wechat"], SAMPLE_APP.appid, state, "c0de"
            )

    async def wait(seconds: float) -> None:
        relay.clock.advance(seconds)

    monkeypatch.setattr(relay.keeper.store, "wait_change", wait)
    assert sent_to(await browser.finish(state)) == (PROD, [("code", "c0de"), ("state", "mine")])


def _call_of(browser: Browser) -> Call:
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    return Call(trace_id="1", peer="127.0.0.1", headers={b"cookie": cookies.encode()})


async def _killed(*_given: Any) -> bool:
    raise asyncio.CancelledError


async def test_who_does_not_agree_comes_back_without_a_code(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD, "mine")
    assert sent_to(await browser.get(RETURN, state=state)) == (PROD, [("state", "mine")])


async def test_a_page_that_is_loaded_twice_goes_to_the_same_place(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD)
    first, second = await browser.finish(state), await browser.finish(state)
    assert first.headers["location"] == second.headers["location"]


async def test_a_code_of_ours_is_good_for_an_exchange_once(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD, exchange="1")
    theirs = (await relay.upstream.code(SAMPLE_APP.appid))["code"]
    (_, ((_, ours), _)) = sent_to(await browser.finish(state, theirs))
    assert theirs not in ours
    key = await relay.add_caller("shop", apps=(APP,))
    path = f"/v1/exchanges/{APP}"
    answer = await relay.post(path, {"kind": "oauth", "code": ours}, bearer=key)
    assert answer.json["openid"]
    other = await relay.add_caller("other", apps=(APP,))
    again = await relay.post(path, {"kind": "oauth", "code": ours}, bearer=other)
    assert again.json["code"] == 40163
    drop_in = await relay.get(
        "/sns/oauth2/access_token", grant_type="authorization_code", code=ours, **APP_SECRET
    )
    assert drop_in.json["errcode"] == 40163


async def test_a_code_of_ours_is_of_one_account_and_ends(relay: Harness) -> None:
    codes = relay.keeper.relayed_codes
    app = relay.app_of()
    ours = codes.made("wechat", SAMPLE_APP.appid, "c0de")
    assert codes.read(app, ours) == "c0de"
    assert codes.read(app, "c0de") == "c0de"
    key = await relay.add_caller()
    wrong = [
        codes.made("wechat", "wx0000000000000000", "c0de"),
        codes.made("wecom", SAMPLE_APP.appid, "c0de"),
    ]
    wrong += [ours[:-2] + "AA", "lpx_", "lpx_中文"]
    for each in wrong:
        answer = await relay.post(f"/v1/exchanges/{APP}", {"kind": "oauth", "code": each}, bearer=key)
        assert (answer.status_code, answer.json["parameter"]) == (400, "code")
    relay.clock.advance(301)
    answer = await relay.post(f"/v1/exchanges/{APP}", {"kind": "oauth", "code": ours}, bearer=key)
    assert answer.status_code == 400


@pytest.mark.threat("K96")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        f"{PROD}/",
        f"{PROD}?a=1",
        f"{PROD}#x",
        f"{PROD}.evil.example",
        PROD.upper(),
        f"{PROD}%2f..",
        f" {PROD}",
        "//prod.example/back",
        "javascript:alert(1)",
        f"{PROD}\r\nset-cookie: a=b",
        "https://prod.example\\@evil.example/back",
        "",
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_listed(relay: Harness, uri: str) -> None:
    answer = await Browser(relay).get(AUTHORIZE, redirect_uri=uri, state="s")
    assert answer.status_code == 400
    assert answer.headers["location"] is None
    assert "evil" not in answer.text
    assert answer.headers.get_all("set-cookie") is None


@pytest.mark.threat("K96")
async def test_a_state_of_another_browser_leads_nowhere(relay: Harness) -> None:
    victim, attacker = Browser(relay), Browser(relay)
    state = await attacker.begin(PROD)
    for browser in (victim, Browser(relay)):
        answer = await browser.finish(state, "code of the attacker")
        assert (answer.status_code, answer.headers["location"]) == (403, None)
        assert "无法登录" in answer.text
        assert "code of the attacker" not in answer.text


@pytest.mark.threat("K96")
async def test_a_state_of_one_environment_is_not_good_for_another(relay: Harness) -> None:
    browser = Browser(relay)
    dev, prod = await browser.begin(DEV, "of dev"), await browser.begin(PROD, "of prod")
    names = {
        state: next(name for name in browser.cookies if name.endswith(state[:8])) for state in (dev, prod)
    }
    browser.cookies[names[dev]], browser.cookies[names[prod]] = (
        browser.cookies[names[prod]],
        browser.cookies[names[dev]],
    )
    for state in (dev, prod):
        assert (await browser.finish(state)).status_code == 403


@pytest.mark.threat("K96")
async def test_a_state_is_good_for_one_code(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD)
    await browser.finish(state, "first")
    answer = await browser.finish(state, "second")
    assert (answer.status_code, answer.headers["location"]) == (403, None)


@pytest.mark.threat("K96")
async def test_forged_and_changed_states_lead_nowhere(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD)
    other = ("0" if state[-1] != "0" else "1") + state[1:]
    for forged in (state[:-1], state + "0", other, "0" * 32, "x", "中" * 9):
        assert (await browser.finish(forged)).status_code == 403
    (name,) = browser.cookies
    kept = browser.cookies[name]
    for changed in (kept[:-4] + "AAAA", "", "x", kept + "; " + name + "=other"):
        browser.cookies[name] = changed
        assert (await browser.finish(state)).status_code == 403
    browser.cookies[name] = kept
    assert (await browser.finish(state)).status_code == 303


@pytest.mark.threat("K96")
async def test_a_state_of_one_account_is_not_good_for_another(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD)
    await relay.add_corp()
    for other in (f"wecom/{SAMPLE_CORP.corpid}", "wechat/wx0000000000000000"):
        assert (await browser.get(f"/relay/{other}/return", state=state, code="c")).status_code == 403


async def test_a_login_ends_after_ten_minutes(relay: Harness) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD)
    relay.clock.advance(601)
    assert (await browser.finish(state)).status_code == 403


@pytest.mark.threat("K96")
@pytest.mark.parametrize("how", ["removed", "another address"])
async def test_an_environment_that_does_not_list_the_address_any_more_gets_no_code(
    relay: Harness, how: str
) -> None:
    browser = Browser(relay)
    state = await browser.begin(PROD)
    store = relay.keeper.store
    known = await store.find_environment("prod")
    assert known is not None
    if how == "removed":
        await store.remove_environment("prod")
    else:
        await store.replace_environment(known, msgspec.structs.replace(known, redirect_uris=(DEV,)))
    assert (await browser.finish(state)).status_code == 403


async def test_accounts_that_cannot_be(relay: Harness) -> None:
    for path in ("wechat/wx0", "feishu/cli_1", "nowhere/x", f"wechat/{SAMPLE_APP.appid}%2fx"):
        answer = await relay.get(f"/relay/{path}/authorize", redirect_uri=PROD)
        assert answer.status_code in {400, 404}, path


async def test_programs_get_the_reason_in_json(relay: Harness) -> None:
    answer = await relay.get(AUTHORIZE, redirect_uri="https://evil.example/")
    assert (answer.status_code, answer.json["parameter"]) == (400, "redirect_uri")


@pytest.mark.threat("K96")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    given_=st.dictionaries(
        st.sampled_from(["redirect_uri", "state", "scope", "agentid", "exchange", "code"]),
        st.text(max_size=60),
    )
)
async def test_no_request_is_a_fault_of_ours(relay: Harness, given_: dict[str, str]) -> None:
    for path in (AUTHORIZE, RETURN):
        answer = await relay.get(path, **given_)
        assert 400 <= answer.status_code < 500
        if given_.get("redirect_uri") in (PROD, DEV):
            continue
        assert answer.headers["location"] is None
