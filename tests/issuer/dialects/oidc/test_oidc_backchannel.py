"""Clients are notified that a session ended (OpenID Connect Back-Channel Logout 1.0; threat L125)."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from lingpai.core import base64url
from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import Client
from lingpai.issuer import admin, jose
from lingpai.issuer.context import Issuer
from lingpai.issuer.fetcher import Fetcher, FetchError
from lingpai.issuer.verbs import logouts as telling
from lingpai.issuer.verbs.logouts import INTERVAL, WAITS
from tests.issuer.dialects.oidc.realms import ISSUER, NOW, Realm, claims_of, serving_realm
from tests.issuer.dialects.visitors import PASSWORD, visiting
from tests.issuer.engines import rows_of
from tests.issuer.test_fetcher import Server, answering
from tests.issuer.test_signing_keys import published

URI, OTHER_URI = "https://shop.example/logout", "https://other.example/logout?of=lingpai"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
AFTER = "https://client.example/bye"


class Receivers(Fetcher):
    """The clients, without a network: `tests/issuer/test_fetcher.py` has the real one."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[tuple[str, str]] = []
        self.down: set[str] = set()
        self.wait: Callable[[], Awaitable[object]] | None = None

    async def post(self, url: str, form: Mapping[str, str]) -> None:
        ((name, token),) = form.items()
        assert name == "logout_token"
        self.got.append((url, token))
        if self.wait is not None:
            await self.wait()
        if url in self.down:
            raise FetchError("it answers 400")

    def take(self) -> list[tuple[str, str]]:
        """What came since, which is forgotten."""
        got, self.got = self.got, []
        return got


@pytest.fixture
def receivers() -> Receivers:
    return Receivers()


@pytest.fixture
async def realm(issuer: Issuer, http: aiohttp.ClientSession, receivers: Receivers) -> AsyncIterator[Realm]:
    async with serving_realm(issuer, http, receivers) as served:
        await served.change_app(client=Client(backchannel_logout_uri=URI, post_logout_redirect_uris=(AFTER,)))
        rsa = Client(backchannel_logout_uri=OTHER_URI, id_token_signed_response_alg="RS256")
        await served.change(served.other, client=rsa)
        yield served


async def signed_in(realm: Realm) -> dict[str, dict[str, Any]]:
    """What the id_tokens of both clients say, of one session, by the address that is notified."""
    own = claims_of((await realm.tokens())["id_token"])
    code = await realm.code(client_id=realm.other.app_id)
    other = claims_of((await realm.exchange(code, client_id=realm.other.app_id)).json["id_token"])
    return {URI: own, OTHER_URI: other}


async def leave(realm: Realm, **params: str) -> None:
    page = await realm.visitor.look(f"{realm.url}/oidc/logout?{urlencode(params)}")
    if b"<form" in page.body:
        await realm.visitor.press(page, realm.url, answer="leave")


async def waiting(realm: Realm) -> int:
    ((count,),) = await rows_of(realm.issuer.store, "SELECT count(*) FROM issuer_logouts")
    return int(count)


async def test_oidcc_backchannel_rp_initiated_logout(realm: Realm, receivers: Receivers) -> None:
    hint = (await realm.tokens())["id_token"]
    answer = await signed_in(realm)
    seen = await realm.visitor.look(
        f"{realm.url}/oidc/logout?{urlencode({'id_token_hint': hint, 'post_logout_redirect_uri': AFTER})}"
    )
    assert seen.headers["Location"] == AFTER
    got = dict(receivers.take())
    assert got.keys() == {URI, OTHER_URI}
    keys = published((await realm.send("GET", "/jwks")).body)
    for uri, alg in ((URI, "ES256"), (OTHER_URI, "RS256")):
        head = json.loads(base64url.decode(got[uri].split(".")[0]))
        assert head == {"alg": alg, "typ": "logout+jwt", "kid": head["kid"]}
        assert keys[head["kid"]]["alg"] == alg
        claims = claims_of(got[uri])
        assert len(claims.pop("jti")) == 43
        assert claims == {
            "iss": ISSUER,
            "sub": answer[uri]["sub"],
            "aud": answer[uri]["aud"],
            "iat": NOW,
            "exp": NOW + 120,
            "events": {EVENT: {}},
            "sid": answer[uri]["sid"],
        }
    assert answer[URI]["sid"] != answer[OTHER_URI]["sid"]
    assert await waiting(realm) == 0


async def test_oidcc_backchannel_discovery_endpoint_verification(realm: Realm) -> None:
    answer = (await realm.send("GET", "/.well-known/openid-configuration")).json
    assert answer["backchannel_logout_supported"] is answer["backchannel_logout_session_supported"] is True


