"""The bridge's script and window over HTTP; tests/browser has the whole of it."""

import html
import json
import re
from urllib.parse import urlencode

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from lingpai.issuer.dialects.yzb.bridge import BridgePages
from lingpai.issuer.dialects.yzb.policy import PAGE_PROOF
from lingpai.issuer.dialects.yzb.signing import SignedPage, signature_of, verify_page
from lingpai.issuer.pages import Site
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.tickets import issue_ticket
from tests.issuer.pages.harness import Browser, Harness

ORIGIN = "http://localhost:5000"


async def window(harness: Harness, **over: str) -> str:
    """The address of a window for a verified page."""
    token = (await issue_app_token(harness.yzb, harness.mini)).access_token
    ticket = (await issue_ticket(harness.yzb, harness.mini, token)).ticket
    signature = signature_of(ticket, "n", "1700000000", ORIGIN + "/page")
    proof = await verify_page(
        harness.yzb, harness.mini, SignedPage(ORIGIN + "/page", ORIGIN, "1700000000", "n", signature)
    )
    given = {"app_id": "100001", "origin": ORIGIN, "proof": proof, "call": "c1"} | over
    return "/js/yzb-bridge/window?" + urlencode(given)


def data_of(page: str) -> dict[str, str]:
    """What the window's page holds for its script."""
    found = re.search(r'<div id="answer" hidden([^>]*)>', page)
    assert found is not None
    return {name: html.unescape(value) for name, value in re.findall(r'data-([a-z]+)="([^"]*)"', found[1])}


async def test_script_is_for_any_page(browser: Browser) -> None:
    seen = await browser.get("/js/yzb-bridge.js")
    assert seen.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert seen.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "window.yzb" in seen.text
    again = await browser.get("/js/yzb-bridge.js", headers={"If-None-Match": seen.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


async def test_window_of_a_verified_page_keeps_its_opener(harness: Harness, browser: Browser) -> None:
    login = await browser.follow(await window(harness))
    assert login.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"
    assert login.headers["X-Frame-Options"] == "DENY"
    assert (await browser.get("/user/mall/login")).headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.threat("D41")
async def test_window_of_a_public_client_says_what_it_lacks(harness: Harness, browser: Browser) -> None:
    address = await window(harness)
    await admin.change_app(harness.yzb, harness.mini, public=True)
    seen = await browser.get(address, headers={"Accept-Language": "en"})
    assert (seen.status, data_of(seen.text)["call"]) == (400, "c1")


async def test_allowing_leads_to_a_code_for_that_origin(harness: Harness, browser: Browser) -> None:
    question = await browser.log_in(await browser.follow(await window(harness)))
    done = await browser.submit(question, answer="allow")
    data = data_of(done.text)
    assert (data["call"], data["origin"]) == ("c1", ORIGIN)
    assert done.csp["script-src"] == "'self'"
    form = json.loads(data["form"])
    answered = await browser.send("POST", data["api"], form)
    assert json.loads(answered.text)["status"] == "2000"
    forged = await browser.send("POST", data["api"], form | {"form_token": "0" * 64})
    assert json.loads(forged.text)["status"] == "4000"


@pytest.mark.threat("A1")
async def test_a_domain_taken_off_the_app_meanwhile_is_given_nothing(
    harness: Harness, browser: Browser
) -> None:
    question = await browser.log_in(await browser.follow(await window(harness)))
    await admin.change_app(harness.yzb, harness.mini, domains=("page.example",))
    refused = await browser.submit(question, answer="allow")
    assert refused.status == 400
    assert ORIGIN not in refused.text
    assert await harness.yzb.store.find_member(harness.mini.id, harness.users["yzb"].id) is None


async def test_refusing_leads_to_nothing(harness: Harness, browser: Browser) -> None:
    question = await browser.log_in(await browser.follow(await window(harness)))
    done = await browser.submit(question, answer="refuse")
    assert data_of(done.text) == {"call": "c1", "origin": ORIGIN}
    assert "You refused" in done.text


@pytest.mark.parametrize(
    ("over", "status", "code"),
    [
        ({"proof": "1.aa"}, 400, 100002),
        ({"origin": "http://localhost:5001"}, 400, 100002),
        ({"app_id": "999999"}, 400, 100002),
        ({"access": "user/get_user_base_info,user/all"}, 403, 100002),
    ],
)
async def test_window_of_another_page_is_refused(
    harness: Harness, browser: Browser, over: dict[str, str], status: int, code: int
) -> None:
    seen = await browser.get(await window(harness, **over))
    assert (seen.status, seen.cookies) == (status, [])
    error = json.loads(data_of(seen.text)["error"])
    assert error.keys() == {"code", "description", "suggestion"}
    assert error["code"] == code


async def test_a_proof_runs_out(harness: Harness, browser: Browser, clock: VirtualClock) -> None:
    address = await window(harness)
    clock.advance(PAGE_PROOF)
    assert (await browser.get(address)).status == 400


@pytest.mark.threat("B22")
async def test_what_the_page_says_is_only_text(harness: Harness, browser: Browser) -> None:
    evil = '"><script>alert(1)</script>'
    question = await browser.log_in(await browser.follow(await window(harness, call=evil)))
    done = await browser.submit(question, answer="allow")
    assert "<script>alert" not in done.text
    assert data_of(done.text)["call"] == evil


def test_realms_have_scripts_of_their_own(harness: Harness) -> None:
    pages = BridgePages(harness.yzb, Site(origin=harness.url, prefix="/t/user/yzb"), "/t")
    paths = {route.path for route in pages.routes()}
    assert {"/t/js/yzb-bridge.js", "/t/js/yzb-bridge/window"} <= paths
    assert all(path.startswith("/t/") for path in paths)
