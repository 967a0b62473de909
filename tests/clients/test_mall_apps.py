"""Unmodified OAuth 2.0 clients sign users of the mall in, against the whole service."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from lingpai.core.issuer_records import App
from lingpai.core.user_records import Profile
from lingpai.issuer import admin
from lingpai.service import open_issuers
from lingpai.settings import Settings
from tests.clients.running import Clients
from tests.clients.stack import Stack
from tests.issuer.dialects.visitors import PASSWORD, Visitor, visiting

Json = dict[str, Any]
CLIENT_ID, SECRET = "100001", "0123456789abcdef0123456789abcdef01234567"
REDIRECT = "https://shop.example/callback?from=mall"
SELLER = "倍升互联(北京)科技有限公司"
REALMS: Json = {
    "mall": {"dialect": "mall"},
    "mall-scoped": {"dialect": "mall", "prefix": "/scoped", "default_scope": "basic"},
}
EXCEPTIONS = {
    "run_requests_oauthlib": ["InvalidGrantError", "InvalidClientError"],
    "run_authlib": ["OAuthError", "OAuthError"],
}
"""What each client makes of the two errors, by its script."""
REFUSALS = [
    ["invalid_grant", "Authorization code doesn't exist or is invalid for the client"],
    ["invalid_client", "There is no such app, or its secret is wrong."],
]


async def add_shop(settings: Settings) -> None:
    async with open_issuers(settings) as issuers:
        for name in REALMS:
            issuer = issuers[name]
            app = App(realm=name, app_id=CLIENT_ID, name="Shop", redirect_uris=(REDIRECT,))
            await admin.declare_app(issuer, app, SECRET)
            await admin.add_user(issuer, "seller", PASSWORD, Profile(seller_name=SELLER))


@pytest.fixture
def extras() -> Json:
    return {"add": add_shop, "realms": REALMS}


@pytest.fixture
async def seller() -> AsyncIterator[Visitor]:
    async with visiting("seller") as visitor:
        yield visitor


async def demand_signed_in(
    clients: Clients, script: str, mall: str, seller: Visitor, *, in_body: bool = False
) -> Json:
    """Go all the way with a client; returns what it was answered in the exchange."""
    wanted = {
        "mall": mall,
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "redirect_uri": REDIRECT,
        "in_body": in_body,
    }
    begun = clients.oauth(script, wanted).found()
    assert ("code_challenge=" in begun["url"]) == ("verifier" in begun)
    callback = (await seller.walk(begun["url"])).headers["Location"]
    assert callback.startswith(REDIRECT + "&code=")
    found = clients.oauth(script, wanted | begun | {"callback": callback}).found()
    token, refreshed = found["token"], found["refreshed"]
    assert token["token_type"] == "Bearer"
    assert 3590 <= token["expires_in"] <= 3600  # the clock is a real one here
    result = found["open_id"]["result"]
    assert (result["access_token"], result["client_id"]) == (token["access_token"], CLIENT_ID)
    assert refreshed["access_token"] != token["access_token"]
    assert refreshed["refresh_token"] != token["refresh_token"]
    assert found["info"] == {"status": 1, "msg": "操作成功!", "result": {"seller_name": SELLER}}
    assert [error[1:] for error in found["errors"]] == REFUSALS
    assert [error[0] for error in found["errors"]] == EXCEPTIONS[script]
    # The code's second use within its grace is refused and ends nothing: a callback may be loaded twice.
    assert found["afterwards"] == found["info"]
    answer: Json = token
    return answer


@pytest.mark.parametrize("in_body", [False, True], ids=["basic", "body"])
@pytest.mark.parametrize("script", EXCEPTIONS)
async def test_a_user_is_signed_in(
    script: str, in_body: bool, stack: Stack, clients: Clients, seller: Visitor
) -> None:
    token = await demand_signed_in(clients, script, f"{stack.url}/v1/oauth2", seller, in_body=in_body)
    assert token["scope"] is None


@pytest.mark.parametrize("script", EXCEPTIONS)
async def test_a_realm_with_a_default_scope(
    script: str, stack: Stack, clients: Clients, seller: Visitor
) -> None:
    token = await demand_signed_in(clients, script, f"{stack.url}/scoped/oauth2", seller)
    assert token["scope"] in ("basic", ["basic"])  # the one as it came, the other as a list
