"""`/introspect` (RFC 7662) and `/revoke` (RFC 7009): clients and resource servers ask, and clients end tokens."""

from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.access_tokens import AccessTokens, Live, is_signed
from lingpai.issuer.dialects.oidc.clients import Clients
from lingpai.issuer.dialects.oidc.params import AboutTokenParams, Introspected
from lingpai.issuer.dialects.oidc.shape import CORS, UNSTORED
from lingpai.issuer.lookups import begin_look_up
from lingpai.issuer.verbs.end import end_grant, end_token
from lingpai.issuer.verbs.requests import each_once
from lingpai.issuer.verbs.resolve_refresh import resolve_refresh_token

UNKNOWN: Final = Introspected(active=False)
_REASON: Final = "revoked by its app"


class AboutTokens:
    """Introspection and revocation of tokens.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        clients: authenticates clients.
        access_tokens: its access tokens.
    """

    def __init__(self, issuer: Issuer, url: str, clients: Clients, access_tokens: AccessTokens) -> None:
        self._issuer = issuer
        self._clients = clients
        self._url = url
        self._access_tokens = access_tokens

    async def introspect(self, params: AboutTokenParams, call: Call) -> Introspected:
        """Return whether a token is live, and for what: to its client, and to the resource server that it is for.

        Nothing is revealed about other tokens.
        """
        app = await self._caller(params, call, "/introspect", public=False)
        token = _token_of(params)
        try:
            live, token_type = await self._find(token, app)
        except LingpaiError as error:
            if error.kind is Kind.STORE_UNAVAILABLE:
                raise
            return UNKNOWN
        if live is None or not _may_ask(app, live):
            return UNKNOWN
        resolved, issued_at, resource, jti, jkt = live
        return Introspected(
            active=True,
            scope=resolved.scope or "",
            client_id=resolved.app_id,
            token_type="DPoP" if jkt else token_type,
            exp=resolved.expires_at,
            iat=self._issuer.wall(issued_at),
            sub=resolved.open_id or resolved.app_id,
            aud="" if resource is None else resource.uri,
            iss=self._url,
            jti=jti,
            cnf={"jkt": jkt} if jkt else None,
        )

    async def revoke(self, params: AboutTokenParams, call: Call) -> Reply:
        """End the grant of a client's token; others' and unknown tokens are no error (RFC 7009 §2.2)."""
        app = await self._caller(params, call, "/revoke")
        token = _token_of(params)
        found = await self._access_tokens.look_up_signed(token)
        if found is None:
            await end_token(self._issuer, app, token, _REASON)
        elif found[2].grant.app == app.id:
            await end_grant(self._issuer, found[2].grant, _REASON)
        return Reply(b"", 200, "", UNSTORED + CORS)

    async def _caller(self, params: AboutTokenParams, call: Call, path: str, *, public: bool = True) -> App:
        app, once = await self._clients.authenticate(params, call, self._url + path, public=public)
        if once:
            async with each_once(self._issuer, once, first=True):
                pass
        return app

    async def _find(self, token: str, app: App) -> tuple[Live | None, str]:
        """Return the content of a live token, and its type; None for a text that is no token.

        Raises:
            LingpaiError: it is over; STORE_UNAVAILABLE.
        """
        if is_signed(token):
            return await self._access_tokens.read_signed(token), "Bearer"
        for kind in (HandleKind.ACCESS, HandleKind.APP_TOKEN):
            begun = begin_look_up(self._issuer, token, kind)
            if not isinstance(begun, tuple) or begun[0] is not None:
                return await self._access_tokens.read_begun(begun, kind), "Bearer"
        handle = self._issuer.unseal(token, HandleKind.REFRESH)
        if handle is not None:
            return Live(await resolve_refresh_token(self._issuer, token, app), handle.issued_at), ""
        return None, ""


def _may_ask(app: App, live: Live) -> bool:
    """True when a token is the client's own, or for the resource server that this client is."""
    resolved, resource = live.resolved, live.resource
    return resolved.grant.app == app.id or (resource is not None and resource.introspector == app.app_id)


def _token_of(params: AboutTokenParams) -> str:
    if params.token is None:
        raise LingpaiError(Kind.MISSING_PARAMETER, "The parameter token is missing.", parameter="token")
    return params.token
