"""`/userinfo` (OpenID Connect Core §5.3)."""

import re

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.params import Claims, UserinfoParams
from lingpai.issuer.dialects.oidc.policy import OPENID, PROFILE
from lingpai.issuer.dialects.oidc.users import profile_claims
from lingpai.issuer.scopes import require_scope
from lingpai.issuer.verbs.check import resolve_access_token

_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)
"""RFC 6750 §2.1."""


class Userinfo:
    """What a realm tells a client about its user.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def userinfo(self, params: UserinfoParams, call: Call) -> Claims:
        """The claims that the user allowed; always `sub`."""
        resolved = await resolve_access_token(self._issuer, _token_of(params, call))
        call.caller = resolved.app_id
        require_scope(OPENID, resolved.scope)
        claims: Claims = {"sub": resolved.open_id}
        if PROFILE in (resolved.scope or "").split():
            user = await self._issuer.store.find_user(resolved.grant.user or 0)
            if user is None:
                raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The user is gone.")
            claims |= profile_claims(user)
        return claims


def _token_of(params: UserinfoParams, call: Call) -> str:
    """The token from the header or a form; never from the query, which logs keep (RFC 6750 §5.3)."""
    header = (call.header("authorization") or "").strip()
    if not header:
        if params.access_token is None:
            raise LingpaiError(Kind.MISSING_PARAMETER, "There is no access token in the request.")
        return params.access_token
    if params.access_token is not None:
        raise LingpaiError(Kind.INVALID_PARAMETER, "The access token may come in one place only.")
    found = _BEARER.fullmatch(header)
    if found is None:
        raise LingpaiError(Kind.INVALID_PARAMETER, "The Authorization header is malformed.")
    return found[1]