async def test_a_logout_token_opens_nothing(realm: Realm, receivers: Receivers) -> None:
    await signed_in(realm)
    await leave(realm)
    token = dict(receivers.take())[URI]
    for given in (token, claims_of(token)["jti"]):
        assert (await realm.userinfo(given)).status == 401
        assert await realm.introspect(given) == {"active": False}
        assert (await realm.refresh(given)).refusal == (400, "invalid_grant")
    answer = await realm.authorize(id_token_hint=token)
    assert answer.redirected["error"] == "invalid_request"


async def test_the_same_user_logs_in_again_and_nobody_is_notified(realm: Realm, receivers: Receivers) -> None:
    before = await signed_in(realm)
    after = claims_of((await realm.tokens(prompt="login"))["id_token"])
    assert (after["sid"], receivers.take()) == (before[URI]["sid"], [])
    await leave(realm)
    assert [claims_of(token)["sid"] for url, token in receivers.take() if url == URI] == [after["sid"]]


async def test_another_user_in_the_same_window(realm: Realm, receivers: Receivers) -> None:
    before = await signed_in(realm)
    await admin.add_user(realm.issuer, "bob", PASSWORD)
    realm.visitor.login = "bob"
    after = claims_of((await realm.tokens(prompt="login"))["id_token"])
    assert await realm.logouts.retry() == 2
    got = {url: claims_of(token) for url, token in receivers.take()}
    assert {url: (each["sub"], each["sid"]) for url, each in got.items()} == {
        url: (each["sub"], each["sid"]) for url, each in before.items()
    }
    assert after["sid"] not in {each["sid"] for each in got.values()}


async def test_a_user_who_logs_out_everywhere(realm: Realm, receivers: Receivers) -> None:
    await signed_in(realm)
    async with visiting("alice") as elsewhere:
        here, realm.visitor = realm.visitor, elsewhere
        await signed_in(realm)
        realm.visitor = here
    own = await realm.visitor.look(f"{realm.url}/user/oidc")
    await realm.visitor.press(own, realm.url, "/user/oidc/logout", everywhere="1")
    assert sorted(url for url, _ in receivers.take()) == [OTHER_URI] * 2 + [URI] * 2


@pytest.mark.parametrize("how", ["disabled", "removed", "password"])
async def test_what_an_operator_does_is_sent_in_the_background(
    realm: Realm, receivers: Receivers, how: str
) -> None:
    answer = await signed_in(realm)
    if how == "disabled":
        await admin.disable_user(realm.issuer, realm.user)
    elif how == "removed":
        await admin.remove_user(realm.issuer, realm.user)
    else:
        await admin.set_password(realm.issuer, realm.user, "another horse")
    assert receivers.take() == []
    assert await realm.logouts.retry() == 2
    got = {url: claims_of(token)["sub"] for url, token in receivers.take()}
    assert got == {url: claims["sub"] for url, claims in answer.items()}
    assert await waiting(realm) == 0


async def test_a_client_that_fails_is_notified_three_times_more(
    realm: Realm, receivers: Receivers, clock: VirtualClock
) -> None:
    await signed_in(realm)
    receivers.down = {URI}
    await leave(realm)
    first = dict(receivers.take())[URI]
    assert (await realm.logouts.retry(), await waiting(realm)) == (0, 1)  # not yet
    tokens = [first]
    for wait in (10, WAITS[2], WAITS[1]):
        clock.advance(wait - 1)
        assert await realm.logouts.retry() == 0
        clock.advance(1)
        assert await realm.logouts.retry() == 1
        ((url, token),) = receivers.take()
        assert url == URI
        tokens.append(token)
    assert len({claims_of(token)["jti"] for token in tokens}) == 4
    assert claims_of(tokens[3])["iat"] == NOW + 10 + WAITS[2] + WAITS[1]
    assert await waiting(realm) == 0
    clock.advance(9999)
    assert await realm.logouts.retry() == 0


async def test_a_client_that_is_up_again_is_notified(
    realm: Realm, receivers: Receivers, clock: VirtualClock
) -> None:
    await signed_in(realm)
    receivers.down = {URI, OTHER_URI}
    await leave(realm)
    receivers.take()
    receivers.down = set()
    clock.advance(10)
    assert await realm.logouts.retry() == 2
    assert {url for url, _ in receivers.take()} == {URI, OTHER_URI}
    assert await waiting(realm) == 0


@pytest.mark.threat("L125")
async def test_l125_a_slow_client_does_not_keep_the_user(
    realm: Realm, receivers: Receivers, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "FIRST", 0.05)
    hint = (await realm.tokens())["id_token"]
    never = asyncio.Event()
    receivers.wait = never.wait
    asked = {"id_token_hint": hint, "post_logout_redirect_uri": AFTER}
    seen = await realm.visitor.look(f"{realm.url}/oidc/logout?{urlencode(asked)}")
    assert (seen.headers["Location"], len(receivers.take())) == (AFTER, 1)
    receivers.wait = None
    clock.advance(10)
    assert (await realm.logouts.retry(), await waiting(realm)) == (1, 0)


