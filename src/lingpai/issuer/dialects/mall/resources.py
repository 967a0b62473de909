"""`/getOpenId` and `/getUserInfo` (docs/spec/mall.md, "Errors: getOpenId and getUserInfo")."""

import re

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.mall.params import OpenId, ResourceParams, UserInfo
from lingpai.issuer.dialects.mall.policy import Scopes
from lingpai.issuer.scopes import require_scope
from lingpai.issuer.verbs.check import Resolved, resolve_access_token

_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)
"""RFC 6750 §2.1."""


class Resources:
    """The resources of a realm: data of the user that an access token belongs to."""

    def __init__(self, issuer: Issuer, scopes: Scopes) -> None:
        self._issuer = issuer
        self._scopes = scopes

    async def open_id(self, params: ResourceParams, call: Call) -> OpenId:
        """Return the open_id of the token's user, and the token itself."""
        token = _token_of(params, call)
        resolved = await self._resolve(token, self._scopes.open_id, call)
        return OpenId(token, resolved.app_id, resolved.expires_at, resolved.scope, resolved.open_id)

    async def user_info(self, params: ResourceParams, call: Call) -> UserInfo:
        """Return the user's data as a seller."""
        resolved = await self._resolve(_token_of(params, call), self._scopes.user_info, call)
        user = await self._issuer.store.find_user(resolved.grant.user or 0)
        if user is None:
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The user was removed.")
        return UserInfo(user.profile.seller_name)

    async def _resolve(self, token: str, needed: str, call: Call) -> Resolved:
        resolved = await resolve_access_token(self._issuer, token)
        call.caller = resolved.app_id
        if needed:
            require_scope(needed, resolved.scope)
        return resolved


def _token_of(params: ResourceParams, call: Call) -> str:
    """Return the token from the header or the parameter; one in query and form at once was refused before."""
    header = (call.header("authorization") or "").strip()
    if not header:
        if params.access_token is None:
            raise LingpaiError(Kind.MISSING_PARAMETER, "There is no access token in the request.")
        return params.access_token
    if params.access_token is not None:
        raise LingpaiError(Kind.REPEATED_PARAMETER, "Send the access token in one place only.")
    found = _BEARER.fullmatch(header)
    if found is None:
        raise LingpaiError(Kind.INVALID_PARAMETER, "The Authorization header is malformed.")
    return found[1]
