from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yzb
from lingpai.issuer.passwords import Passwords
from lingpai.store.issuer_port import IssuerStore
from tests.helpers.passwords import CHEAP
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.yzb.realms import Realm, make_realm


@pytest.fixture
async def pair(
    issuer: Issuer,
    store: IssuerStore,
    ring: KeyRing,
    clock: VirtualClock,
    http: aiohttp.ClientSession,
) -> AsyncIterator[tuple[Realm, Realm]]:
    """Production and test side by side, with the same app_ids and secrets."""
    trial = await Issuer.open("yzb-test", yzb.POLICY, store, ring, clock, Passwords(CHEAP))
    routes = (*yzb.routes(issuer), *yzb.routes(trial, prefix="/test"))
    async with serving(routes, (("", yzb.SHAPE), *yzb.fallback(), *yzb.fallback("/test"))) as url:
        yield await make_realm(issuer, url, http), await make_realm(trial, url, http, "/test")


@pytest.mark.threat("E55", "I84")
async def test_what_one_realm_issued_is_nothing_in_the_other(pair: tuple[Realm, Realm]) -> None:
    production, trial = pair
    tokens = (await production.exchange(await production.code())).data
    server = await production.server_token()
    ticket = (await production.ticket(server)).data["ticket"]
    code = await production.code()
    assert (await trial.exchange(code)).refusal == ("4102", "authorization_code is invalid")
    assert (await trial.refresh(tokens)).refusal == ("4102", "refresh_token is invalid")
    assert (await trial.ticket(server)).refusal == ("4102", "server_access_token is invalid")
    assert (await trial.check(ticket, "js_ticket")).refusal == ("4102", "js_ticket is invalid")
    checked = await trial.check(tokens["access_token"], open_id=tokens["open_id"])
    assert checked.refusal == ("4102", "access_token is invalid")
    assert (await production.exchange(code)).data
    assert (await production.refresh(tokens)).data


async def test_an_app_of_one_realm_changes_nothing_in_the_other(pair: tuple[Realm, Realm]) -> None:
    production, trial = pair
    await trial.change_app(disabled=True)
    assert (await trial.server()).refusal[0] == "4000"
    assert (await production.server()).data


async def test_open_ids_of_two_realms_are_unlike(pair: tuple[Realm, Realm]) -> None:
    assert pair[0].member.open_id != pair[1].member.open_id


@pytest.mark.threat("I83")
async def test_below_each_prefix_unknown_paths_answer_in_the_shape(pair: tuple[Realm, Realm]) -> None:
    for realm in pair:
        for path in ("/OAuth2/x", "/OAuth2", "/UserResource/x", "/UserResource/", "/CommonResource/x"):
            answer = await realm.send("POST", path)
            assert (answer.status, answer.refusal) == (200, ("4000", "no such interface"))