async def test_all_clients_are_notified_at_the_same_time(realm: Realm, receivers: Receivers) -> None:
    """Each waits until the other was called."""
    await signed_in(realm)
    both = asyncio.Barrier(2)
    receivers.wait = both.wait
    await leave(realm)
    assert len(receivers.take()) == 2
    assert await waiting(realm) == 0


async def test_what_a_process_left_is_sent_by_another(
    realm: Realm, receivers: Receivers, clock: VirtualClock
) -> None:
    """One is killed after its commit, another after it took what is to be sent."""
    await signed_in(realm)
    ((row, salt),) = await rows_of(realm.issuer.store, "SELECT id, salt FROM issuer_sessions")
    found = await realm.issuer.store.read_session(row)
    assert found is not None
    assert found[0].salt == salt
    await realm.issuer.store.end_session(found[0], realm.issuer.now(), 10)
    clock.advance(10)
    now = realm.issuer.now()
    assert len(await realm.issuer.store.take_logouts("oidc", now, now + telling.LEASE, 50)) == 2
    assert await realm.logouts.retry() == 0
    clock.advance(telling.LEASE)
    assert await realm.logouts.retry() == 2
    assert {url for url, _ in receivers.take()} == {URI, OTHER_URI}


async def test_the_leading_process_looks_every_five_seconds(
    realm: Realm, receivers: Receivers, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: asyncio.Queue[float] = asyncio.Queue()
    go_on: asyncio.Queue[None] = asyncio.Queue()
    answers = [False, True]

    async def sleep(seconds: float) -> None:
        slept.put_nowait(seconds)
        await go_on.get()

    async def leads() -> bool:
        return answers.pop(0)

    monkeypatch.setattr(clock, "sleep", sleep)
    await signed_in(realm)
    running = asyncio.create_task(realm.logouts.run(leads))
    try:
        assert await slept.get() == INTERVAL
        assert len(answers) == 2  # there is nothing to tell, so nobody asks who leads
        await admin.end_sessions(realm.issuer, realm.user)
        for left, answer in ((1, 0), (0, 2)):
            go_on.put_nowait(None)
            assert await slept.get() == INTERVAL
            assert (len(answers), len(receivers.got)) == (left, answer)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_clients_that_are_not_notified(realm: Realm, receivers: Receivers) -> None:
    await realm.tokens(scope="profile")  # no login at the client
    await realm.own()
    await leave(realm)
    assert receivers.take() == []
    await signed_in(realm)
    await admin.end_sessions(realm.issuer, realm.user)
    await realm.change_app(client=Client())
    await realm.issuer.store.remove_app(realm.other.id)
    assert (await realm.logouts.retry(), receivers.take(), await waiting(realm)) == (2, [], 0)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with Server(tmp_path).running() as served:
        yield served


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
async def test_a_token_is_posted_as_a_form(server: Server, status: str) -> None:
    server.write = answering(b"x" if "200" in status else b"", status)
    await server.fetcher().post(server.url, {"logout_token": "a.b&c"})
    assert server.bodies == [b"logout_token=a.b%26c"]
    assert server.asked[0].startswith("POST /keys HTTP/1.1\r\n")
    assert "content-type: application/x-www-form-urlencoded" in server.asked[0].lower()


@pytest.mark.threat("L125")
@pytest.mark.parametrize(
    "status",
    ["302 Found", "307 Temporary Redirect", "400 Bad Request", "500 Internal Server Error", "202 Accepted"],
)
async def test_l125_nothing_else_is_accepted_and_no_redirect_is_followed(server: Server, status: str) -> None:
    server.write = answering(b"", status, f"Location: {server.url}/other")
    with pytest.raises(FetchError, match=status[:3]):
        await server.fetcher().post(server.url, {"logout_token": "a.b.c"})
    assert len(server.asked) == 1


@pytest.mark.threat("L125")
@pytest.mark.threat("L111")
async def test_l125_nothing_inside_is_posted_to(server: Server) -> None:
    for address in ("127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1"):
        with pytest.raises(FetchError, match="not public"):
            await server.fetcher(resolved=(address,), allowed=()).post(server.url, {"logout_token": "x"})
    assert not server.asked


@pytest.mark.threat("L125")
async def test_l125_a_body_without_end_is_not_read(server: Server) -> None:
    async def pour(writer: asyncio.StreamWriter, _number: int) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b" " * 16_384)
            await writer.drain()

    server.write = pour
    await server.fetcher().post(server.url, {"logout_token": "x"})


def test_the_type_of_a_logout_token_is_its_own() -> None:
    assert len({jose.JWT, jose.ACCESS_TOKEN, jose.LOGOUT_TOKEN}) == 3
