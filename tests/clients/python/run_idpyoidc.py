"""Signs a user in with idpyoidc and PKCE, and refreshes; the user walks through the pages."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

from idpyoidc.client.rp_handler import RPHandler  # type: ignore[import-not-found] # it is beside the environment

from tests.clients.python.messages import answer, read_wanted
from tests.issuer.dialects.visitors import visiting

PKCE = {
    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}
SERVICES = {
    name: {"class": f"idpyoidc.client.oidc.{path}"}
    for name, path in {
        "discovery": "provider_info_discovery.ProviderInfoDiscovery",
        "authorization": "authorization.Authorization",
        "access_token": "access_token.AccessToken",
        "refresh_access_token": "refresh_access_token.RefreshAccessToken",
        "userinfo": "userinfo.UserInfo",
    }.items()
}


async def walk(wanted: dict[str, Any], url: str) -> dict[str, str]:
    """The parameters with which the user comes back."""
    async with visiting(wanted["login"]) as visitor:
        location = (await visitor.walk(url)).headers["Location"]
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def plain(claims: Any) -> dict[str, Any]:
    """The claims as they were sent: the library makes a list of the audience."""
    return {**claims, "aud": claims["aud"][0]}


def sign_in(wanted: dict[str, Any]) -> dict[str, Any]:
    issuer = wanted["issuer"]
    client = {
        "issuer": issuer,
        "client_type": "oidc",
        "client_id": wanted["client_id"],
        "client_secret": wanted["client_secret"],
        "redirect_uris": [wanted["redirect_uri"]],
        "allow": {"http_links": True},
        "services": SERVICES,
        "add_ons": {"pkce": PKCE},
        "client_authn_methods": [wanted["method"], "bearer_header"],
        "preference": {
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "offline_access"],
            "token_endpoint_auth_methods_supported": [wanted["method"]],
            "id_token_signing_alg_values_supported": [wanted["alg"]],
        },
    }
    handler = RPHandler(base_url="https://shop.example", client_configs={issuer: client})
    begun = handler.begin(
        issuer, req_args={"scope": ["openid", "profile", "offline_access"], "prompt": "consent"}
    )
    url = begun if isinstance(begun, str) else begun["url"]
    ended = handler.finalize(issuer, asyncio.run(walk(wanted, url)))
    renewed = handler.refresh_access_token(ended["state"])
    return {
        "claims": plain(ended["id_token"]),
        "info": dict(ended["userinfo"]),
        "tokens": {"token_type": renewed["token_type"], "expires_in": renewed["expires_in"]},
        "again": plain(renewed["__verified_id_token"]),
    }


if __name__ == "__main__":
    answer(**sign_in(read_wanted()))
