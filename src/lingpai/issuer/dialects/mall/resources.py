"""`/getOpenId` and `/getUserInfo` (docs/spec/mall.md, "Errors of getOpenId and getUserInfo")."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.wire import Call
from lingpai.issuer.bearer import bearer_token
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.mall.params import OpenId, ResourceParams, UserInfo
from lingpai.issuer.dialects.mall.policy import Scopes
from lingpai.issuer.lookups import begin_look_up
from lingpai.issuer.scopes import require_scope
from lingpai.issuer.verbs.check import Resolved, resolve


class Resources:
    """The resources of a realm: data of the user that an access token belongs to."""

    def __init__(self, issuer: Issuer, scopes: Scopes) -> None:
        self._issuer = issuer
        self._scopes = scopes

    async def open_id(self, params: ResourceParams, call: Call) -> OpenId:
        """Return the open_id of the token's user, and the token itself."""
        token = bearer_token(call, params.access_token)
        resolved = await self._resolve(token, self._scopes.open_id, call)
        return OpenId(token, resolved.app_id, resolved.expires_at, resolved.scope, resolved.open_id)

    async def user_info(self, params: ResourceParams, call: Call) -> UserInfo:
        """Return the user's data as a seller."""
        resolved = await self._resolve(bearer_token(call, params.access_token), self._scopes.user_info, call)
        user = await self._issuer.store.find_user(resolved.grant.user or 0)
        if user is None:
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The user was removed.")
        return UserInfo(user.profile.seller_name)

    async def _resolve(self, token: str, needed: str, call: Call) -> Resolved:
        begun = begin_look_up(self._issuer, token, HandleKind.ACCESS)
        resolved = await resolve(self._issuer, HandleKind.ACCESS, begun)
        call.caller = resolved.app_id
        if needed:
            require_scope(needed, resolved.scope)
        return resolved
