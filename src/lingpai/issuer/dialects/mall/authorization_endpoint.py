"""`/authorize`: checks by this dialect's table, then login and consent (docs/spec/mall.md, "Errors of authorize")."""

from collections.abc import Mapping

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import Entry, refusal
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.mall.params import AuthorizeParams
from lingpai.issuer.dialects.mall.policy import CODE, Scopes
from lingpai.issuer.dialects.mall.shape import STYLE, describe
from lingpai.issuer.oauth_errors import INVALID_REQUEST, INVALID_SCOPE, UNAUTHORIZED
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.scopes import narrow_scope
from lingpai.issuer.verbs.apps import find_app, require_grant, require_listed
from lingpai.issuer.verbs.authorization_requests import Asked

REDIRECTED: Mapping[Kind, str] = {
    Kind.MISSING_PARAMETER: INVALID_REQUEST,
    Kind.INVALID_PARAMETER: INVALID_REQUEST,
    Kind.INVALID_PKCE: INVALID_REQUEST,
    Kind.UNSUPPORTED_RESPONSE_TYPE: "unsupported_response_type",
    Kind.UNAUTHORIZED_CLIENT: UNAUTHORIZED,
    Kind.INVALID_SCOPE: INVALID_SCOPE,
}
"""Errors that are sent to the app by redirect, once the app and its redirect URI are valid; no others are."""


class AuthorizationEndpoint:
    """The authorization endpoint of one realm.

    Args:
        issuer: the realm.
        entry: its pages.
        scopes: the scopes of the realm.
    """

    def __init__(self, issuer: Issuer, entry: Entry, scopes: Scopes) -> None:
        self._issuer = issuer
        self._entry = entry
        default = (issuer.policy.default_scope or "").split()
        self._offered = frozenset((*scopes.offered, *default))

    async def authorize(self, params: AuthorizeParams, call: Call) -> Reply:
        """Send the browser to login and consent, or back to the app with an error."""
        app = await self._known_app(params)
        call.caller = app.app_id
        uri = choose_redirect(
            app.redirect_uris, params.redirect_uri, loopback_ports=self._issuer.policy.loopback_ports
        )
        try:
            _check_response_type(params.response_type)
            require_grant(app, CODE)
            self._check_scope(app, params.scope)
            return await self._entry.open(call, app, _asked(params))
        except LingpaiError as error:
            name = REDIRECTED.get(error.kind)
            if name is None:
                raise
            return refusal(STYLE, uri, params.state, name, describe(error)[2])

    def page(self, error: LingpaiError, call: Call) -> Reply:
        """Return the error page for a browser, with this dialect's status."""
        return msgspec.structs.replace(self._entry.error_page(error, call), status=describe(error)[0])

    async def _known_app(self, params: AuthorizeParams) -> App:
        if params.client_id is None:
            raise LingpaiError(Kind.INVALID_CLIENT, "No client id was given.", parameter="client_id")
        app = await find_app(self._issuer, str(params.client_id))
        if app.disabled:
            raise LingpaiError(Kind.UNKNOWN_APP, "There is no such app.")
        require_listed(app)
        return app

    def _check_scope(self, app: App, asked: str | None) -> None:
        allowed = frozenset(app.scopes) or self._offered
        if asked and not allowed:
            raise LingpaiError(Kind.INVALID_SCOPE, "Scopes are not supported here.", parameter="scope")
        narrow_scope(asked, allowed, None)


def _check_response_type(given: str | None) -> None:
    if given == "code":
        return
    if given == "token":
        raise LingpaiError(Kind.UNSUPPORTED_RESPONSE_TYPE, "Tokens are only issued for a code.")
    if given is None:
        raise LingpaiError(Kind.MISSING_PARAMETER, "The response type is missing.", parameter="response_type")
    raise LingpaiError(Kind.INVALID_PARAMETER, "Unknown response type.", parameter="response_type")


def _asked(params: AuthorizeParams) -> Asked:
    return Asked(
        redirect_uri=params.redirect_uri,
        scope=params.scope,
        state=params.state,
        challenge=params.code_challenge or "",
        challenge_method=params.code_challenge_method or "",
    )
