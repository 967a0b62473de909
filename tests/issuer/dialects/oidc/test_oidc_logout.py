"""A client logs its user out (OpenID Connect RP-Initiated Logout 1.0; threats L105, L106, L126).

Names that begin with `oidcc` are those of the modules of the OpenID Foundation's conformance suite.
"""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.issuer import admin, jose
from lingpai.issuer.policy import DAY
from lingpai.issuer.signing_keys import FORGOTTEN, SigningKeys
from tests.issuer.dialects.calls import encoded
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, SECRET, Realm, claims_of
from tests.issuer.dialects.visitors import Seen, visiting

AFTER = "https://client.example/bye?from=login"
STATE = "s p&ce\r\nX: y"
ASKED, DONE = "Log out?", "You are logged out"


@pytest.fixture
async def hint(realm: Realm) -> str:
    """An id_token of the session in the visitor's window, whose client may be returned to."""
    await realm.change_app(client=Client(post_logout_redirect_uris=(AFTER, "com.example.shop:/bye")))
    return str((await realm.tokens())["id_token"])


def url_of(realm: Realm, **params: Any) -> str:
    return f"{realm.url}/oidc/logout?{encoded(params)}"


async def leave(realm: Realm, **params: Any) -> Seen:
    """Where the window is after a client sent it to log out; nothing is answered."""
    return await realm.visitor.look(url_of(realm, **params))


async def is_logged_in(realm: Realm) -> bool:
    answered = (await realm.answered(prompt="none", scope="openid")).redirected
    assert answered.get("error") in {None, "login_required"}
    return "code" in answered


def demand_page(page: Seen, title: str, status: int = 200) -> None:
    body = page.body.decode()
    assert (page.status, f"<h1>{title}</h1>" in body) == (status, True), body
    assert "client.example" not in body
    assert "Location" not in page.headers


async def test_oidcc_rp_initiated_logout(realm: Realm, hint: str) -> None:
    assert await is_logged_in(realm)
    seen = await leave(realm, id_token_hint=hint, post_logout_redirect_uri=AFTER, state=STATE)
    assert seen.status == 303
    address, query = seen.headers["Location"].split("?")
    assert (address, parse_qsl(query)) == (
        AFTER.split("?", maxsplit=1)[0],
        [("from", "login"), ("state", STATE)],
    )
    assert seen.headers["Referrer-Policy"] == "no-referrer"
    assert not await is_logged_in(realm)


async def test_oidcc_rp_initiated_logout_no_state(realm: Realm, hint: str) -> None:
    seen = await leave(realm, id_token_hint=hint, post_logout_redirect_uri=AFTER)
    assert (seen.status, seen.headers["Location"]) == (303, AFTER)
    assert not await is_logged_in(realm)


@pytest.mark.parametrize("params", [{}, {"state": "x"}], ids=["no_params", "only_state"])
async def test_oidcc_rp_initiated_logout_no_params_and_only_state(
    realm: Realm, hint: str, params: dict[str, str]
) -> None:
    assert hint
    page = await leave(realm, **params)
    demand_page(page, ASKED)
    assert await is_logged_in(realm)
    demand_page(await realm.visitor.press(page, realm.url, answer="leave"), DONE)
    assert not await is_logged_in(realm)


async def test_oidcc_rp_initiated_logout_no_post_logout_redirect_uri(realm: Realm, hint: str) -> None:
    demand_page(await leave(realm, id_token_hint=hint, state="x"), DONE)
    assert not await is_logged_in(realm)


async def test_oidcc_rp_initiated_logout_discovery_endpoint_verification(realm: Realm) -> None:
    answer = (await realm.send("GET", "/.well-known/openid-configuration")).json
    assert answer["end_session_endpoint"] == f"{ISSUER}/logout"


