"""An unmodified client registers itself and then signs a user in: openid-client."""

from typing import Any

import pytest

from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.issuer.verbs.registrations import issue_initial_token
from lingpai.service import open_issuers
from lingpai.settings import Settings
from tests.clients.running import Clients
from tests.clients.stack import Stack
from tests.issuer.dialects.visitors import PASSWORD, visiting

Json = dict[str, Any]
REDIRECT = "https://shop.example/callback"
METADATA: Json = {
    "client_name": "Shop",
    "redirect_uris": [REDIRECT],
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
}


@pytest.fixture(params=["open", "token"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def initial() -> list[str]:
    """Initial access tokens that were issued: one, for one client, where the realm asks for it."""
    return []


@pytest.fixture
def extras(mode: str, initial: list[str]) -> Json:
    async def add(settings: Settings) -> None:
        async with open_issuers(settings) as issuers:
            await admin.add_user(issuers["oidc"], "shopper", PASSWORD, Profile(nick="小明"))
            if mode == "token":
                initial.append((await issue_initial_token(issuers["oidc"]))[1])

    return {"add": add, "realms": {"oidc": {"registration": mode}}}


@pytest.fixture
def wanted(stack: Stack, initial: list[str]) -> Json:
    return {
        "issuer": f"{stack.url}/oidc",
        "redirect_uri": REDIRECT,
        "in_body": False,
        "more": {},
        "initial": next(iter(initial), None),
    }


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_openid_client_registers_itself(clients: Clients, wanted: Json, method: str) -> None:
    metadata = METADATA | {"token_endpoint_auth_method": method}
    client = clients.node("openid-client registered", wanted | {"metadata": metadata}).found()
    assert ("client_secret" in client) == (method != "none")
    assert client["token_endpoint_auth_method"] == method
    wanted |= {
        "client_id": client["client_id"],
        "client_secret": client.get("client_secret"),
        "in_body": method == "client_secret_post",
    }
    begun = clients.node("openid-client begin", wanted).found()
    async with visiting("shopper") as visitor:
        callback = (await visitor.walk(begun["url"])).headers["Location"]
    found = clients.node("openid-client redeemed", wanted | begun | {"callback": callback}).found()
    assert found["claims"]["aud"] == client["client_id"]


async def test_openid_client_is_refused(clients: Clients, wanted: Json, mode: str) -> None:
    bad = {"metadata": METADATA | {"redirect_uris": ["http://shop.example/callback"]}}
    found = clients.node("openid-client not registered", wanted | bad).found()
    assert found == {"error": "invalid_redirect_uri"}
    good = {"metadata": METADATA}
    if mode == "token":  # which the refusal did not use up
        assert clients.node("openid-client registered", wanted | good).found()["client_secret"]
        challenge = {
            "error": "OAUTH_WWW_AUTHENTICATE_CHALLENGE"
        }  # how the client takes a 401 with a challenge
        for token in (wanted["initial"], None):
            more = wanted | good | {"initial": token}
            assert clients.node("openid-client not registered", more).found() == challenge
