"""`/userinfo` (OpenID Connect Core §5.3)."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.wire import Call
from lingpai.issuer.bearer import bearer_token
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.access_tokens import AccessTokens, Live
from lingpai.issuer.dialects.oidc.dpop import Proofs, dpop_token, refused
from lingpai.issuer.dialects.oidc.params import Claims, UserinfoParams
from lingpai.issuer.dialects.oidc.policy import OPENID
from lingpai.issuer.dialects.oidc.resources import USERINFO, Resources
from lingpai.issuer.dialects.oidc.shape import ProofError
from lingpai.issuer.dialects.oidc.users import claims_of, names_of
from lingpai.issuer.scopes import require_scope
from lingpai.issuer.sign_ins import read_sign_in


class Userinfo:
    """The claims of a user, for clients.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        access_tokens: its access tokens.
        resources: its resource servers; a token for another than this endpoint does not open it.
        proofs: reads proofs of keys.
    """

    def __init__(
        self,
        issuer: Issuer,
        url: str,
        access_tokens: AccessTokens,
        resources: Resources,
        proofs: Proofs,
    ) -> None:
        self._issuer = issuer
        self._address = url + USERINFO
        self._proofs = proofs
        self._access_tokens = access_tokens
        self._resources = resources

    async def userinfo(self, params: UserinfoParams, call: Call) -> Claims:
        """The claims that the user allowed; always `sub`."""
        token = dpop_token(call) if params.access_token is None else None
        if token is None:
            live = await self._access_tokens.read(bearer_token(call, params.access_token), HandleKind.ACCESS)
            if live.jkt:
                raise _invalid_token("The access token needs a DPoP proof.")
        else:
            live = await self._proven(token, call)
        resolved, resource = live.resolved, live.resource
        call.caller = resolved.app_id
        if resource is not None and resource is not self._resources.userinfo:
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The access token is for another resource.")
        require_scope(OPENID, resolved.scope)
        names = names_of(resolved.scope)
        if "userinfo" in resolved.grant.nonce and not resolved.words:
            names += read_sign_in(resolved.grant).userinfo
        found = await claims_of(self._issuer, resolved.grant.user or 0, names) if names else {}
        if found is None:
            raise LingpaiError(Kind.INVALID_ACCESS_TOKEN, "The user is gone.")
        claims: Claims = {"sub": resolved.open_id}
        return claims | found

    async def _proven(self, token: str, call: Call) -> Live:
        """Return the content of a token that comes with a proof of its key."""
        proof = self._proofs.read(call, self._address, token=token)
        if proof is None:
            raise refused("There is no DPoP proof.")
        try:
            live = await self._access_tokens.read(token, HandleKind.ACCESS)
        except LingpaiError as error:
            if error.kind is Kind.STORE_UNAVAILABLE:  # which says nothing about the token
                raise
            raise ProofError(error, ()) from error
        if live.jkt != proof.jkt:
            raise _invalid_token("The access token is bound to another key.")
        self._proofs.once_here(proof)
        return live


def _invalid_token(reason: str) -> ProofError:
    return ProofError(LingpaiError(Kind.INVALID_ACCESS_TOKEN, reason), ())