@pytest.mark.threat("L105")
@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",  # bad-post-logout-redirect-uri
        AFTER + "&more=1",  # query-added-to-post-logout-redirect-uri
        AFTER.split("?", maxsplit=1)[0],
        AFTER + "#there",
        AFTER.replace("https", "http"),
        "https://other.example/bye",  # of another client
    ],
)
async def test_oidcc_rp_initiated_logout_bad_post_logout_redirect_uri(
    realm: Realm, hint: str, uri: str
) -> None:
    await realm.change(realm.other, client=Client(post_logout_redirect_uris=("https://other.example/bye",)))
    page = await leave(realm, id_token_hint=hint, post_logout_redirect_uri=uri, state="x")
    demand_page(page, ASKED)
    assert await is_logged_in(realm)
    demand_page(await realm.visitor.press(page, realm.url, answer="leave"), DONE)
    assert not await is_logged_in(realm)
    demand_page(await leave(realm, id_token_hint=hint, post_logout_redirect_uri=uri), DONE)


def altered(hint: str, how: str) -> str:
    head, claims, signature = hint.split(".")
    return {
        "modified": f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "other claims": f"{head}.{'A' if claims[-1] != 'A' else 'B'}{claims[1:]}.{signature}",
        "unsigned": f"{head}.{claims}.",
        "two parts": f"{head}.{claims}",
        "nothing": "bad",
        "long": "x" * 9000,
        "odd": "\x00.\ud7ff.{}",
    }[how]


@pytest.mark.threat("L106")
@pytest.mark.parametrize(
    "how", ["modified", "other claims", "unsigned", "two parts", "nothing", "long", "odd"]
)
async def test_oidcc_rp_initiated_logout_modified_and_bad_id_token_hint(
    realm: Realm, hint: str, how: str
) -> None:
    page = await leave(realm, id_token_hint=altered(hint, how), post_logout_redirect_uri=AFTER, state="x")
    demand_page(page, "That did not work", 400)
    assert b"id_token_hint" in page.body
    assert await is_logged_in(realm)


async def test_oidcc_rp_initiated_logout_no_id_token_hint(realm: Realm, hint: str) -> None:
    """The address of a client is not proven by its id, which anybody knows (§3)."""
    assert hint
    asked = {"client_id": realm.app.app_id, "post_logout_redirect_uri": AFTER, "state": "x"}
    page = await leave(realm, **asked)
    demand_page(page, ASKED)
    assert realm.app.app_id.encode() in page.body  # it is named to the user
    demand_page(await realm.visitor.press(page, realm.url, answer="leave"), DONE)
    assert not await is_logged_in(realm)
    demand_page(await leave(realm, **asked), DONE)


async def test_who_does_not_want_to_stays_logged_in(realm: Realm, hint: str) -> None:
    assert hint
    page = await leave(realm)
    own = await realm.visitor.press(page, realm.url, answer="stay")
    assert b"Apps with access" in own.body
    assert await is_logged_in(realm)


async def test_who_is_not_logged_in_goes_back_at_once(realm: Realm, hint: str) -> None:
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "x"}
    for _ in range(2):
        assert (await leave(realm, **asked)).headers["Location"] == AFTER + "&state=x"
    demand_page(await leave(realm), DONE)


async def test_a_client_with_the_hint_of_another_session_has_to_wait_for_the_user(
    realm: Realm, hint: str
) -> None:
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "x"}
    await leave(realm, **asked)
    assert await realm.code()  # the same user, in a new session
    page = await leave(realm, **asked)
    demand_page(page, ASKED)
    assert await is_logged_in(realm)
    onward = await realm.visitor.press(page, realm.url, answer="leave")
    assert (onward.status, AFTER.encode().replace(b"&", b"&amp;") in onward.body) == (200, True)
    assert b'http-equiv="refresh" content="0;url=https://client.example/bye?from=login&amp;state=x"' in (
        onward.body
    )
    assert not await is_logged_in(realm)


@pytest.mark.threat("L106")
async def test_l106_the_hint_of_another_user_logs_nobody_out(realm: Realm, hint: str) -> None:
    await admin.add_user(realm.issuer, "mallory", "correct horse")
    async with visiting("mallory") as mallory:
        alices, realm.visitor = realm.visitor, mallory
        theirs = (await realm.tokens())["id_token"]
        realm.visitor = alices
    page = await leave(realm, id_token_hint=theirs, post_logout_redirect_uri=AFTER)
    demand_page(page, ASKED)
    assert await is_logged_in(realm)
    assert claims_of(hint)["sid"] != claims_of(theirs)["sid"]


