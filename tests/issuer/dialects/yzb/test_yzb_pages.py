from dataclasses import dataclass, replace
from typing import Any

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.errors import Kind
from lingpai.core.issuer_records import App
from lingpai.core.keyring import KeyRing
from lingpai.core.origins import origin_of
from lingpai.issuer.cookies import new_visitor, session_cookie
from lingpai.issuer.dialects.yzb.signing import check_origin, pure_url, signature_of
from lingpai.issuer.verbs.login import login
from lingpai.issuer.verbs.members import withdraw_consent
from lingpai.issuer.verbs.sessions import OpenSession, form_token, start_session
from tests.issuer.dialects.yzb.realms import ORIGIN, PAGE, Answer, Realm
from tests.issuer.harness import raises

LIFE = 12 * 3600


@dataclass
class Page:
    """A page of the sample app, and a user at the issuer's window."""

    realm: Realm
    ticket: str
    opened: OpenSession

    async def config(self, origin: str | None = ORIGIN, url: str = PAGE, **over: Any) -> Answer:
        """What `yzb.core.config` sends."""
        signature = signature_of(self.ticket, "nonce", "1654850924", url)
        given = {
            "app_id": self.realm.app.app_id,
            "timestamp": "1654850924",
            "nonce_str": "nonce",
            "signature": signature,
            "url": url,
            "js_api_list": "core.requestAuthCode",
        }
        headers = {} if origin is None else {"Origin": origin}
        return await self.realm.post("/OAuth2/checkJsConfig", given | over, headers)

    async def proof(self) -> str:
        proof: str = (await self.config()).json["proof"]
        return proof

    async def ask(self, proof: str, *, cookie: str | None = None, **over: Any) -> Answer:
        """What the issuer's window sends."""
        given = {
            "app_id": self.realm.app.app_id,
            "origin": ORIGIN,
            "proof": proof,
            "form_token": form_token(self.realm.issuer, self.opened.handle),
        }
        if cookie is None:
            cookie = f"{session_cookie(self.realm.issuer, secure=False)}={self.opened.handle}"
        return await self.realm.post("/OAuth2/requestJsAuthCode", given | over, {"Cookie": cookie})


@pytest.fixture
async def page(realm: Realm) -> Page:
    ticket = (await realm.ticket(await realm.server_token())).data["ticket"]
    opened = await login(realm.issuer, "hong", "correct horse", "127.0.0.1")
    return Page(realm, ticket, opened)


def test_the_contract_s_vector() -> None:
    url = "https://yuanzhibang.com/a/b/?x=1&v=x#12"
    assert pure_url(url) == "https://yuanzhibang.com/a/b"
    assert signature_of("a4dcdk", "1234", "1654850924", url) == "a8cb02e00c2759372954bf5516d110066b911aa4"


@pytest.mark.parametrize(
    ("url", "pure"),
    [
        ("https://a.example", "https://a.example"),
        ("https://a.example/", "https://a.example"),
        ("https://a.example//", "https://a.example/"),
        ("https://a.example:8443/x?y=/", "https://a.example:8443/x"),
        ("https://a.example/x#/route?y=1", "https://a.example/x"),
        ("https://a.example/?#", "https://a.example"),
    ],
)
def test_pure_urls(url: str, pure: str) -> None:
    assert pure_url(url) == pure


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://A.example/x", "https://a.example"),
        ("https://a.example:443/x", "https://a.example"),
        ("https://a.example:8443/x", "https://a.example:8443"),
        ("http://a.example:80", "http://a.example"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("https://user@a.example/", None),
        ("https://a.example\\@b.example/", None),
        ("ftp://a.example/", None),
        ("javascript:alert(1)", None),
        ("https://a.example:x/", None),
        ("//a.example/", None),
    ],
)
def test_origins(url: str, origin: str | None) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("origin", "domain", "good"),
    [
        ("https://a.example", "a.example", True),
        ("https://a.example", "A.Example", True),
        ("https://a.example:8443", "a.example", True),
        ("https://a.example:8443", "a.example:8443", True),
        ("https://a.example", "a.example:8443", False),
        ("https://x.a.example", "a.example", False),
        ("https://x.a.example", "*.a.example", True),
        ("https://a.example", "*.a.example", False),
        ("https://evila.example", "*.a.example", False),
        ("https://a.example.evil.example", "a.example", False),
        ("null", "a.example", False),
        ("", "", False),
        ("https://", "", False),
        ("https://[", "[", False),
        ("https://a.example/", "a.example", False),
    ],
)
def test_domains(origin: str, domain: str, good: bool) -> None:
    app = App(realm="yzb", app_id="1", domains=(domain,))
    if good:
        check_origin(app, origin)
    else:
        with raises(Kind.WRONG_REDIRECT_URI):
            check_origin(app, origin)


