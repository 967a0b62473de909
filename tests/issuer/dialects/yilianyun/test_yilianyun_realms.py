from collections.abc import AsyncIterator

import aiohttp
import pytest

from lingpai.core.clock import VirtualClock
from lingpai.core.keyring import KeyRing
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects import yilianyun, yzb
from lingpai.issuer.pages import Pages, Site
from lingpai.issuer.passwords import Passwords
from lingpai.store.issuer_port import IssuerStore
from tests.helpers.passwords import CHEAP
from tests.issuer.dialects.serving import serving
from tests.issuer.dialects.yilianyun.realms import DELETE, MACHINE, MSIGN, OAUTH, Realm, serving_realm


@pytest.fixture
async def trial(
    store: IssuerStore, ring: KeyRing, clock: VirtualClock, http: aiohttp.ClientSession
) -> AsyncIterator[Realm]:
    """A test realm beside production, with the same app_ids, secrets and terminals."""
    issuer = await Issuer.open("yilianyun-test", yilianyun.POLICY, store, ring, clock, Passwords(CHEAP))
    async with serving_realm(issuer, http, prefix="/test") as served:
        yield served


async def test_both_are_served_side_by_side(realm: Realm, trial: Realm) -> None:
    routes = [
        route
        for each in (realm, trial)
        for route in yilianyun.routes(
            each.issuer,
            Pages(each.issuer, Site(origin="", prefix="/user"), yilianyun.STYLE),
            prefix=each.prefix,
        )
    ]
    fallback = (("", yilianyun.SHAPE), *yilianyun.fallback(), *yilianyun.fallback("/test"))
    async with serving(tuple(routes), fallback) as url:
        realm.url = trial.url = url
        for each in (realm, trial):
            assert (await each.tokens())["machine_code"] == MACHINE
            for path in ("/oauth/x", "/printer/x", "/print/index", "/printmenu/addprintmenu"):
                answer = await each.send("POST", path)
                assert (answer.status, answer.error) == (200, "34")


@pytest.mark.threat("I83")
async def test_all_of_the_platforms_paths_answer_in_its_shape(realm: Realm) -> None:
    pages = Pages(realm.issuer, Site(origin="", prefix="/user"), yilianyun.STYLE)
    fallback = (("", yzb.SHAPE), *yilianyun.fallback())
    async with serving(yilianyun.routes(realm.issuer, pages), fallback) as url:
        realm.url = url
        for folder in ("oauth", "printer", "print", "pictureprint", "expressprint", "printmenu"):
            for path in (f"/{folder}", f"/{folder}/", f"/{folder}/index"):
                answer = await realm.send("POST", path)
                assert (answer.status, answer.json) == (
                    200,
                    {"error": "34", "error_description": "接口不存在"},
                )
        for path in ("/", "/other/index"):
            assert (await realm.send("POST", path)).json["status"] == "4000"


@pytest.mark.threat("E55", "I84")
async def test_what_one_realm_issued_is_nothing_in_the_other(realm: Realm, trial: Realm) -> None:
    code, key, tokens = await realm.code(), await realm.shown(), await realm.tokens()
    assert (await trial.exchange(code)).error == "6"
    assert (await trial.scan(qr_key=key)).error == "30"
    assert (await trial.refresh(tokens["refresh_token"])).error == "14"
    deleted = await trial.call(DELETE, machine_code=MACHINE, access_token=tokens["access_token"])
    assert deleted.error == "14"
    assert (await realm.exchange(code)).error == "0"
    assert (await realm.scan(qr_key=key)).error == "0"


@pytest.mark.threat("I81")
async def test_a_request_is_of_one_realm(realm: Realm, trial: Realm) -> None:
    given = realm.signed(machine_code=MACHINE, msign=MSIGN, scope="all")
    for each in (realm, trial):
        assert [(await each.post("/oauth/scancodemodel", given)).error for _ in range(2)] == ["0", "34"]


async def test_an_app_and_a_limit_of_one_realm_change_nothing_in_the_other(
    realm: Realm, trial: Realm
) -> None:
    await trial.change(trial.app, disabled=True)
    for _ in range(20):
        assert (await realm.scan(msign=MSIGN)).error == "0"
    assert (await realm.scan(msign=MSIGN)).error == "41"
    assert (await trial.scan(msign=MSIGN)).error == "19"
    await trial.change(trial.app, disabled=False)
    assert (await trial.scan(msign=MSIGN)).error == "0"
    assert (await trial.call(OAUTH, trial.own, grant_type="client_credentials", scope="all")).error == "0"