@pytest.mark.threat("L106")
async def test_l106_the_hint_of_another_client(realm: Realm, hint: str) -> None:
    other = realm.other.app_id
    page = await leave(realm, id_token_hint=hint, client_id=other, post_logout_redirect_uri=AFTER)
    demand_page(page, "That did not work", 400)
    assert await is_logged_in(realm)
    named = await leave(realm, id_token_hint=hint, client_id=realm.app.app_id, post_logout_redirect_uri=AFTER)
    assert named.headers["Location"] == AFTER


async def test_unknown_and_disabled_clients(realm: Realm, hint: str) -> None:
    demand_page(await leave(realm, client_id="nobody"), "That did not work", 400)
    await realm.change_app(disabled=True)
    for asked in ({"client_id": realm.app.app_id}, {"id_token_hint": hint}):
        demand_page(await leave(realm, **asked, post_logout_redirect_uri=AFTER), "That did not work", 400)


@pytest.mark.threat("L99")
@pytest.mark.threat("L103")
@pytest.mark.threat("L126")
async def test_l126_a_token_of_ours_that_is_no_id_token_of_one_client(realm: Realm, hint: str) -> None:
    keys, answer = SigningKeys(realm.issuer), claims_of(hint)
    wrong: list[tuple[dict[str, Any], str]] = [
        (answer | {"aud": [answer["aud"], realm.other.app_id]}, jose.JWT),
        (answer | {"aud": [answer["aud"]]}, jose.JWT),
        (answer | {"iss": "https://login.example/mall"}, jose.JWT),
        ({name: value for name, value in answer.items() if name != "sub"}, jose.JWT),
        (answer | {"iat": "1"}, jose.JWT),
        (answer, jose.ACCESS_TOKEN),
        (answer, jose.LOGOUT_TOKEN),
    ]
    for claims, typ in wrong:
        token = await keys.sign("ES256", claims, typ)
        demand_page(await leave(realm, id_token_hint=token), "That did not work", 400)
    assert await is_logged_in(realm)
    odd_end = await keys.sign("ES256", answer | {"exp": "soon"})  # it is not read
    demand_page(await leave(realm, id_token_hint=odd_end), DONE)


async def test_a_hint_of_either_algorithm_is_ours(realm: Realm, hint: str) -> None:
    assert hint
    await realm.change_app(client=Client(id_token_signed_response_alg="RS256"))
    by_rsa = (await realm.tokens())["id_token"]
    await realm.change_app(client=Client())
    demand_page(await leave(realm, id_token_hint=by_rsa), DONE)


async def test_a_hint_counts_for_400_days_though_its_key_was_replaced(
    realm: Realm, hint: str, clock: VirtualClock
) -> None:
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    for _ in range(4):
        clock.advance(100 * DAY)
        assert (await leave(realm, **asked)).headers["Location"] == AFTER
        (await realm.send("GET", "/jwks")).json  # noqa: B018  keys turn when they are looked at
    assert clock.now() == NOW + FORGOTTEN
    clock.advance(1)
    demand_page(await leave(realm, **asked), "That did not work", 400)


@pytest.mark.threat("L105")
async def test_l105_an_image_of_another_site_logs_nobody_out(realm: Realm, hint: str) -> None:
    """Browsers send no Lax cookie with it, and what they are sent to is not followed by a login."""
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    answer = await realm.get("/logout", asked, {"Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"})
    assert answer.headers["Location"] == AFTER
    assert await is_logged_in(realm)


@pytest.mark.threat("L121")
async def test_l121_a_form_of_another_site_is_taken_up_by_our_own_address(realm: Realm, hint: str) -> None:
    """Its POST has no cookie; the GET that it is answered with has (RP-Initiated Logout 1.0 §2: both methods)."""
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER, "state": "x"}
    answer = await realm.post("/logout", asked, {"Sec-Fetch-Site": "cross-site"})
    assert (answer.status, urlsplit(answer.headers["Location"]).path) == (303, "/user/oidc/logout")
    assert hint not in answer.headers["Location"]
    assert await is_logged_in(realm)
    seen = await realm.visitor.look(realm.url + answer.headers["Location"])
    assert seen.headers["Location"] == AFTER + "&state=x"
    assert not await is_logged_in(realm)


