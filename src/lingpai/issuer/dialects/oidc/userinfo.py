"""`/userinfo` (OpenID Connect Core §5.3)."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.issuer.bearer import bearer_token
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.params import Claims, UserinfoParams
from lingpai.issuer.dialects.oidc.policy import OPENID, PROFILE
from lingpai.issuer.dialects.oidc.users import profile_claims
from lingpai.issuer.scopes import require_scope
from lingpai.issuer.verbs.check import resolve_access_token


class Userinfo:
    """What a realm tells a client about its user.

    Args:
        issuer: the realm.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    async def userinfo(self, params: UserinfoParams, call: Call) -> Claims:
        """The claims that the user allowed; always `sub`."""
        resolved = await resolve_access_token(self._issuer, bearer_token(call, params.access_token))
        call.caller = resolved.app_id
        require_scope(OPENID, resolved.scope)
        claims: Claims = {"sub": resolved.open_id}
        if PROFILE in (resolved.scope or "").split():
            user = await self._issuer.store.find_user(resolved.grant.user or 0)
            if user is None:
                raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The user is gone.")
            claims |= profile_claims(user)
        return claims
