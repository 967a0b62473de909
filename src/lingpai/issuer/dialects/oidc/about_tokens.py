"""`/introspect` (RFC 7662) and `/revoke` (RFC 7009): a client asks about its own tokens, and ends them."""

from typing import Final

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import HandleKind
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.clients import Clients
from lingpai.issuer.dialects.oidc.params import AboutTokenParams, Introspected
from lingpai.issuer.dialects.oidc.shape import CORS, JSON, UNSTORED
from lingpai.issuer.verbs.check import resolve_access_token, resolve_app_token
from lingpai.issuer.verbs.end import end_token
from lingpai.issuer.verbs.requests import each_once
from lingpai.issuer.verbs.resolve_refresh import resolve_refresh_token

UNKNOWN: Final = Introspected(active=False)
_KINDS: Final = (
    (HandleKind.ACCESS, resolve_access_token, "Bearer"),
    (HandleKind.APP_TOKEN, resolve_app_token, "Bearer"),
    (HandleKind.REFRESH, resolve_refresh_token, ""),
)


class AboutTokens:
    """What clients may learn of their tokens.

    Args:
        issuer: the realm.
        url: its issuer identifier.
        clients: authenticates clients.
    """

    def __init__(self, issuer: Issuer, url: str, clients: Clients) -> None:
        self._issuer = issuer
        self._clients = clients
        self._url = url

    async def introspect(self, params: AboutTokenParams, call: Call) -> Introspected:
        """Whether a token of the client is live, and what for. Of all other tokens nothing is told."""
        app = await self._caller(params, call, "/introspect", public=False)
        token = _token_of(params)
        for kind, resolve, token_type in _KINDS:
            handle = self._issuer.unseal(token, kind)
            if handle is None:
                continue
            try:
                resolved = await resolve(self._issuer, token, app)
            except LingpaiError as error:
                if error.kind is Kind.STORE_UNAVAILABLE:
                    raise
                return UNKNOWN
            return Introspected(
                active=True,
                scope=resolved.scope or "",
                client_id=resolved.app_id,
                token_type=token_type,
                exp=resolved.expires_at,
                iat=self._issuer.wall(handle.issued_at),
                sub=resolved.open_id or resolved.app_id,
                iss=self._url,
            )
        return UNKNOWN

    async def revoke(self, params: AboutTokenParams, call: Call) -> Reply:
        """End what a token of the client stands for; others' and unknown ones are no error (RFC 7009 §2.2)."""
        app = await self._caller(params, call, "/revoke")
        await end_token(self._issuer, app, _token_of(params), "revoked by its app")
        return Reply(b"", 200, JSON, UNSTORED + CORS)

    async def _caller(self, params: AboutTokenParams, call: Call, path: str, *, public: bool = True) -> App:
        app, once = await self._clients.authenticate(params, call, self._url + path, public=public)
        async with each_once(self._issuer, once, first=True):
            return app


def _token_of(params: AboutTokenParams) -> str:
    if params.token is None:
        raise LingpaiError(Kind.MISSING_PARAMETER, "The parameter token is missing.", parameter="token")
    return params.token
