"""`/logout`: a client asks to log its user out (OpenID Connect RP-Initiated Logout 1.0; threats L105, L106)."""

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import Entry
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.oidc.id_tokens import Hint, IdTokens
from lingpai.issuer.dialects.oidc.locales import language_of_locales
from lingpai.issuer.dialects.oidc.params import EndSessionParams
from lingpai.issuer.dialects.oidc.shape import front
from lingpai.issuer.verbs.apps import find_app
from lingpai.issuer.verbs.logout_requests import MAX_STATE, LogoutRequest


class EndSessionEndpoint:
    """The logout endpoint of one realm.

    Args:
        issuer: the realm.
        entry: its pages.
        id_tokens: knows the realm's own id_tokens again.
    """

    def __init__(self, issuer: Issuer, entry: Entry, id_tokens: IdTokens) -> None:
        self._issuer = issuer
        self._entry = entry
        self._id_tokens = id_tokens

    async def end_session(self, params: EndSessionParams, call: Call) -> Reply:
        """Log the user out, or ask them whether they want that, and send the browser back to the client."""
        request = await self._request(params, call)
        return await self._entry.log_out(call, request, language=language_of_locales(params.ui_locales))

    def page(self, error: LingpaiError, call: Call) -> Reply:
        """An error for a browser, which is sent nowhere."""
        return msgspec.structs.replace(self._entry.error_page(error, call), status=front(error)[0])

    async def _request(self, params: EndSessionParams, call: Call) -> LogoutRequest:
        """Return the logout that a client asks for.

        Whose address it is and whose session is shown by the hint alone: anybody may name a client. A hint counts for
        no session when the address is not the client's, so that nobody is logged out by what looks like an attack.

        Raises:
            LingpaiError: INVALID_PARAMETER when the hint is none of ours, or of another client; UNKNOWN_APP.
        """
        hint = await self._hint(params)
        app_id = params.client_id or (hint.aud if hint else "")
        app = await self._known(app_id) if app_id else None
        if app is not None:
            call.caller = app.app_id
        if len(params.state or "") > MAX_STATE:
            raise _invalid(f"The state is longer than {MAX_STATE} characters.", "state")
        request = LogoutRequest(app_id=app_id)
        if app is None or hint is None:
            return request
        uri = params.post_logout_redirect_uri or ""
        if uri and uri not in app.client.post_logout_redirect_uris:
            return request
        return msgspec.structs.replace(
            request, uri=uri, state=params.state, sid=hint.sid, unchecked=app.describes_itself
        )

    async def _hint(self, params: EndSessionParams) -> Hint | None:
        if not params.id_token_hint:
            return None
        hint = await self._id_tokens.read_hint(params.id_token_hint)
        if hint is None:
            raise _invalid("The hint is not an id_token of this server.", "id_token_hint")
        if params.client_id and params.client_id != hint.aud:
            raise _invalid("The hint is an id_token of another client.", "id_token_hint")
        return hint

    async def _known(self, app_id: str) -> App:
        app = await find_app(self._issuer, app_id)
        if app.disabled:
            raise LingpaiError(Kind.UNKNOWN_APP, "There is no such app.")
        return app


def _invalid(reason: str, parameter: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, reason, parameter=parameter)
