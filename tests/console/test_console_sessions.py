import asyncio
import re
from pathlib import Path

import pytest

from lingpai.console.desk import POLICY
from lingpai.console.sessions import IDLE, LINK_SECONDS, LONGEST
from lingpai.operating.keys import remove_key
from tests.console.conftest import desk_at
from tests.console.surfing import ANN, Desk, Surfer, text_of

HOUR = 3600.0


async def is_in(surfer: Surfer) -> bool:
    return "Sign out" in text_of(await surfer.page())


async def test_a_link_signs_in_once(desk: Desk) -> None:
    link = await desk.link()
    first, second = desk.surfer(), desk.surfer()
    answer = await first.sign_in(link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert await is_in(first)
    refused = await second.sign_in(link)
    assert refused.status_code == 401
    assert "The link was used already, or is over; make another." in text_of(refused)
    assert not await is_in(second)
    assert await desk.trail() == [
        ("cli", "console.link", "ann@host"),
        ("console", "console.sign-in", "ann@host"),
    ]


async def test_the_address_of_a_link_is_as_good_as_its_secret(desk: Desk) -> None:
    surfer = desk.surfer()
    await surfer.sign_in(f" http://127.0.0.1:8010/console#{await desk.link()} ")
    assert await is_in(surfer)


async def test_of_two_who_use_a_link_at_once_one_gets_in(desk: Desk) -> None:
    link, surfers = await desk.link(), [desk.surfer() for _ in range(6)]
    answers = await asyncio.gather(*(each.sign_in(link) for each in surfers))
    assert sorted(each.status_code for each in answers) == [303] + [401] * 5


async def test_a_link_ends_after_ten_minutes(desk: Desk) -> None:
    early, late = await desk.link(), await desk.link()
    desk.clock.advance(LINK_SECONDS - 1)
    assert (await desk.surfer().sign_in(early)).status_code == 303
    desk.clock.advance(1)
    assert (await desk.surfer().sign_in(late)).status_code == 401


async def test_a_session_ends_without_use_and_at_the_latest_after_half_a_day(desk: Desk) -> None:
    idle, busy = await desk.signed_in(), await desk.signed_in()
    desk.clock.advance(IDLE - 1)
    assert await is_in(busy)
    desk.clock.advance(1)
    assert not await is_in(idle)
    assert await is_in(busy)
    for _ in range(int(LONGEST / (IDLE / 2)) - 3):
        desk.clock.advance(IDLE / 2)
        assert await is_in(busy)
    desk.clock.advance(IDLE / 2)
    assert not await is_in(busy)


async def test_what_a_page_asks_for_by_itself_is_no_use(desk: Desk) -> None:
    surfer = await desk.signed_in()
    for _ in range(2):
        desk.clock.advance(IDLE / 2)
        await surfer.open("", lingpai_live="1")
    assert not await is_in(surfer)


async def test_an_admin_key_signs_in_and_its_end_ends_the_session(desk: Desk) -> None:
    name, key = await desk.key("viewer")
    surfer = desk.surfer()
    assert (await surfer.sign_in(key)).status_code == 303
    assert f"{name} · viewer" in text_of(await surfer.page())
    await remove_key(desk.keeper.by(ANN), name)
    assert not await is_in(surfer)


async def test_a_session_lives_no_longer_than_its_key(desk: Desk) -> None:
    _, key = await desk.key("viewer", life=60)
    surfer = desk.surfer()
    await surfer.sign_in(key)
    assert await is_in(surfer)
    desk.clock.advance(60)
    assert not await is_in(surfer)


async def test_a_key_of_another_network_is_refused(desk: Desk) -> None:
    _, key = await desk.key("viewer", networks=("10.0.0.0/8",))
    assert (await desk.surfer().sign_in(key)).status_code == 403


async def test_a_session_of_a_key_is_used_from_the_networks_of_the_key_alone(desk: Desk) -> None:
    _, key = await desk.key("owner", networks=("10.0.0.0/8",))
    surfer = desk.surfer()
    surfer.peer = "10.1.2.3"
    assert (await surfer.sign_in(key)).status_code == 303
    assert await is_in(surfer)
    for peer, inside in (("192.0.2.1", False), ("127.0.0.1", False), ("10.9.9.9", True)):
        surfer.peer = peer
        assert await is_in(surfer) is inside
        assert (await surfer.open("/events")).status_code == (200 if inside else 400)


async def test_a_session_of_a_link_is_used_from_the_networks_of_the_listener_alone(tmp_path: Path) -> None:
    changes = {"admin": {"networks": ["10.0.0.0/8"]}}
    async for desk in desk_at(tmp_path, "", **changes):
        surfer = desk.surfer()
        surfer.peer = "10.1.2.3"
        assert (await surfer.sign_in(await desk.link())).status_code == 303
        assert await is_in(surfer)
        surfer.peer = "127.0.0.1"
        assert not await is_in(surfer)


async def test_signing_out_ends_the_session_on_the_server(desk: Desk) -> None:
    surfer = await desk.signed_in()
    kept = dict(surfer.cookies)
    await surfer.send(await surfer.page(), "/sign-out")
    assert not await is_in(surfer)
    surfer.cookies |= kept
    assert not await is_in(surfer)
    assert (await desk.trail())[-1] == ("console", "console.sign-out", "ann@host")


async def test_wrong_secrets_are_refused_and_counted(embedded: Desk) -> None:
    surfer = embedded.surfer()
    wrong = ["", "x", "lpc_", "lpc_" + "a" * 43, "lpa_00000000_" + "a" * 43, "令牌" * 500]
    for secret in wrong:
        assert (await surfer.sign_in(secret)).status_code == 401, secret
    statuses = [(await surfer.sign_in("lpc_" + "b" * 43)).status_code for _ in range(20)]
    assert set(statuses) == {401, 429}
    assert statuses[-1] == 429
    # What is right is never refused for what others of its network do.
    assert (await surfer.sign_in(await embedded.link())).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "é", "lpc_" + "a" * 43])
