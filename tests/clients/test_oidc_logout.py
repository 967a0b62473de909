"""Unmodified clients log a user out, and take the token that says so: openid-client, idpyoidc, joserfc."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from lingpai.core.issuer_records import App, Client
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import Settings, load_settings
from tests.clients.running import Clients
from tests.clients.stack import Stack, fetch
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting
from tests.issuer.test_fetcher import Server, answering

Json = dict[str, Any]
SECRET = "0123456789abcdef0123456789abcdef01234567"
REDIRECT, AFTER = "https://shop.example/callback", "https://shop.example/bye"
CLIENTS = {"100001": "ES256", "100002": "RS256"}
EVENT = "http://schemas.openid.net/event/backchannel-logout"


@pytest.fixture
async def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A client's own server, on loopback by TLS, which the service is set to trust."""
    home = tmp_path / "receiver"
    home.mkdir()
    server = Server(home, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(server.file))
    server.write = answering(b"")
    async with server.running():
        yield server


@pytest.fixture
def extras(receiver: Server) -> Json:
    async def add(settings: Settings) -> None:
        async with open_issuers(settings) as issuers:
            issuer = issuers["oidc"]
            for app_id, alg in CLIENTS.items():
                client = Client(
                    id_token_signed_response_alg="RS256" if alg == "RS256" else "ES256",
                    post_logout_redirect_uris=(AFTER,),
                    backchannel_logout_uri=f"{receiver.url}?app={app_id}",
                )
                app = App(realm="oidc", app_id=app_id, name="Shop", redirect_uris=(REDIRECT,), client=client)
                await admin.declare_app(issuer, app, SECRET)
            await admin.add_user(issuer, "shopper", PASSWORD, Profile(nick="小明"))

    return {"add": add, "realms": {"oidc": {"fetch_networks": ["127.0.0.0/8", "::1/128"]}}}


@pytest.fixture
async def shopper() -> AsyncIterator[Visitor]:
    async with visiting("shopper") as visitor:
        yield visitor


async def sign_in(stack: Stack, clients: Clients, shopper: Visitor, app_id: str) -> Json:
    wanted = {
        "issuer": f"{stack.url}/oidc",
        "client_id": app_id,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "in_body": False,
        "more": {},
    }
    begun = clients.node("openid-client begin", wanted).found()
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    found = clients.node("openid-client redeemed", wanted | begun | {"callback": callback}).found()
    return wanted | found


async def test_openid_client_logs_out_and_every_client_is_notified(
    stack: Stack, clients: Clients, shopper: Visitor, receiver: Server
) -> None:
    signed_in = {app_id: await sign_in(stack, clients, shopper, app_id) for app_id in CLIENTS}
    asked = signed_in["100001"] | {"after": AFTER, "state": "s p&ce"}
    url = clients.node("openid-client ended", asked).found()["url"]
    seen = await shopper.look(url)
    address = urlsplit(seen.headers["Location"])
    assert (f"{address.scheme}://{address.netloc}{address.path}", parse_qs(address.query)) == (
        AFTER,
        {"state": ["s p&ce"]},
    )
    bodies = {
        asked.split("?app=")[1][:6]: body for asked, body in zip(receiver.asked, receiver.bodies, strict=True)
    }
    assert bodies.keys() == CLIENTS.keys()
    keys = KeySet.import_key_set(fetch(f"{stack.url}/oidc/jwks"))  # type: ignore[arg-type]  # it is one
    for app_id, alg in CLIENTS.items():
        wanted = {
            "issuer": f"{stack.url}/oidc",
            "client_id": app_id,
            "alg": alg,
            "body": bodies[app_id].decode(),
        }
        answer = await asyncio.to_thread(clients.oidc("run_idpyoidc_logout", wanted).found)
        own = signed_in[app_id]["claims"]
        assert (answer["sub"], answer["sid"], answer["aud"]) == (own["sub"], own["sid"], [app_id])
        assert answer["events"] == {EVENT: {}}
        token = parse_qs(bodies[app_id].decode())["logout_token"][0]
        decoded = jwt.decode(token, keys, algorithms=[alg])
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": f"{stack.url}/oidc"},
            aud={"essential": True, "value": app_id},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        ).validate(decoded.claims)
        assert decoded.header["typ"] == "logout+jwt"
        assert "nonce" not in decoded.claims


async def test_a_running_service_notifies_clients_of_what_an_operator_did(
    stack: Stack, clients: Clients, shopper: Visitor, receiver: Server, tmp_path: Path
) -> None:
    await sign_in(stack, clients, shopper, "100001")
    called = asyncio.Event()

    async def take(writer: asyncio.StreamWriter, number: int) -> None:
        await answering(b"")(writer, number)
        called.set()

    receiver.write = take
    async with open_issuers(load_settings(data=tmp_path / "data")) as issuers:  # as the command line does
        issuer = issuers["oidc"]
        assert await admin.end_sessions(issuer, await admin.find_user(issuer, "shopper")) == 1
    await asyncio.wait_for(called.wait(), 60)
    assert receiver.bodies[0].startswith(b"logout_token=")
