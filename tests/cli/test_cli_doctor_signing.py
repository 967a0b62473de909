"""The doctor on realms that sign tokens: address, clock, keys about to turn, keys that clients publish."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from lingpai.core.clock import VirtualClock
from lingpai.core.issuer_records import App, Client
from lingpai.core.keyring import KeyRing
from lingpai.diagnosis.signing_realms import (
    check_address,
    check_client_keys,
    check_signing_keys,
    check_store_clock,
)
from lingpai.issuer import admin
from lingpai.issuer.context import Issuer
from lingpai.issuer.policy import DAY, Policy
from lingpai.issuer.signing_keys import PUBLISHED, TURNED, SigningKeys
from lingpai.operating.findings import Finding
from tests.cli.conftest import Cli
from tests.dev.running import developing
from tests.issuer.engines import ENGINES
from tests.issuer.test_fetcher import Server, answering

KEY = ECKey.generate_key("P-256", {"kid": "bank"}).as_dict(private=False)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def issuer(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Issuer]:
    ring = KeyRing.ephemeral()
    store = await ENGINES["sqlite"](tmp_path, ring, clock)
    yield await Issuer.open("oidc", Policy(code=300), store, ring, clock)
    await store.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with Server(tmp_path).running() as served:
        yield served


def seen(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(each.subject, each.verdict) for each in findings]


@pytest.mark.parametrize(
    ("ahead", "verdict", "said"),
    [
        (0.5, "ok", "matches"),
        (-4, "ok", "matches"),
        (20, "warn", "20 s ahead"),
        (-300, "fail", "5 min behind"),
    ],
)
def test_the_clock_of_the_database_is_compared(ahead: float, verdict: str, said: str) -> None:
    found = check_store_clock(ahead)
    assert (found.verdict, said in found.message) == (verdict, True)
    assert (found.remedy is None) == (verdict == "ok")


async def test_a_realm_that_never_served_has_no_keys_to_speak_of(issuer: Issuer) -> None:
    assert await check_signing_keys(issuer) == []


async def test_keys_about_to_turn_are_named(issuer: Issuer, clock: VirtualClock) -> None:
    keys = SigningKeys(issuer)
    await keys.current()
    assert await check_signing_keys(issuer) == []
    clock.advance(TURNED - PUBLISHED)
    await keys.current()
    found = await check_signing_keys(issuer)
    assert sorted(seen(found)) == [("oidc/ES256", "ok"), ("oidc/RS256", "ok")]
    assert all("signs from" in each.message and "jwks_uri" in (each.remedy or "") for each in found)
    clock.advance(PUBLISHED)
    assert await check_signing_keys(issuer) == []


async def test_keys_that_nobody_turned_are_a_problem(issuer: Issuer, clock: VirtualClock) -> None:
    await SigningKeys(issuer).current()
    clock.advance(TURNED + DAY)
    found = await check_signing_keys(issuer)
    assert sorted(seen(found)) == [("oidc/ES256", "warn"), ("oidc/RS256", "warn")]
    assert "lingpai key rotate --signing --realm oidc" in (found[0].remedy or "")


async def add_client(issuer: Issuer, uri: str, app_id: str = "bank", **fields: Any) -> None:
    client = Client(token_endpoint_auth_method="private_key_jwt", jwks_uri=uri)
    await admin.declare_app(issuer, App(realm="oidc", app_id=app_id, client=client, **fields), "")


@pytest.mark.parametrize(
    ("body", "status", "verdict", "said"),
    [
        (json.dumps({"keys": [KEY]}).encode(), "200 OK", "ok", "has 1 usable keys"),
        (b'{"keys":[]}', "200 OK", "fail", "no public key for ES256"),
        (
            json.dumps({"keys": [OctKey.generate_key(256).as_dict()]}).encode(),
            "200 OK",
            "fail",
            "no public key",
        ),
        (b"<html>", "200 OK", "fail", "not a JSON Web Key Set"),
        (b"[]", "200 OK", "fail", "not a JSON Web Key Set"),
        (b"\xff\xfe", "200 OK", "fail", "not a JSON Web Key Set"),
        (b"", "404 Not Found", "fail", "it answers 404"),
    ],
    ids=["good", "empty", "shared", "html", "list", "utf-16", "missing"],
)
async def test_what_a_client_publishes_is_read(
    issuer: Issuer, server: Server, body: bytes, status: str, verdict: str, said: str
) -> None:
    server.write = answering(body, status)
    await add_client(issuer, server.url)
    (found,) = await check_client_keys(issuer, server.fetcher())
    assert (found.subject, found.verdict) == ("oidc/bank", verdict)
    assert said in found.message
    assert (found.remedy is None) == (verdict == "ok")


async def test_keys_inside_a_network_need_its_name_and_others_of_disabled_apps_do_not_count(
    issuer: Issuer, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_client(issuer, server.url)
    await add_client(issuer, server.url, "gone", disabled=True)
    (found,) = await check_client_keys(issuer, server.fetcher(allowed=()))
    assert "not public" in found.message
    assert "realms.oidc.fetch_networks" in (found.remedy or "")
    assert server.asked == []
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    (chinese,) = await check_client_keys(issuer, server.fetcher(allowed=()))
    assert "主机的地址不是公网地址" in chinese.message
    assert "realms.oidc.fetch_networks" in (chinese.remedy or "")


async def test_the_public_address_has_to_name_the_issuer(tmp_path: Path) -> None:
    with developing(tmp_path) as dev:
        issuer = dev.described["issuer"]["oidc"]["issuer"]
        assert (await check_address(issuer)).verdict == "ok"
        renamed = await check_address(issuer.replace("127.0.0.1", "localhost"))
        assert (renamed.verdict, issuer in renamed.message) == ("fail", True)
        elsewhere = await check_address(dev.url + "/nothing")
        assert (elsewhere.verdict, "404" in elsewhere.message) == ("fail", True)
    gone = await check_address(issuer)
    assert (gone.verdict, gone.remedy is not None) == ("warn", True)


def test_the_doctor_looks_at_all_of_it(cli: Cli) -> None:
    env = {"LINGPAI_PUBLIC_URL": "http://127.0.0.1:1"}
    cli("key", "rotate", "--signing", "--realm", "oidc")
    cli(
        "app",
        "add",
        "Bank",
        "--realm",
        "oidc",
        "--auth-method",
        "private_key_jwt",
        "--jwks-uri",
        "https://127.0.0.1/k",
    )
    found = {
        (each["check"], each["verdict"]) for each in json.loads(cli("doctor", env=env).stdout)["findings"]
    }
    assert {("issuer", "warn"), ("client keys", "fail")} <= found
    offline = {each["check"] for each in json.loads(cli("doctor", "--offline", env=env).stdout)["findings"]}
    assert not offline & {"issuer", "client keys"}
    assert "signing key" in {each for each, _ in found} & offline
