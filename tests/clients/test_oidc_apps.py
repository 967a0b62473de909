"""Unmodified OpenID Connect clients sign users in, from nothing but the issuer's address."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc.jwk import ECKey

from lingpai.core.issuer_records import App, Client
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import Settings
from tests.clients.running import Clients
from tests.clients.stack import Stack
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting

Json = dict[str, Any]
SECRET = "0123456789abcdef0123456789abcdef01234567"
REDIRECT = "https://shop.example/callback"
SUB_LENGTH = 32
CLIENTS = {"100001": SECRET, "100002": SECRET, "100003": None}
"""ES256 with a secret, RS256 with a secret, and a public one."""
HELD, BY_KEY = "100004", "100005"
"""Both authenticate by a key; the first is held to FAPI 2.0 with PAR and DPoP."""
_KEY = ECKey.generate_key("P-256", {"kid": "bank"})
PRIVATE, PUBLIC = _KEY.as_dict(private=True), _KEY.as_dict(private=False)


async def add_clients(settings: Settings) -> None:
    async with open_issuers(settings) as issuers:
        issuer = issuers["oidc"]
        for app_id, secret in CLIENTS.items():
            app = App(
                realm="oidc",
                app_id=app_id,
                name="Shop",
                redirect_uris=(REDIRECT,),
                public=secret is None,
                client=Client(id_token_signed_response_alg="RS256" if app_id == "100002" else "ES256"),
            )
            await admin.declare_app(issuer, app, secret or "")
        held = Client(
            token_endpoint_auth_method="private_key_jwt",
            jwks={"keys": [PUBLIC]},
            fapi2=True,
            require_pushed_authorization_requests=True,
            dpop_bound_access_tokens=True,
        )
        plain = Client(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [PUBLIC]})
        for app_id, client in ((HELD, held), (BY_KEY, plain)):
            app = App(realm="oidc", app_id=app_id, name="Bank", redirect_uris=(REDIRECT,), client=client)
            await admin.declare_app(issuer, app, "")
        await admin.add_user(issuer, "shopper", PASSWORD, Profile(nick="小明"))


@pytest.fixture
def extras() -> Json:
    return {"add": add_clients}


@pytest.fixture
async def shopper() -> AsyncIterator[Visitor]:
    async with visiting("shopper") as visitor:
        yield visitor


def wanted_of(stack: Stack, app_id: str, *, in_body: bool = False) -> Json:
    return {
        "issuer": f"{stack.url}/oidc",
        "client_id": app_id,
        "client_secret": CLIENTS[app_id],
        "redirect_uri": REDIRECT,
        "in_body": in_body,
        "more": {},
    }


def demand_signed_in(found: Json, stack: Stack, app_id: str) -> None:
    claims, info, again = found["claims"], found["info"], found["again"]
    assert (claims["iss"], claims["aud"], claims["amr"]) == (f"{stack.url}/oidc", app_id, ["pwd"])
    assert (info["sub"], info["name"], info["preferred_username"]) == (claims["sub"], "小明", "shopper")
    assert len(claims["sub"]) == SUB_LENGTH
    assert (again["sub"], again["auth_time"]) == (claims["sub"], claims["auth_time"])
    assert found["tokens"]["expires_in"] <= 3600


@pytest.mark.parametrize("in_body", [False, True], ids=["basic", "body"])
@pytest.mark.parametrize("app_id", CLIENTS)
async def test_openid_client(
    app_id: str, in_body: bool, stack: Stack, clients: Clients, shopper: Visitor
) -> None:
    wanted = wanted_of(stack, app_id, in_body=in_body)
    begun = clients.node("openid-client begin", wanted).found()
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    found = clients.node("openid-client finish", wanted | begun | {"callback": callback}).found()
    demand_signed_in(found, stack, app_id)
    rotated = found["refreshed"]["refresh_token"] != found["tokens"]["refresh_token"]
    assert rotated == (CLIENTS[app_id] is None)
    if CLIENTS[app_id] is not None:
        assert (found["own"]["active"], found["own"]["sub"]) == (True, app_id)
        assert (found["access"]["active"], found["access"]["sub"]) == (True, found["claims"]["sub"])
    refresh, userinfo, code = found["refused"]
    assert (refresh, code) == ("invalid_grant", "invalid_grant")
    assert userinfo is not None


async def test_openid_client_learns_that_nobody_is_logged_in(
    stack: Stack, clients: Clients, shopper: Visitor
) -> None:
    wanted = wanted_of(stack, "100001") | {"more": {"prompt": "none"}}
    begun = clients.node("openid-client begin", wanted).found()
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    answer = clients.node("openid-client refused", wanted | begun | {"callback": callback}).found()
    assert answer == {"error": "login_required"}


@pytest.mark.parametrize("app_id", CLIENTS)
async def test_authlib(app_id: str, stack: Stack, clients: Clients, shopper: Visitor) -> None:
    wanted = wanted_of(stack, app_id)
    begun = clients.oauth("run_authlib_oidc", wanted | {"do": "begin"}).found()
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    wanted |= begun | {"do": "finish", "callback": callback}
    found = clients.oauth("run_authlib_oidc", wanted).found()
    demand_signed_in(found, stack, app_id)
    assert found["refused"] == ["invalid_grant", "invalid_grant"]


async def test_openid_client_by_fapi2(stack: Stack, clients: Clients, shopper: Visitor) -> None:
    wanted = {
        "issuer": f"{stack.url}/oidc",
        "client_id": HELD,
        "redirect_uri": REDIRECT,
        "key": PRIVATE,
    }
    begun = clients.node("openid-client pushed", wanted).found()
    assert "request_uri=urn" in begun["url"]
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    found = clients.node("openid-client proven", wanted | begun | {"callback": callback}).found()
    assert (found["claims"]["aud"], found["info"]["name"]) == (HELD, "小明")
    assert found["tokens"]["token_type"].lower() == found["refreshed"]["token_type"].lower() == "dpop"
    assert (found["known"]["token_type"], found["known"]["active"]) == ("DPoP", True)
    assert found["plain"] == "refused"


async def test_authlib_by_a_key(stack: Stack, clients: Clients, shopper: Visitor) -> None:
    wanted = wanted_of(stack, "100001") | {"client_id": BY_KEY, "client_secret": None, "key": PRIVATE}
    begun = clients.oauth("run_authlib_oidc", wanted | {"do": "begin"}).found()
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    wanted |= begun | {"do": "finish", "callback": callback}
    found = clients.oauth("run_authlib_oidc", wanted).found()
    demand_signed_in(found, stack, BY_KEY)


async def test_openid_client_on_a_device(stack: Stack, clients: Clients, shopper: Visitor) -> None:
    wanted = wanted_of(stack, "100003")
    begun = clients.node("openid-client device", wanted).found()
    assert begun["verification_uri"] == f"{stack.url}/oidc/device"
    polling = clients.node("openid-client polled", wanted | {"device": begun})
    await shopper.walk(begun["verification_uri_complete"])
    found = polling.found()
    assert found["claims"]["aud"] == "100003"


@pytest.mark.parametrize(
    ("app_id", "alg", "method"),
    [("100001", "ES256", "client_secret_basic"), ("100002", "RS256", "client_secret_post")],
    ids=["basic", "body"],
)
async def test_idpyoidc(app_id: str, alg: str, method: str, stack: Stack, clients: Clients) -> None:
    """Not its DPoP (RFC 9449 §4.2: `ath` is base64url) and PAR (RFC 9126 §2.2: 201), which are not as the RFCs say."""
    wanted = wanted_of(stack, app_id) | {"login": "shopper", "alg": alg, "method": method}
    found = clients.oidc("run_idpyoidc", wanted).found()
    demand_signed_in(found, stack, app_id)


@pytest.mark.parametrize("app_id", CLIENTS)
async def test_requests_oauthlib(app_id: str, stack: Stack, clients: Clients, shopper: Visitor) -> None:
    wanted = wanted_of(stack, app_id)
    begun = clients.oauth("run_requests_oauthlib_oidc", wanted).found()
    callback = (await shopper.walk(begun["url"])).headers["Location"]
    found = clients.oauth("run_requests_oauthlib_oidc", wanted | begun | {"callback": callback}).found()
    assert (found["token"]["token_type"], found["info"]["name"]) == ("Bearer", "小明")
    assert found["renewed"] == [True], "it was asked to refresh before the call"
    assert bool(found["machine"]) == (CLIENTS[app_id] is not None)
