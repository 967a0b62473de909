"""Devices without a browser (RFC 8628): the code, the page, the polls."""

import asyncio
import html
import re
from typing import Any

import pytest
from yarl import URL

from lingpai.core.clock import VirtualClock
from lingpai.issuer.dialects.oidc import devices
from lingpai.issuer.verbs.devices import ALPHABET, read_code
from tests.issuer.dialects.calls import Json, encoded
from tests.issuer.dialects.oidc.client_keys import ClientKey
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, SECRET, Answer, Realm, basic, claims_of
from tests.issuer.dialects.visitors import PASSWORD, Seen, Visitor, visiting
from tests.issuer.engines import rows_of

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


async def begin(realm: Realm, **over: Any) -> Json:
    given = {"client_id": realm.app.app_id, "client_secret": SECRET, "scope": "openid profile offline_access"}
    answer = await realm.post("/device_authorization", given | over)
    assert answer.status == 200, answer.body
    return answer.json


async def poll(realm: Realm, waiting: Json, headers: dict[str, str] | None = None, **over: Any) -> Answer:
    given = {
        "grant_type": GRANT,
        "device_code": waiting["device_code"],
        "client_id": realm.app.app_id,
        "client_secret": SECRET,
    }
    return await realm.post("/token", given | over, headers)


class Page:
    """The page for devices, in one browser."""

    def __init__(self, realm: Realm, visitor: Visitor) -> None:
        self.url = f"{realm.url}{realm.prefix}/device"
        self.visitor = visitor

    async def open(self, code: str = "") -> Seen:
        """Open the page, logging in on the way; what it shows."""
        url = self.url + (f"?{encoded({'user_code': code})}" if code else "")
        seen = await self.visitor._open("GET", url)
        for _ in range(6):
            if seen.status == 303:
                url = str(URL(url).join(URL(seen.headers["Location"], encoded=True)))
                seen = await self.visitor._open("GET", url)
            elif b'name="password"' in seen.body:
                mine = {"login": self.visitor.login, "password": PASSWORD}
                form = fields(seen) | mine
                url = str(URL(url).join(URL("/user/oidc/login")))
                seen = await self.visitor._open("POST", url, form)
            else:
                return seen
        raise AssertionError("no end")

    async def send(self, **form: str) -> Seen:
        return await self.visitor._open("POST", self.url, form)

    async def answer(self, code: str, answer: str = "allow") -> Seen:
        """Type the code and press a button."""
        seen = await self.open(code)
        return await self.send(**fields(seen), answer=answer)


def fields(seen: Seen) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', seen.body.decode())
    return {name: html.unescape(value) for name, value in found}


@pytest.fixture
def page(realm: Realm) -> Page:
    return Page(realm, realm.visitor)


async def test_a_device_gets_tokens_once_its_user_allowed_it(
    realm: Realm, page: Page, clock: VirtualClock
) -> None:
    waiting = await begin(realm)
    assert list(waiting) == [
        *(
            "device_code",
            "user_code",
            "verification_uri",
            "verification_uri_complete",
            "expires_in",
            "interval",
        ),
    ]
    code = waiting["user_code"]
    assert re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", code)
    assert (waiting["expires_in"], waiting["interval"]) == (600, 5)
    assert waiting["verification_uri"] == ISSUER + "/device"
    assert waiting["verification_uri_complete"] == f"{ISSUER}/device?user_code={code}"
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")
    done = await page.answer(code)
    assert (done.status, b"connected" in done.body) == (200, True)
    clock.advance(5)
    found = (await poll(realm, waiting)).json
    claims = claims_of(found["id_token"])
    assert (claims["aud"], claims["auth_time"]) == (realm.app.app_id, NOW)
    assert (await realm.userinfo(found["access_token"])).json["preferred_username"] == "alice"
    assert (await realm.refresh(found["refresh_token"])).status == 200
    assert (await poll(realm, waiting)).refusal == (400, "invalid_grant")
    assert (await realm.userinfo(found["access_token"])).status == 200  # asking twice is no replay


