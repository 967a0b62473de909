"""The token endpoints `/accessToken` and `/refreshToken`.

Source: docs/spec/mall.md, "Errors of accessToken and refreshToken, in this order".
"""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.basic import basic_credentials
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.mall.cors import Cors
from lingpai.issuer.dialects.mall.params import IssuedTokens, TokenParams
from lingpai.issuer.dialects.mall.policy import CODE, REFRESH
from lingpai.issuer.dialects.mall.shape import SHAPE
from lingpai.issuer.lookups import LookUp, begin_spending
from lingpai.issuer.oauth_errors import ErrorWithHeaders
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.apps import authenticate_app, authenticate_public, require_grant
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh


class TokenEndpoint:
    """The token endpoints of one realm.

    Both answer both grant types, as generic clients know one token URL.

    Args:
        issuer: the realm.
        cors: the rules by which pages may read the answers.
    """

    def __init__(self, issuer: Issuer, cors: Cors) -> None:
        self._issuer = issuer
        self._cors = cors
        self._grants = {CODE: self._redeem, REFRESH: self._refresh}

    async def token(self, params: TokenParams, call: Call) -> IssuedTokens | Reply:
        """Issue a pair of tokens for a code or a refresh token; pages of public clients may read the answer."""
        origin = call.header("origin")
        if origin is None or params.client_id is None:
            return await self._token(params, call)
        headers = await self._cors.readers(str(params.client_id), origin)
        try:
            issued = await self._token(params, call)
        except LingpaiError as error:
            raise ErrorWithHeaders(error, headers) from error
        answer = SHAPE.success(issued, call.trace_id)
        return msgspec.structs.replace(answer, headers=answer.headers + headers)

    async def _token(self, params: TokenParams, call: Call) -> IssuedTokens:
        if params.grant_type is None:
            raise _missing("grant_type")
        grant = self._grants.get(params.grant_type)
        if grant is None:
            raise LingpaiError(Kind.UNSUPPORTED_GRANT_TYPE, "Unknown grant type.")
        begun = begin_spending(self._issuer, params.grant_type, params.code, params.refresh_token)
        app = await self._authenticate(params, call)
        call.caller = app.app_id
        tokens = await grant(app, params, begun)
        return IssuedTokens(
            tokens.access_token, tokens.expires_in, "Bearer", tokens.scope, tokens.refresh_token
        )

    async def _redeem(self, app: App, params: TokenParams, begun: LookUp | None) -> Tokens:
        if params.code is None:
            raise _missing("code")

        return await redeem(
            self._issuer,
            app,
            params.code,
            scope=params.scope,
            redirect_uri=params.redirect_uri,
            verifier=params.code_verifier,
            demand=lambda _grant: require_grant(app, CODE),
            begun=begun,
        )

    async def _refresh(self, app: App, params: TokenParams, begun: LookUp | None) -> Tokens:
        if params.refresh_token is None:
            raise _missing("refresh_token")
        return await refresh(
            self._issuer,
            app,
            params.refresh_token,
            scope=params.scope,
            demand=lambda _grant: require_grant(app, REFRESH),
            begun=begun,
        )

    async def _authenticate(self, params: TokenParams, call: Call) -> App:
        """Return the app, authenticated by Basic or body; a public client by its id alone (RFC 6749 §3.2.1).

        Credentials in both places are refused, as they may differ (threat D37).
        """
        given = None if params.client_id is None else str(params.client_id)
        basic = basic_credentials(call)
        secrets: tuple[str, ...]
        if basic is None:
            app_id, secrets = given or "", (params.client_secret or "",)
        elif params.client_secret is None and given in {None, *basic.app_ids}:
            app_id, secrets = await self._named(basic.app_ids), basic.secrets
        else:
            raise LingpaiError(
                Kind.INVALID_PARAMETER,
                "Send the client credentials in one place only.",
                parameter="client_id",
            )
        if not app_id:
            raise LingpaiError(
                Kind.INVALID_CLIENT, "The request has no client credentials in header or body."
            )
        secret, *readings = secrets
        if not secret:
            return await authenticate_public(self._issuer, app_id, call.peer)
        return await authenticate_app(self._issuer, app_id, secret, call.peer, readings=readings)

    async def _named(self, readings: tuple[str, ...]) -> str:
        """Return the reading that is an app's id, or the first when none is."""
        for app_id in readings[1:]:
            if await self._issuer.store.find_app(self._issuer.realm, app_id) is not None:
                return app_id
        return readings[0]


def _missing(name: str) -> LingpaiError:
    return LingpaiError(Kind.MISSING_PARAMETER, f"The parameter {name} is missing.", parameter=name)
