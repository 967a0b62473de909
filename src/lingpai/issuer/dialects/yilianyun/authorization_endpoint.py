"""`/oauth/authorize`: checks by this dialect's table, then login and consent (docs/spec/yilianyun.md).

Errors of a request are shown on a page, never redirected.
"""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import AppMode
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import Entry
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yilianyun.calls import scope_of
from lingpai.issuer.dialects.yilianyun.params import AuthorizeParams, require, text_of
from lingpai.issuer.dialects.yilianyun.policy import CODE
from lingpai.issuer.http_status import HTTP_STATUS
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.verbs.apps import find_app, require_grant, require_listed, require_mode
from lingpai.issuer.verbs.authorization_requests import Asked


class AuthorizationEndpoint:
    """The authorization endpoint of one realm.

    Args:
        issuer: the realm.
        entry: its pages, where the merchant also chooses the terminal.
    """

    def __init__(self, issuer: Issuer, entry: Entry) -> None:
        self._issuer = issuer
        self._entry = entry

    async def authorize(self, params: AuthorizeParams, call: Call) -> Reply:
        """Send the merchant's browser to login and consent."""
        require(params, "client_id", "response_type", "redirect_uri", "state")
        if params.response_type != "code":
            raise LingpaiError(
                Kind.UNSUPPORTED_RESPONSE_TYPE,
                "The response type is not allowed.",
                parameter="response_type",
            )
        app = await find_app(self._issuer, text_of(params.client_id))
        call.caller = app.app_id
        choose_redirect(
            app.redirect_uris, params.redirect_uri, loopback_ports=self._issuer.policy.loopback_ports
        )
        require_listed(app)
        require_grant(app, CODE)
        require_mode(app, AppMode.OPEN)
        asked = Asked(redirect_uri=params.redirect_uri, scope=scope_of(app), state=params.state)
        return await self._entry.open(call, app, asked)

    def page(self, error: LingpaiError, call: Call) -> Reply:
        """Return the error page for a browser, with an error status (threat A1)."""
        return msgspec.structs.replace(
            self._entry.error_page(error, call), status=HTTP_STATUS.get(error.kind, 400)
        )