async def test_a_public_client_and_one_with_a_proof(realm: Realm, page: Page) -> None:
    own = {"client_id": realm.public.app_id, "client_secret": None}
    waiting = await begin(realm, **own)
    await page.answer(waiting["user_code"])
    key = ClientKey()
    found = await poll(realm, waiting, key.proof(), **own)
    assert (found.status, found.json["token_type"]) == (200, "DPoP"), found.body


async def test_who_refuses_ends_it(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    refused = await page.answer(waiting["user_code"], "refuse")
    assert b"refused" in refused.body
    assert (await poll(realm, waiting)).refusal == (400, "access_denied")
    again = await page.open(waiting["user_code"])
    assert (again.status, b"No device waits" in again.body) == (400, True)


async def test_it_ends_after_ten_minutes(realm: Realm, page: Page, clock: VirtualClock) -> None:
    waiting, allowed = await begin(realm), await begin(realm)
    await page.answer(allowed["user_code"])
    clock.advance(600)
    for each in (waiting, allowed):
        assert (await poll(realm, each)).refusal == (400, "expired_token")
    assert (await page.open(waiting["user_code"])).status == 400


async def test_a_poll_that_the_network_brings_early_is_not_hasty(realm: Realm, clock: VirtualClock) -> None:
    """Many clients give up at `slow_down`, so those that keep the interval must not get it."""
    waiting = await begin(realm)
    clock.advance(0.9)
    for seconds in (5.0, 4.6, 5.4, 4.5):
        assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")
        clock.advance(seconds)
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")
    clock.advance(4.4)
    assert (await poll(realm, waiting)).refusal == (400, "slow_down")


@pytest.mark.threat("L109")
async def test_l109_what_is_no_device_code_is_not_kept(realm: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_KEPT", 1)
    waiting = await begin(realm)
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")
    for junk in ("x" * 8000, "y"):
        assert (await poll(realm, waiting, device_code=junk)).refusal == (400, "invalid_grant")
    assert (await poll(realm, waiting)).refusal == (400, "slow_down")


async def test_slow_down(realm: Realm, clock: VirtualClock) -> None:
    waiting, other = await begin(realm), await begin(realm)
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")
    clock.advance(4)
    assert (await poll(realm, waiting)).refusal == (400, "slow_down")
    assert (await poll(realm, other)).refusal == (400, "authorization_pending")
    clock.advance(5)
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")


async def test_whose_it_is_not(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    await page.answer(waiting["user_code"])
    other = await poll(realm, waiting, client_id=realm.other.app_id)
    assert other.refusal == (400, "invalid_grant")
    for text in ("A" * 43, "令牌", waiting["user_code"]):
        assert (await poll(realm, {"device_code": text})).refusal == (400, "invalid_grant")
    missing = await poll(realm, waiting, device_code=None)
    assert missing.refusal == (400, "invalid_request")
    assert (await poll(realm, waiting)).status == 200


@pytest.mark.parametrize(
    ("over", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"scope": "nothing"}, 400, "invalid_scope"),
        ({"resource": "urn:nowhere"}, 400, "invalid_target"),
    ],
    ids=str,
)
async def test_what_is_refused_at_the_beginning(realm: Realm, over: Json, status: int, error: str) -> None:
    given = {"client_id": realm.app.app_id, "client_secret": SECRET, "scope": "openid"} | over
    assert (await realm.post("/device_authorization", given)).refusal == (status, error)


async def test_a_client_without_the_grant_type(realm: Realm) -> None:
    waiting = await begin(realm)
    await realm.change_app(grants=("authorization_code",))
    given = {"scope": "openid"}
    answer = await realm.post("/device_authorization", given, basic(realm.app.app_id))
    assert answer.refusal == (400, "unauthorized_client")
    assert (await poll(realm, waiting)).refusal == (400, "unauthorized_client")


@pytest.mark.threat("H76")
@pytest.mark.threat("L109")
async def test_l109_of_parallel_polls_one_gets_tokens(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    await page.answer(waiting["user_code"])
    answers = await asyncio.gather(*(poll(realm, waiting) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200] + [400] * 5
    (won,) = (answer for answer in answers if answer.status == 200)
    assert (await realm.userinfo(won.json["access_token"])).status == 200


@pytest.mark.threat("L109")
async def test_l109_the_page_names_the_app_and_wants_a_press(realm: Realm, page: Page) -> None:
    await realm.change_app(name='Evil <script>"TV"')
    waiting = await begin(realm)
    seen = await page.open(waiting["user_code"])
    text = seen.body.decode()
    assert "Evil &lt;script&gt;&#34;TV&#34;" in text
    assert waiting["user_code"] in text
    assert "If somebody sent you the code or a link, refuse" in text
    assert "<script" not in text
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")


@pytest.mark.threat("L109")
async def test_l109_guesses_are_counted_by_session_and_network(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    guesses = [(await page.open(f"BCDF-GHJ{letter}")).status for letter in "BCDFGH"]
    assert guesses == [400] * 5 + [429]
    assert (await page.open(waiting["user_code"])).status == 429
    tried = 5
    while tried < 20:
        async with visiting("alice") as visitor:
            other = Page(realm, visitor)
            for letter in "BCDFG":
                assert (await other.open(f"JKLM-NPQ{letter}")).status == 400
                tried += 1
    async with visiting("alice") as visitor:
        assert (await Page(realm, visitor).open(waiting["user_code"])).status == 429


@pytest.mark.threat("L109")
async def test_l109_the_user_changes_midway(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    seen = await page.open(waiting["user_code"])
    async with visiting("alice") as visitor:
        other = Page(realm, visitor)
        await other.open()
        asked = await other.send(**fields(seen), answer="allow")
        assert b"wants to be connected" in asked.body  # the form of another session does nothing
    assert (await poll(realm, waiting)).refusal == (400, "authorization_pending")
    across = await realm.http.post(page.url, data=fields(seen), headers={"Sec-Fetch-Site": "cross-site"})
    assert across.status == 403


@pytest.mark.parametrize("typed", ["wdjb mjht", "WDJBMJHT", " wdjb-mjht ", "WDJB_MJHT", "w.d.j.b.m.j.h.t"])
def test_case_and_punctuation_do_not_matter(typed: str) -> None:
    assert read_code(typed) == "WDJBMJHT"


@pytest.mark.parametrize(
    "typed", ["", "WDJB-MJH", "WDJB-MJHTT", "AEIO-UYAE", "WDJB-MJH1", "令牌令牌令牌令牌"]
)
def test_what_is_no_code(typed: str) -> None:
    assert read_code(typed) == ""


async def test_the_code_may_be_typed_without_a_link(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    first = await page.open()
    assert b'name="user_code"' in first.body
    typed = await page.send(**fields(first), user_code=waiting["user_code"].lower().replace("-", ""))
    assert b"wants to be connected" in typed.body
    done = await page.send(**fields(typed), answer="allow")
    assert b"connected" in done.body
    assert (await poll(realm, waiting)).status == 200


async def test_two_users_answer_one_device(realm: Realm, page: Page) -> None:
    waiting = await begin(realm)
    async with visiting("alice") as visitor:
        other = Page(realm, visitor)
        pages = [page, other]
        seen = [await each.open(waiting["user_code"]) for each in pages]
        sent = zip(pages, seen, strict=True)
        done = await asyncio.gather(*(each.send(**fields(shown), answer="allow") for each, shown in sent))
    assert sorted(each.status for each in done) in ([200, 400], [200, 200])
    assert len(await rows_of(realm.issuer.store, "SELECT id FROM issuer_grants")) == 1


async def test_without_offline_access_it_ends_with_the_login(
    realm: Realm, page: Page, clock: VirtualClock
) -> None:
    waiting = await begin(realm, scope="openid")
    await page.answer(waiting["user_code"])
    found = (await poll(realm, waiting)).json
    clock.advance(43_200)
    assert (await realm.refresh(found["refresh_token"])).refusal == (400, "invalid_grant")
