"""`/token` (RFC 6749 §3.2, RFC 8707 §2.2, OpenID Connect Core §3.1.3)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App, Grant
from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.access_tokens import AccessTokens
from lingpai.issuer.dialects.oidc.clients import Clients
from lingpai.issuer.dialects.oidc.devices import DeviceEndpoint
from lingpai.issuer.dialects.oidc.dpop import Proofs
from lingpai.issuer.dialects.oidc.id_tokens import IdTokens
from lingpai.issuer.dialects.oidc.params import IssuedTokens, TokenParams
from lingpai.issuer.dialects.oidc.policy import CODE, DEVICE, MACHINE, REFRESH, SCOPES
from lingpai.issuer.dialects.oidc.resources import Resources, Target, scope_at
from lingpai.issuer.dialects.oidc.shape import OPEN
from lingpai.issuer.dialects.oidc.token_checks import Aim, check_redirect, scope_within_reach
from lingpai.issuer.lookups import LookUp, begin_look_up, begin_spending
from lingpai.issuer.sign_ins import bound_key
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.apps import require_grant, require_listed
from lingpai.issuer.verbs.bind import bind_key
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from lingpai.issuer.verbs.requests import each_once
from lingpai.issuer.verbs.reuse import reuse
from lingpai.issuer.verbs.standing import issue_standing_token
from lingpai.store.issuer_port import SignedRequest


class Asked(NamedTuple):
    """A request for tokens of a client that authenticated.

    Attributes:
        params: as given.
        begun: the look-up of what is spent.
        request: what the verb remembers, see `verbs.requests.each_once`.
        jkt: thumbprint of the key whose proof came, or "".
    """

    params: TokenParams
    begun: LookUp | None
    request: SignedRequest | None = None
    jkt: str = ""


GrantTypes = Mapping[str, Callable[[App, Asked], Awaitable[IssuedTokens]]]
"""The functions that answer the grant types."""


class TokenEndpoint:
    """The token endpoint of one realm.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        id_tokens: its id_tokens.
        clients: authenticates clients.
        access_tokens: its access tokens.
        resources: its resource servers.
        proofs: reads proofs of keys.
        devices: its devices.
    """

    def __init__(
        self,
        issuer: Issuer,
        url: str,
        id_tokens: IdTokens,
        clients: Clients,
        access_tokens: AccessTokens,
        resources: Resources,
        *,
        proofs: Proofs,
        devices: DeviceEndpoint,
    ) -> None:
        self._devices = devices
        self._proofs = proofs
        self._issuer = issuer
        self._address = url + "/token"
        self._clients = clients
        self._id_tokens = id_tokens
        self._access_tokens = access_tokens
        self._resources = resources
        self._grants: GrantTypes = {
            CODE: self._redeem,
            REFRESH: self._refresh,
            MACHINE: self._issue,
            DEVICE: self._poll,
        }

    async def token(self, params: TokenParams, call: Call) -> IssuedTokens | Reply:
        """Tokens for a code, for a refresh token, or for the client itself."""
        begun = begin_spending(self._issuer, params.grant_type, params.code, params.refresh_token)
        app, once = await self._clients.authenticate(params, call, self._address)
        if params.grant_type is None:
            raise _missing("grant_type")
        grant = self._grants.get(params.grant_type)
        if grant is None:
            raise LingpaiError(Kind.UNSUPPORTED_GRANT_TYPE, "The grant type is not known.")
        require_grant(app, params.grant_type)
        proof = self._proofs.read(call, self._address)
        if proof is not None:
            once = (*once, proof.once(app))
        elif app.client.dpop_bound_access_tokens:
            raise LingpaiError(Kind.INVALID_PARAMETER, "The client has to send a DPoP proof.")
        if not once:
            return await grant(app, Asked(params, begun))
        first = params.grant_type == MACHINE or (params.grant_type == REFRESH and not app.public)
        async with each_once(self._issuer, once, first=first) as request:
            issued = await grant(app, Asked(params, begun, request, "" if proof is None else proof.jkt))
        if proof is None:
            return issued
        issued.token_type = "DPoP"  # noqa: S105  a kind of token
        reply = OPEN.success(issued, call.trace_id)
        return msgspec.structs.replace(reply, headers=reply.headers + self._proofs.offered())

    async def _redeem(self, app: App, asked: Asked) -> IssuedTokens:
        params = asked.params
        if params.code is None:
            raise _missing("code")
        aim = await self._aim(params, asked.begun)

        def demand(grant: Grant) -> None:
            check_redirect(app, grant, params.redirect_uri)
            aim.check()

        tokens = await redeem(
            self._issuer,
            app,
            params.code,
            verifier=params.code_verifier,
            demand=demand,
            bind=self._binding(asked.jkt, Kind.INVALID_CODE),
            request=asked.request,
            begun=aim.begun,
        )
        return await self._issue_with_id_token(app, tokens, tokens.refresh_token, aim.target)

    async def _poll(self, app: App, asked: Asked) -> IssuedTokens:
        """The tokens that a device waits for: its own handle is the verifier of the code (RFC 8628 §3.4)."""
        given = asked.params.device_code
        code = await self._devices.code_of(app, given)
        begun = begin_look_up(self._issuer, code, HandleKind.CODE)
        params = msgspec.structs.replace(asked.params, code=code, code_verifier=given, redirect_uri=None)
        return await self._redeem(app, asked._replace(params=params, begun=begun))

    async def _refresh(self, app: App, asked: Asked) -> IssuedTokens:
        """A new pair for a public client; one that authenticates keeps its refresh token (RFC 9700 §4.14.2)."""
        params, begun = asked.params, asked.begun
        if params.refresh_token is None:
            raise _missing("refresh_token")
        aim = await self._aim(params, begun)
        scope = scope_within_reach(params.scope, aim.begun)

        def demand(_grant: Grant) -> None:
            aim.check()

        if app.public:
            tokens = await refresh(
                self._issuer,
                app,
                params.refresh_token,
                scope=scope,
                demand=demand,
                bind=self._binding(asked.jkt, Kind.INVALID_REFRESH_TOKEN),
                request=asked.request,
                begun=aim.begun,
            )
        else:  # which has authenticated, and may replace its key
            tokens = await reuse(
                self._issuer,
                app,
                params.refresh_token,
                scope=scope,
                demand=demand,
                bind=self._binding(asked.jkt),
                begun=aim.begun,
            )
        return await self._issue_with_id_token(app, tokens, tokens.refresh_token, aim.target, again=True)

    async def _issue(self, app: App, asked: Asked) -> IssuedTokens:
        if app.public:
            raise LingpaiError(
                Kind.UNAUTHORIZED_CLIENT, "A client without a secret has no tokens of its own."
            )
        require_listed(app)
        params = asked.params
        named = params.resource or app.audience
        target = await self._resources.target_of_client(app, params.resource) if named else None
        own = _others(app.scopes) if app.scopes else ""
        if target is not None:
            own = scope_at(target.resource, own) or ""
        wanted = _others(params.scope.split()) if params.scope else ""
        if params.scope and own and not wanted:  # none asked for would mean all
            raise LingpaiError(
                Kind.INVALID_SCOPE, "These scopes are about users, and here is none.", parameter="scope"
            )
        audience = "" if target is None else target.resource.uri
        tokens = await issue_standing_token(
            self._issuer, app, own or None, wanted or None, audience, asked.jkt
        )
        if target is not None:
            tokens = await self._access_tokens.aimed(app, tokens, target)
        return _issued(tokens)

    def _binding(self, jkt: str, wrong: Kind | None = None) -> Callable[[Grant], Awaitable[Grant | None]]:
        """Return the function that binds a grant to this key (`verbs.bind`), without a write where it is bound.

        Args:
            jkt: the key's thumbprint, "" for none.
            wrong: raised for a grant that is bound to another key; None where the key may be replaced.
        """

        async def bind(grant: Grant) -> Grant | None:
            bound = bound_key(grant)
            if bound == jkt:
                return grant
            if bound and wrong is not None:
                raise LingpaiError(wrong, "It is bound to another key.")
            return await bind_key(self._issuer, grant, jkt, renew=wrong is None)

        return bind

    async def _aim(self, params: TokenParams, begun: LookUp | None) -> "Aim":
        """Find the target of a request's token before anything is spent; an error is raised when all else is right."""
        looked = begun if begun is None or isinstance(begun, tuple) else await begun
        view = None if looked is None else looked[1]
        if view is None or not (params.resource or view.grant.audience):
            return Aim(looked)
        try:
            return Aim(looked, await self._resources.target(view.grant, params.resource))
        except LingpaiError as error:
            if error.kind is not Kind.INVALID_TARGET:
                raise
            return Aim(looked, refusal=error)

    async def _issue_with_id_token(
        self, app: App, tokens: Tokens, refresh_token: str, target: Target | None, *, again: bool = False
    ) -> IssuedTokens:
        may_refresh = not app.grants or REFRESH in app.grants
        if target is not None:
            tokens = await self._access_tokens.aimed(app, tokens, target)
        id_token = await self._id_tokens.make(app, tokens, again=again)
        return _issued(tokens, refresh_token if may_refresh else "", id_token)


def _others(words: Sequence[str]) -> str:
    """The words of a scope that are not the standard's own, which are about users."""
    return " ".join([word for word in words if word not in SCOPES])


def _issued(tokens: Tokens, refresh_token: str = "", id_token: str = "") -> IssuedTokens:
    return IssuedTokens(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106  a kind of token
        expires_in=tokens.expires_in,
        scope=tokens.scope or "",
        refresh_token=refresh_token,
        id_token=id_token,
    )


def _missing(name: str) -> LingpaiError:
    return LingpaiError(Kind.MISSING_PARAMETER, f"The parameter {name} is missing.", parameter=name)
