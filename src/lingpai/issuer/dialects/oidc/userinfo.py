"""`/userinfo` (OpenID Connect Core §5.3)."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.wire import Call
from lingpai.issuer.bearer import bearer_token
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.access_tokens import AccessTokens
from lingpai.issuer.dialects.oidc.params import Claims, UserinfoParams
from lingpai.issuer.dialects.oidc.policy import OPENID, PROFILE
from lingpai.issuer.dialects.oidc.resources import Resources
from lingpai.issuer.dialects.oidc.users import profile_claims
from lingpai.issuer.scopes import require_scope


class Userinfo:
    """What a realm tells a client about its user.

    Args:
        issuer: the realm.
        access_tokens: its access tokens.
        resources: its resource servers; a token for another than this endpoint does not open it.
    """

    def __init__(self, issuer: Issuer, access_tokens: AccessTokens, resources: Resources) -> None:
        self._issuer = issuer
        self._access_tokens = access_tokens
        self._resources = resources

    async def userinfo(self, params: UserinfoParams, call: Call) -> Claims:
        """The claims that the user allowed; always `sub`."""
        token = bearer_token(call, params.access_token)
        resolved, _, resource, _ = await self._access_tokens.read(token, HandleKind.ACCESS)
        call.caller = resolved.app_id
        if resource is not None and resource is not self._resources.userinfo:
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The access token is for another resource.")
        require_scope(OPENID, resolved.scope)
        claims: Claims = {"sub": resolved.open_id}
        if PROFILE in (resolved.scope or "").split():
            user = await self._issuer.store.find_user(resolved.grant.user or 0)
            if user is None:
                raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The user is gone.")
            claims |= profile_claims(user)
        return claims