async def test_cookies_that_nobody_gave_open_nothing(embedded: Desk, cookie: str) -> None:
    surfer = await embedded.signed_in()
    (name,) = (each for each in surfer.cookies if "console" in each)
    surfer.cookies[name] = cookie
    assert not await is_in(surfer)


async def test_the_secret_of_a_link_is_no_session(embedded: Desk) -> None:
    surfer, link = await embedded.signed_in(), await embedded.link()
    (name,) = (each for each in surfer.cookies if "console" in each)
    surfer.cookies[name] = link.removeprefix("lpc_")
    assert not await is_in(surfer)


async def test_the_cookie_is_for_this_host_and_no_script(embedded: Desk) -> None:
    surfer = embedded.surfer()
    answer = await surfer.sign_in(await embedded.link())
    (cookie,) = (each for each in answer.headers.get_all("set-cookie") or () if "-console-" in each)
    assert re.fullmatch(r"lingpai-console-[0-9a-f]{8}=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict", cookie)


async def test_every_page_has_the_strict_policy_and_is_not_stored(embedded: Desk) -> None:
    surfer = await embedded.signed_in()
    for page in (await surfer.page(), await embedded.surfer().page(), await surfer.open("/nothing")):
        assert page.headers["content-security-policy"] == POLICY
        assert page.headers["cache-control"] == "no-store"
        assert "<style" not in page.text
        assert "style=" not in page.text
    rules = dict(each.partition(" ")[::2] for each in POLICY.split("; "))
    assert rules == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "require-trusted-types-for": "'script'",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1"},
        {"origin": "http://127.0.0.1:81"},
    ],
)
async def test_forms_of_other_sites_are_refused(embedded: Desk, headers: dict[str, str]) -> None:
    surfer = await embedded.signed_in()
    page = await surfer.page("/callers/add")
    typed = {"name": "shop", "rights": ["token"]}
    refused = await surfer.send(page, "/callers/add", typed, **headers)
    assert refused.status_code == 403
    assert await embedded.keeper.store.list_callers() == ()
    assert (await surfer.send(page, "/callers/add", typed)).status_code == 200


async def test_a_form_of_another_session_is_refused(embedded: Desk) -> None:
    mine, other = await embedded.signed_in(), await embedded.signed_in()
    theirs = await other.page("/callers/add")
    assert (await mine.send(theirs, "/callers/add", {"name": "shop"})).status_code == 403
    assert (await mine.send(theirs, "/callers/add", {"name": "shop", "form_token": ""})).status_code == 403
    assert (await mine.send(theirs, "/callers/add", {"name": "shop", "form_token": "é"})).status_code == 403
    assert (await embedded.surfer().ask("POST", "/console/callers/add", {"name": "shop"})).status_code == 401
    assert (await mine.ask("POST", "/console/sign-out", {})).status_code == 403
    assert await is_in(mine)


async def test_the_sign_in_needs_its_form(embedded: Desk) -> None:
    """Nobody is signed in to somebody else's session by another site (login CSRF)."""
    link = await embedded.link()
    for token, keeps_cookie in (({}, False), ({"form_token": "0" * 32}, True), ({"form_token": ""}, True)):
        surfer = embedded.surfer()
        page = await surfer.page()
        if not keeps_cookie:
            surfer.cookies.clear()
        assert (await surfer.send(page, "/sign-in", {"secret": link} | token)).status_code == 403
    assert (await embedded.surfer().sign_in(link)).status_code == 303


@pytest.mark.threat("G69")
async def test_names_that_others_may_own_are_refused(embedded: Desk) -> None:
    surfer = await embedded.signed_in()
    for path in ("", "/callers", "/events"):
        answer = await surfer.open(path, host="console.evil.example")
        assert answer.status_code == 403, path


async def test_the_stream_of_events_is_for_a_session_of_this_site(embedded: Desk) -> None:
    surfer = await embedded.signed_in()
    assert (await embedded.surfer().open("/events")).status_code == 400
    assert (await surfer.open("/events", sec_fetch_site="cross-site")).status_code == 403
    users = await embedded.signed_in("users@mall")
    assert (await users.open("/events")).status_code == 403


async def test_ended_sessions_are_purged(desk: Desk) -> None:
    await desk.signed_in()
    await desk.link()
    assert await desk.keeper.store.purge_administration(0.0, 10) == 0
    desk.clock.advance(LONGEST)
    assert await desk.keeper.store.purge_administration(0.0, 10) == 2


async def test_the_api_still_refuses_web_pages(embedded: Desk) -> None:
    _, key = await embedded.key("owner")
    answer = await embedded.direct.ask(
        "GET", "/admin/v1/whoami", headers={"authorization": f"Bearer {key}", "sec-fetch-site": "same-origin"}
    )
    assert answer.status_code == 403
