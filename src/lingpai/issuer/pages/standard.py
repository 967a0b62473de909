"""Authorization responses of the standard protocol (RFC 6749 §4.1.2, OpenID Connect Core §3.1.2)."""

from typing_extensions import override

from lingpai.core.authorization_records import AuthorizationRequest
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.user_records import User
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import (
    Pairs,
    allowed_pairs,
    allowed_uri,
    answer_uri,
    redirect,
    refusal_pairs,
)
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.authorization_responses import Pending, RedirectMode, Requested, onward
from lingpai.issuer.pages.by_button import by_button
from lingpai.issuer.pages.form_post import form_post
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.redirects import anybody_may_take
from lingpai.issuer.sign_ins import is_expected, write_sign_in
from lingpai.issuer.verbs.authorize import authorize, code_of
from lingpai.issuer.verbs.sessions import require_login
from lingpai.store.issuer_port import Login

OPENID, OFFLINE = "openid", "offline_access"
CLAIM = "claim:"
"""Prefix of the permission for a single claim, before its name."""


class Standard(RedirectMode):
    """A code with what the client asked about the login; who logged in must be whom it expects."""

    @override
    def requested(self, app: App, request: AuthorizationRequest) -> Requested:
        # A public client is asked about each time only where another program could take its answers; a redirect URI
        # that is claimed by https says who it is (RFC 8252 §8.6).
        wishes = request.wishes
        anybody = app.public and anybody_may_take(request.answer_uri)
        single = [CLAIM + name for name in wishes.single]
        version = [wishes.version] if wishes.version else []
        scope = " ".join([*(request.scope or "").split(), *single, *version]) or None
        return Requested(scope, always_asked=wishes.consent or anybody)

    @override
    async def allow(
        self, visit: Visit, pending: Pending, user: User, terminal: Terminal | None, *, by_form: bool
    ) -> Reply:
        session = require_login(visit.opened).session
        request, words = pending.request, (pending.request.scope or "").split()
        code = await authorize(
            visit.issuer,
            request,
            pending.app,
            user,
            terminal,
            nonce=write_sign_in(visit.issuer, request, session)
            if OPENID in words or request.wishes.jkt
            else "",
            # Without offline_access the client is to reach the user while they are there (OpenID Connect Core §11).
            login=Login(session, online=OFFLINE not in words, notified=True) if OPENID in words else None,
        )
        if by_form:
            return onward(visit, pending)
        if request.wishes.by_form:
            return form_post(visit, request.answer_uri, allowed_pairs(self._style, code))
        return redirect(allowed_uri(self._style, code), self._style.status)

    @override
    def fail(self, visit: Visit, pending: Pending, error: str) -> Reply:
        """(OpenID Connect Core §3.1.2.6)."""
        request = pending.request
        pairs = refusal_pairs(self._style, request.state, error, "The user did not log in.")
        if pending.app.describes_itself:
            uri = request.answer_uri
            return by_button(visit, pending.app, uri, pairs, posted=request.wishes.by_form)
        if request.wishes.by_form:
            return form_post(visit, request.answer_uri, pairs)
        return redirect(answer_uri(request.answer_uri, pairs), self._style.status)

    @override
    async def form(self, visit: Visit, pending: Pending, user: User) -> Reply | None:
        request = pending.request
        if not request.wishes.by_form:
            return None
        return form_post(visit, request.answer_uri, await self._answer(visit.issuer, pending, user))

    @override
    async def address(self, issuer: Issuer, pending: Pending, user: User) -> str:
        return answer_uri(pending.request.answer_uri, await self._answer(issuer, pending, user))

    async def _answer(self, issuer: Issuer, pending: Pending, user: User) -> Pairs:
        """The stored response; another user than the client expects gets it nothing."""
        request, style = pending.request, self._style
        if not is_expected(user, request):
            text = "Another user is logged in than the client expects."
            return refusal_pairs(style, request.state, "login_required", text)
        code = await code_of(issuer, request, user)
        if code is None:
            return refusal_pairs(style, request.state, "access_denied", style.refused)
        return allowed_pairs(style, code)
