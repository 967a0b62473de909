"""The pages for another password: the user's own, and that of an operator's link."""

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.issuer import admin
from lingpai.issuer.verbs.passwords import make_reset_link
from tests.issuer.pages.harness import PASSWORD, Browser, Harness, Seen

OWN = "/user/mall"
NEW = "another horse"


async def log_in(browser: Browser, password: str = PASSWORD) -> Seen:
    return await browser.log_in(await browser.follow(OWN), password=password)


@pytest.mark.threat("M136")
async def test_a_user_changes_the_password_and_other_browsers_are_logged_out(
    harness: Harness, browser: Browser, other: Browser
) -> None:
    await log_in(other)
    own = await log_in(browser)
    assert f'href="{OWN}/password"' in own.text
    page = await browser.get(f"{OWN}/password")
    done = await browser.submit(page, old=PASSWORD, new=NEW, again=NEW)
    assert done.location == f"{OWN}?changed=1"
    assert "was changed" in (await browser.follow(done.location)).text
    assert (await other.get(OWN)).location == f"{OWN}/login"
    assert (await log_in(other)).status == 403
    assert (await log_in(other, NEW)).status == 200


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"old": "wrong", "new": NEW, "again": NEW}, 403, "is wrong"),
        ({"old": PASSWORD, "new": NEW, "again": NEW + "x"}, 400, "differ"),
        ({"old": PASSWORD, "new": "short", "again": "short"}, 400, "At least 8"),
        ({"old": PASSWORD, "new": "x" * 1025, "again": "x" * 1025}, 400, "not valid"),
        ({"old": PASSWORD, "new": NEW, "again": NEW, "form_token": "0" * 32}, 403, "out of date"),
        ({"old": PASSWORD, "new": NEW, "again": NEW, "form_token": None}, 403, "out of date"),
    ],
)
async def test_what_does_not_do_changes_nothing(
    harness: Harness, browser: Browser, other: Browser, given: dict[str, str | None], status: int, said: str
) -> None:
    await log_in(browser)
    refused = await browser.submit(await browser.get(f"{OWN}/password"), form=0, **given)
    assert refused.status == status
    assert said in refused.text
    for text in given.values():
        assert not text or len(text) < 12 or text not in refused.text
    assert (await log_in(other)).status == 200
    assert (await browser.get(OWN)).status == 200


@pytest.mark.threat("M136")
async def test_guesses_of_the_old_password_are_counted(harness: Harness, browser: Browser) -> None:
    await log_in(browser)
    statuses = set()
    for _ in range(12):
        page = await browser.get(f"{OWN}/password")
        statuses.add((await browser.submit(page, old="wrong", new=NEW, again=NEW)).status)
    assert statuses == {403, 429}


async def test_another_sites_form_and_strangers_are_refused(
    harness: Harness, browser: Browser, other: Browser
) -> None:
    await log_in(browser)
    _, fields = (await browser.get(f"{OWN}/password")).forms[0]
    form = fields | {"old": PASSWORD, "new": NEW, "again": NEW}
    crossed = await browser.send("POST", f"{OWN}/password", form, {"Sec-Fetch-Site": "cross-site"})
    assert crossed.status == 403
    assert (await other.send("POST", f"{OWN}/password", form)).location == f"{OWN}/login"
    assert (await other.get(f"{OWN}/password")).location == f"{OWN}/login"


async def link_of(harness: Harness) -> str:
    return f"{OWN}/reset?link=" + await make_reset_link(harness.mall, harness.users["mall"])


async def test_a_link_leads_to_a_new_password_once(
    harness: Harness, browser: Browser, other: Browser
) -> None:
    await log_in(other)
    path = await link_of(harness)
    page = await browser.get(path)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    differ = await browser.submit(page, new=NEW, again="other")
    assert (differ.status, "differ" in differ.text) == (400, True)
    done = await browser.submit(differ, new=NEW, again=NEW)
    assert done.location == f"{OWN}/login?renewed=1"
    assert "Log in with it" in (await browser.follow(done.location)).text
    assert (await other.get(OWN)).location == f"{OWN}/login"
    assert (await browser.get(path)).status == 400
    assert (await browser.submit(page, new="a third one", again="a third one")).status == 400
    assert (await log_in(other, NEW)).status == 200


async def test_a_link_that_is_over_or_none_is_a_page(
    harness: Harness, browser: Browser, clock: VirtualClock
) -> None:
    path = await link_of(harness)
    clock.advance(901)
    for each in (path, f"{OWN}/reset", f"{OWN}/reset?link=%00", f"{OWN}/reset?link=" + "a" * 600):
        seen = await browser.get(each)
        assert 400 <= seen.status < 500
        assert "form" not in [action for action, _ in seen.forms]


async def test_a_link_is_for_one_realm(harness: Harness, browser: Browser) -> None:
    link = (await link_of(harness)).partition("=")[2]
    assert (await browser.get(f"/user/yzb/reset?link={link}")).status == 400


async def test_who_logs_out_everywhere_is_logged_out_elsewhere(
    harness: Harness, browser: Browser, other: Browser
) -> None:
    await log_in(other)
    own = await log_in(browser)
    action, fields = next(form for form in own.forms if form[0].endswith("/logout"))
    await browser.send("POST", action, fields | {"everywhere": "1"})
    for each in (browser, other):
        assert (await each.get(OWN)).location == f"{OWN}/login"


async def test_hostile_names_are_shown_as_text(harness: Harness, browser: Browser) -> None:
    name = "<script>alert(1)</script>"
    await admin.add_user(harness.mall, name, PASSWORD)
    await browser.log_in(await browser.follow(OWN), name=name)
    page = await browser.get(f"{OWN}/password")
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