@pytest.mark.threat("L121")
async def test_l121_another_sites_page_cannot_press_the_button(realm: Realm, hint: str) -> None:
    assert hint
    page = await leave(realm)
    home = f"{realm.url}/user/oidc/logout"
    fields = {"request": page.body.decode().split('name="request" value="')[1].split('"')[0]}
    jar = {"Sec-Fetch-Site": "cross-site"}
    async with realm.visitor.http.post(home, data=fields, headers=jar, allow_redirects=False) as response:
        assert response.status == 403
    async with realm.visitor.http.post(home, data=fields, allow_redirects=False) as response:
        body = await response.text()
        assert (response.status, "was out of date" in body, ASKED in body) == (403, True, True)
    assert await is_logged_in(realm)


async def test_a_question_that_was_left_open_is_asked_anew(
    realm: Realm, hint: str, clock: VirtualClock
) -> None:
    assert hint
    page = await leave(realm)
    clock.advance(15 * 60)
    late = await realm.visitor.press(page, realm.url, answer="leave")
    demand_page(late, "That did not work", 400)
    assert await is_logged_in(realm)
    forged = await realm.visitor.look(f"{realm.url}/user/oidc/logout?request=forged")
    demand_page(forged, "That did not work", 400)
    demand_page(await realm.visitor.look(f"{realm.url}/user/oidc/logout"), ASKED)


@pytest.mark.parametrize(
    ("locales", "title"), [("fr zh-CN en", "退出登录？"), ("en-GB", ASKED), ("fr", ASKED)]
)
async def test_the_page_is_in_a_language_of_the_user(
    realm: Realm, hint: str, locales: str, title: str
) -> None:
    assert hint
    demand_page(await leave(realm, ui_locales=locales), title)


async def test_odd_parameters_are_refused_by_a_page(realm: Realm, hint: str) -> None:
    for params in ({"state": ("a", "b")}, {"state": "x" * 2049}, {"id_token_hint": (hint, hint)}):
        demand_page(await leave(realm, **params), "That did not work", 400)
    empty = dict.fromkeys(("id_token_hint", "client_id", "post_logout_redirect_uri", "state"), "")
    demand_page(await leave(realm, **empty, logout_hint="alice"), ASKED)


@pytest.mark.threat("L120")
async def test_l120_no_other_origin_may_call_it(realm: Realm) -> None:
    origin = {"Origin": "https://page.example"}
    for answer in (
        await realm.send("GET", "/logout", headers=origin),
        await realm.send("OPTIONS", "/logout", headers=origin | {"Access-Control-Request-Method": "GET"}),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


async def test_what_was_allowed_in_the_users_presence_ends(realm: Realm, hint: str) -> None:
    online = await realm.tokens(scope="openid profile")
    offline = await realm.tokens()
    out = await realm.code()
    await leave(realm, id_token_hint=hint)
    assert (await realm.refresh(online["refresh_token"])).refusal == (400, "invalid_grant")
    assert (await realm.userinfo(online["access_token"])).status == 401
    assert (await realm.refresh(offline["refresh_token"])).status == 200
    assert (await realm.exchange(out)).refusal == (400, "invalid_grant")


async def test_a_client_id_may_be_one_of_an_app_with_a_long_address(realm: Realm) -> None:
    long = "https://client.example/" + "x" * 1900
    app = App(realm=realm.issuer.realm, app_id="100077", redirect_uris=realm.app.redirect_uris)
    app = await admin.declare_app(realm.issuer, app, SECRET)
    realm.app = await realm.change(app, client=Client(post_logout_redirect_uris=(long,)))
    hint = (await realm.tokens())["id_token"]
    state = "x" * 2048
    answer = await realm.post(
        "/logout", {"id_token_hint": hint, "post_logout_redirect_uri": long, "state": state}
    )
    seen = await realm.visitor.look(realm.url + answer.headers["Location"])
    assert seen.headers["Location"] == f"{long}?state={state}"
