"""A token that was issued since a backup, over HTTP in each dialect: it is answered as one that never was."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.handles import HandleKind
from lingpai.core.keyring import KeyRing
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import mall, yilianyun, yzb
from lingpai.issuer.passwords import Passwords
from lingpai.issuer.policy import Policy
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.app_tokens import issue_app_token
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.check import resolve_access_token
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.tickets import issue_ticket
from tests.helpers.passwords import CHEAP
from tests.issuer.dialects.mall import realms as malls
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.yilianyun import realms as printers
from tests.issuer.dialects.yzb import realms as platforms
from tests.issuer.losses import Losing, restored_file

NEVER = "0123456789abcdef" * 4
"""What looks like a token and never was one."""


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(printers.NOW)


@pytest.fixture
async def losing(tmp_path: Path, ring: KeyRing, clock: VirtualClock) -> AsyncIterator[Losing]:
    async with restored_file(tmp_path, ring, clock) as opened:
        yield opened


async def opened(name: str, policy: Policy, losing: Losing, ring: KeyRing, clock: VirtualClock) -> Issuer:
    return await Issuer.open(name, policy, losing.store, ring, clock, Passwords(CHEAP))


async def lose(issuer: Issuer, losing: Losing) -> None:
    await losing.lose()
    issuer.store = losing.store
    issuer.throttle._store = losing.store


def row_of(issuer: Issuer, text: str, kind: HandleKind) -> int:
    handle = issuer.unseal(text, kind)
    assert handle is not None
    return handle.id


async def unharmed(issuer: Issuer, tokens: Tokens) -> bool:
    """Whether the tokens of somebody else are as they were given."""
    found = await resolve_access_token(issuer, tokens.access_token)
    return found.grant == tokens.grant


async def test_mall(losing: Losing, ring: KeyRing, clock: VirtualClock, http: aiohttp.ClientSession) -> None:
    issuer = await opened("mall", mall.POLICY, losing, ring, clock)
    async with malls.serving_realm(issuer, http) as realm:
        bob = await admin.add_user(issuer, "bob", "battery staple")
        await losing.keep()
        alice = await realm.tokens()
        spent = await realm.code()
        refreshed = await realm.tokens()
        newest = (await realm.refresh(refreshed["refresh_token"])).json
        await lose(issuer, losing)

        async def for_bob() -> Tokens:
            code = (await issue_code(issuer, realm.other, bob, Asked())).code
            return await redeem(issuer, realm.other, code)

        theirs = [await for_bob() for _ in range(3)]
        lost = (alice["access_token"], newest["access_token"])
        assert {row_of(issuer, each, HandleKind.ACCESS) for each in lost} <= {
            tokens.grant.id for tokens in theirs
        }
        for token in lost:
            for answer in (await realm.open_id(token), await realm.user_info(token)):
                assert answer.refusal == (401, "invalid_token")
        for token in (alice, refreshed, newest):
            for client in (realm.app.app_id, realm.other.app_id):
                answer = await realm.refresh(token["refresh_token"], client_id=client)
                assert answer.refusal == (400, "invalid_grant")
        for client in (realm.app.app_id, realm.other.app_id):
            assert (await realm.exchange(spent, client_id=client)).refusal == (400, "invalid_grant")
        assert [await unharmed(issuer, tokens) for tokens in theirs] == [True] * 3
        shown = (await realm.open_id(theirs[0].access_token)).json["result"]
        assert (shown["client_id"], shown["open_id"]) == (realm.other.app_id, theirs[0].open_id)


async def test_yilianyun(
    losing: Losing, ring: KeyRing, clock: VirtualClock, http: aiohttp.ClientSession
) -> None:
    issuer = await opened("yilianyun", yilianyun.POLICY, losing, ring, clock)
    async with printers.serving_realm(issuer, http) as realm:
        other = await admin.save_terminal(issuer, "4004504003", owner=realm.user, msign="another")
        await losing.keep()
        first = await realm.tokens()
        newest = (await realm.refresh(first["refresh_token"])).tokens
        code = await realm.code()
        server = (await realm.own_token()).tokens
        await lose(issuer, losing)
        theirs = (await realm.exchange(await realm.code(other))).tokens
        assert theirs["machine_code"] == "4004504003"
        unspent = await realm.code(other)
        mine = (await realm.own_token()).tokens
        assert row_of(issuer, unspent, HandleKind.CODE) == row_of(issuer, code, HandleKind.CODE)
        assert row_of(issuer, mine["access_token"], HandleKind.APP_TOKEN) == row_of(
            issuer, server["access_token"], HandleKind.APP_TOKEN
        )
        for tokens in (first, newest):
            assert (await realm.refresh(tokens["refresh_token"])).error == "14"
        assert (await realm.refresh(server["refresh_token"], realm.own)).error == "14"
        assert (await realm.exchange(code)).error == (await realm.exchange(NEVER)).error != "0"
        assert (await realm.exchange(unspent)).tokens["machine_code"] == "4004504003"
        assert (await realm.refresh(mine["refresh_token"], realm.own)).error == "0"
        for tokens in (first, newest):
            lost, never = [
                await realm.call(printers.DELETE, access_token=token, machine_code="4004504003")
                for token in (tokens["access_token"], NEVER)
            ]
            assert lost.error == never.error != "0"


async def test_yzb(losing: Losing, ring: KeyRing, clock: VirtualClock, http: aiohttp.ClientSession) -> None:
    issuer = await opened("yzb", yzb.POLICY, losing, ring, clock)
    async with serving(yzb.routes(issuer), (("", yzb.SHAPE), *yzb.fallback())) as url:
        realm = await platforms.make_realm(issuer, url, http)
        await losing.keep()
        tokens = (await realm.exchange(await realm.code())).data
        code = await realm.code()
        server = await realm.server_token()
        ticket = (await realm.ticket(server)).data["ticket"]
        await lose(issuer, losing)
        theirs = await redeem(issuer, realm.app, await realm.code())
        theirs = await refresh(issuer, realm.app, theirs.refresh_token)
        unspent = await realm.code()
        mine = await issue_app_token(issuer, realm.app)
        signs = (await issue_ticket(issuer, realm.app, mine.access_token)).ticket
        assert row_of(issuer, ticket, HandleKind.TICKET) == row_of(issuer, signs, HandleKind.TICKET)
        # The same app and the same user, so that nothing but the row itself is another one.
        for _ in range(2):
            never = tokens | {"refresh_token": NEVER}
            assert (await realm.refresh(tokens)).refusal == (await realm.refresh(never)).refusal
            assert (await realm.exchange(code)).refusal == (await realm.exchange(NEVER)).refusal
            assert (await realm.ticket(server)).refusal == (await realm.ticket(NEVER)).refusal
            for kind, text, whose in (
                ("access_token", server, None),
                ("js_ticket", ticket, None),
                ("access_token", tokens["access_token"], tokens["open_id"]),
            ):
                lost = await realm.check(text, kind, open_id=whose)
                assert lost.refusal == (await realm.check(NEVER, kind, open_id=whose)).refusal
        assert await unharmed(issuer, theirs)
        assert (await realm.check(mine.access_token)).data
        assert (await realm.check(signs, "js_ticket")).data
        assert (await realm.exchange(unspent)).data["open_id"] == theirs.open_id
