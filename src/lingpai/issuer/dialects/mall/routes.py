"""The routes of the dialect (docs/spec/mall.md, "Endpoints"), for one realm at a time."""

import dataclasses

from lingpai.core.wire import Reply, Route, Shape, Source
from lingpai.issuer.authorizations import Entry
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.mall import params as wire
from lingpai.issuer.dialects.mall.authorization_endpoint import AuthorizationEndpoint
from lingpai.issuer.dialects.mall.cors import Cors, NoParams
from lingpai.issuer.dialects.mall.policy import Scopes
from lingpai.issuer.dialects.mall.resources import Resources
from lingpai.issuer.dialects.mall.shape import SHAPE, ResourceShape
from lingpai.issuer.dialects.mall.token_endpoint import TokenEndpoint

FOLDERS = ("/v1/oauth2", "/oauth2")
"""The original shows both."""

QUERY = Source.QUERY | Source.NO_LISTS
BODY = Source.FORM | Source.JSON | Source.NO_LISTS
TOKEN = Source.QUERY | Source.URLENCODED | Source.ONE_PLACE | Source.NO_LISTS


def routes(
    issuer: Issuer, entry: Entry, *, prefix: str = "", scopes: Scopes | None = None
) -> tuple[Route, ...]:
    """Return all routes of one realm. Each realm has its own prefix.

    Args:
        issuer: the realm.
        entry: its pages.
        prefix: the path before `/v1/oauth2/…` and `/oauth2/…`, such as "/mall-test"; none when empty.
        scopes: the scopes of the realm; none when not given, as in the original.
    """
    scopes = scopes or Scopes()
    authorization = AuthorizationEndpoint(issuer, entry, scopes)
    cors = Cors(issuer)
    tokens, resources = TokenEndpoint(issuer, cors), Resources(issuer, scopes)
    resource, tag = ResourceShape(issuer.realm), f"Mall: {issuer.realm}"
    declared = (
        Route(("GET",), "/authorize", wire.AuthorizeParams, QUERY, authorization.authorize, SHAPE,
              "Log a user in and ask for consent", Reply, tag, authorization.page),
        Route(("POST",), "/accessToken", wire.TokenParams, BODY, tokens.token, SHAPE,
              "Exchange a code or a refresh token for tokens", wire.IssuedTokens, tag, quick=True),
        Route(("POST",), "/refreshToken", wire.TokenParams, BODY, tokens.token, SHAPE,
              "Exchange a refresh token or a code for tokens", wire.IssuedTokens, tag, quick=True),
        *(Route(("OPTIONS",), path, NoParams, Source.QUERY, cors.preflight, SHAPE,
                "CORS preflight of public clients", Reply, tag) for path in ("/accessToken", "/refreshToken")),
        Route(("GET", "POST"), "/getOpenId", wire.ResourceParams, TOKEN, resources.open_id, resource,
              "Get the user's open_id; expires is the Unix time of the token's expiry", wire.OpenId, tag, quick=True),
        Route(("GET", "POST"), "/getUserInfo", wire.ResourceParams, TOKEN, resources.user_info, resource,
              "Get the user's shop name", wire.UserInfo, tag, quick=True),
    )  # fmt: skip
    return tuple(
        dataclasses.replace(route, path=prefix + folder + route.path)
        for folder in FOLDERS
        for route in declared
    )


def fallback(prefix: str = "") -> tuple[tuple[str, Shape], ...]:
    """Return prefixes of unrouted paths that are answered in this dialect's shape, for `create_app`."""
    folders = (prefix,) if prefix else FOLDERS
    return tuple((folder + "/", SHAPE) for folder in folders)