async def test_a_signed_page_is_verified_and_any_origin_may_read_the_answer(page: Page) -> None:
    answer = await page.config()
    assert list(answer.json) == ["proof"]
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"signature": "a" * 40}, 100002),
        ({"nonce_str": "other"}, 100002),
        ({"timestamp": "1654850925"}, 100002),
        ({"app_id": "999999"}, 100002),
        ({"app_id": "100002"}, 100005),
        ({"js_api_list": ","}, 100001),
        ({"js_api_list": None}, 100001),
        ({"timestamp": "now"}, 100001),
        ({"url": "https://evil.example/a/b"}, 100001),
        ({"origin": "https://evil.example"}, 100001),
        ({"origin": "null"}, 100001),
        ({"origin": None}, 100001),
        ({"origin": "https://evil.example", "url": "https://evil.example/a/b"}, 100005),
    ],
)
@pytest.mark.threat("I81")
async def test_a_page_that_is_not_what_was_signed_is_refused(
    page: Page, over: dict[str, Any], code: int
) -> None:
    answer = await page.config(**over)
    assert (answer.status, answer.json["code"]) == (200, code)
    assert list(answer.json) == ["code", "description", "suggestion"]
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.threat("I81")
async def test_a_signature_is_of_one_address(page: Page) -> None:
    signature = signature_of(page.ticket, "nonce", "1654850924", PAGE)
    moved = await page.config(url="https://page.example/another", signature=signature)
    assert moved.json["code"] == 100002


@pytest.mark.threat("I81")
async def test_the_signature_is_lower_case_hex(page: Page) -> None:
    signature = signature_of(page.ticket, "nonce", "1654850924", PAGE)
    assert "proof" in (await page.config(signature=signature)).json
    assert (await page.config(signature=signature.upper())).json["code"] == 100002


@pytest.mark.threat("I79")
async def test_a_superseded_ticket_signs_for_600_seconds(page: Page, clock: VirtualClock) -> None:
    await page.realm.ticket(await page.realm.server_token())
    clock.advance(599)
    assert "proof" in (await page.config()).json
    clock.advance(1)
    assert (await page.config()).json["code"] == 100002


async def test_a_page_signed_before_a_rotation_is_good_as_long_as_its_key(
    page: Page, clock: VirtualClock, ring: KeyRing
) -> None:
    ring.rotate(clock.now())
    clock.advance(11)
    ticket = (await page.realm.ticket(await page.realm.server_token())).data["ticket"]
    later = replace(page, ticket=ticket)
    for signed in (page, later):
        assert await signed.proof()
    ring.retire(1)
    clock.advance(1)
    assert await later.proof()
    assert (await page.config()).json["code"] == 100002


async def test_a_verified_page_gets_a_code_of_the_user_at_the_window(page: Page) -> None:
    answer = await page.ask(await page.proof())
    assert list(answer.data) == ["code"]
    tokens = (await page.realm.exchange(answer.data["code"])).data
    assert tokens["open_id"] == page.realm.member.open_id


async def test_a_page_s_proof_outlives_its_ticket_and_ends_after_12_hours(
    page: Page, clock: VirtualClock
) -> None:
    proof = await page.proof()
    clock.advance(7200)
    assert (await page.config()).json["code"] == 100002
    assert (await page.ask(proof)).data
    clock.advance(LIFE - 7200 - 1)
    page.opened = await login(page.realm.issuer, "hong", "correct horse", "127.0.0.1")
    assert (await page.ask(proof)).data
    clock.advance(1)
    assert (await page.ask(proof)).refusal == ("4000", "the signature is wrong")


async def test_a_proof_is_of_one_app_and_one_origin(page: Page) -> None:
    proof = await page.proof()
    await page.realm.change_app(domains=("page.example", "second.example"))
    ends_at, _, digest = proof.partition(".")
    for over in (
        {"origin": "https://second.example"},
        {"app_id": page.realm.other.app_id},
        {"proof": f"{int(ends_at) + 1}.{digest}"},
        {"proof": f"{ends_at}.{'0' * 32}"},
        {"proof": "x"},
        {"proof": "٣.x"},
    ):
        assert (await page.ask(**({"proof": proof} | over))).refusal == ("4000", "the signature is wrong")


async def test_a_domain_taken_off_the_list_counts_at_once(page: Page) -> None:
    proof = await page.proof()
    await page.realm.change_app(domains=())
    assert (await page.ask(proof)).refusal == ("4103", "the page is not on the app's domain list")


@pytest.mark.threat("B17")
async def test_a_code_needs_the_window_s_own_form_token(page: Page) -> None:
    proof = await page.proof()
    stranger = await start_session(page.realm.issuer, page.opened.user)
    for token in (page.opened.handle, "0" * 32, form_token(page.realm.issuer, stranger.handle)):
        refused = await page.ask(proof, form_token=token)
        assert refused.refusal == ("4000", "the form belongs to another session")
    assert (await page.ask(proof, form_token=None)).refusal == ("4101", "parameter form_token is missing")


async def test_without_a_user_at_the_window_login_is_required(page: Page) -> None:
    proof, name = await page.proof(), session_cookie(page.realm.issuer, secure=False)
    nobody = new_visitor(page.realm.issuer)
    planted = f"{name}={page.opened.handle}; {name}={nobody}"
    for cookie in (
        "",
        f"{name}=",
        f"{name}={nobody}",
        f"{session_cookie(page.realm.issuer, secure=True)}={page.opened.handle}",
        planted,
    ):
        refused = await page.ask(proof, cookie=cookie)
        assert refused.refusal == ("4000", "login is required")


async def test_a_user_who_did_not_add_the_app_is_asked_first(page: Page) -> None:
    proof = await page.proof()
    await withdraw_consent(page.realm.issuer, page.realm.member)
    assert (await page.ask(proof)).refusal == ("4104", "the user did not add the app")
