"""Ask the user: which app, which permissions, for which terminal (threats B17-B19, A10)."""

from typing import Annotated, Literal, NamedTuple

import msgspec

from lingpai.core.authorization_records import AuthorizationRequest
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.user_records import User
from lingpai.core.wire import Call, Reply
from lingpai.issuer.admin import list_terminals
from lingpai.issuer.app_sources import AppSource
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.authorization_responses import Pending, ResponseMode, onward
from lingpai.issuer.pages.login_form import login_form
from lingpai.issuer.pages.notices import notice
from lingpai.issuer.pages.render import permission_words
from lingpai.issuer.pages.shape import RenderedError
from lingpai.issuer.pages.site import Site, check_sender, goes_to
from lingpai.issuer.pages.unchecked import unchecked
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.redirects import anybody_may_take
from lingpai.issuer.sign_ins import counts, is_expected, with_stale
from lingpai.issuer.verbs.apps import require_listed
from lingpai.issuer.verbs.authorization_requests import (
    MAX_SEALED,
    Asked,
    is_of_now,
    may_answer,
    open_request,
    renew_request,
    seal_request,
)
from lingpai.issuer.verbs.authorize import answered_by, begin_authorization, refuse_authorization
from lingpai.issuer.verbs.members import consent, needs_consent, open_member
from lingpai.issuer.verbs.sessions import require_login

EncryptedRequest = Annotated[str, msgspec.Meta(max_length=MAX_SEALED)]
"""An encrypted authorization request."""


class ConsentPage(msgspec.Struct):
    """The parameters of the consent page.

    Attributes:
        request: the encrypted authorization request.
        form: not empty after a form: the browser continues by way of the page `/onward`.
        lang: the language to switch to.
    """

    request: EncryptedRequest = ""
    form: Annotated[str, msgspec.Meta(max_length=8)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class ConsentForm(msgspec.Struct):
    """The user's answer. The requested access is in the encrypted request, and in no other field (threat B19)."""

    request: EncryptedRequest = ""
    form_token: Annotated[str, msgspec.Meta(max_length=128)] = ""
    answer: Literal["allow", "refuse", ""] = ""
    machine: Annotated[str, msgspec.Meta(max_length=64)] = ""


class OpenedRequest(NamedTuple):
    """The pending request of a visit, and whether it was restarted for this browser."""

    pending: Pending
    restarted: bool


class ConsentStep:
    """The step in which the user is asked for consent.

    Args:
        issuer: the realm.
        site: its pages.
        mode: how its authorizations end.
        apps: finds the apps that ask.

    Attributes:
        mode: the same.
    """

    def __init__(self, issuer: Issuer, site: Site, mode: ResponseMode, apps: AppSource) -> None:
        self._apps = apps
        self._issuer = issuer
        self._site = site
        self.mode = mode

    async def open(self, call: Call, app: App, asked: Asked, *, language: str = "") -> Reply:
        """Send the browser to consent, and to login before it when nobody is logged in (`authorizations.Entry`)."""
        visit = Visit(self._issuer, self._site, call)
        opened = await visit.find_session()
        if opened is not None:
            asked = with_stale(asked, opened, self._issuer.now())
        text = begin_authorization(self._issuer, app, visit.browser(), asked)
        return redirect(visit.path("/consent", request=text, lang=language), headers=visit.headers)

    async def answer_silently(self, call: Call, app: App, asked: Asked) -> Reply:
        """Answer without a page (`authorizations.Entry`)."""
        visit = Visit(self._issuer, self._site, call)
        opened = require_login(await visit.find_session())
        asked = with_stale(asked, opened, self._issuer.now())
        text = begin_authorization(self._issuer, app, opened.handle, asked)
        request = open_request(self._issuer, text)
        if not counts(opened.session, request):
            raise LingpaiError(Kind.LOGIN_REQUIRED, "The login is too old, or another user's.")
        pending = Pending(request, app, self.mode.requested(app, request), text)
        if pending.requested.always_asked or await self._needs_consent(pending, opened.user):
            raise LingpaiError(Kind.NOT_ADDED, "The user has yet to allow this.")
        return await self.mode.allow(visit, await self._kept(pending), opened.user, None, by_form=False)

    async def read(self, visit: Visit, text: str) -> OpenedRequest:
        """Return this browser's pending request; restart it when it is of another browser or too old.

        Raises:
            LingpaiError: INVALID_AUTHORIZATION, or, when the app has changed since, APP_NOT_LISTED,
                WRONG_REDIRECT_URI, INVALID_SCOPE or INVALID_PKCE.
        """
        request = open_request(visit.issuer, text)
        app = await self._apps.find(request.app_id, visit.call.peer)
        require_listed(app)
        self.mode.check(visit.issuer, app, request)
        mine = may_answer(visit.issuer, request, visit.browser())
        restarts = not mine or not is_of_now(visit.issuer, app, request)
        if restarts:
            request = renew_request(visit.issuer, app, request, visit.browser())
            text = seal_request(visit.issuer, request)
        return OpenedRequest(Pending(request, app, self.mode.requested(app, request), text), restarts)

    async def show(self, params: ConsentPage, visit: Visit) -> Reply:
        """Show the consent page, or the login form before login; skip it when the user has already consented."""
        opened = await visit.find_session()
        pending, _ = await self.read(visit, params.request)
        if opened is None or not counts(opened.session, pending.request):
            again = "1" if opened else ""
            path = visit.path("/login", request=pending.text, again=again, form=params.form)
            return redirect(path, headers=visit.headers)
        await _check_answer(visit, pending.request, opened.user)
        if not is_expected(opened.user, pending.request):
            return onward(visit, pending)
        if not pending.requested.always_asked and not await self._needs_consent(pending, opened.user):
            kept = await self._kept(pending)
            return await self.mode.allow(visit, kept, opened.user, None, by_form=bool(params.form))
        return await self._question(visit, pending, opened.user)

    async def answer(self, params: ConsentForm, visit: Visit) -> Reply:
        """Handle the user's answer."""
        check_sender(visit.call)
        opened = await visit.find_session()
        pending, restarted = await self.read(visit, params.request)
        if opened is None or not counts(opened.session, pending.request):
            error = LingpaiError(Kind.LOGIN_REQUIRED, "The session of this form has ended.")
            raise RenderedError(error, self._log_in_again(visit, pending))
        if restarted or not visit.is_own_form(params.form_token):
            kind = Kind.INVALID_AUTHORIZATION if visit.is_own_form(params.form_token) else Kind.FORGED_FORM
            error = LingpaiError(kind, "The form belongs to another session, or is too old.")
            page = await self._question(visit, pending, opened.user, "begun_again", kind.status)
            raise RenderedError(error, page)
        requested = pending.requested
        await _check_answer(visit, pending.request, opened.user)
        if not is_expected(opened.user, pending.request):
            return onward(visit, pending)
        if params.answer == "refuse":
            await refuse_authorization(visit.issuer, pending.request)
            return self.mode.refuse(visit, pending)
        terminal = await _terminal(visit, opened.user, params.machine) if requested.terminal else None
        if params.answer != "allow" or (requested.terminal and terminal is None):
            return await self._question(visit, pending, opened.user, "choose")
        pending = await self._kept(pending)
        member = await open_member(visit.issuer, pending.app, opened.user)
        await consent(visit.issuer, pending.app, member, requested.scope, requested.permissions)
        return await self.mode.allow(visit, pending, opened.user, terminal, by_form=True)

    async def go_on(self, params: ConsentPage, visit: Visit) -> Reply:
        """Show the page that sends the browser to the app after a form."""
        opened = await visit.find_session()
        pending, restarted = await self.read(visit, params.request)
        if opened is None or restarted:
            return redirect(visit.path("/consent", request=pending.text, form="1"), headers=visit.headers)
        form = await self.mode.form(visit, pending, opened.user)
        if form is not None:
            return form
        address = await self.mode.address(visit.issuer, pending, opened.user)
        return visit.page(
            "onward",
            switch=None,
            app=pending.app,
            address=address,
            goes_to=goes_to(pending.request.answer_uri),
        )

    def _log_in_again(self, visit: Visit, pending: Pending) -> Reply:
        """Return the page for a form whose session has ended."""
        status = Kind.FORGED_FORM.status
        if visit.site.login:
            return notice(visit, "logged_out", pending, status)
        return login_form(visit, pending, alert="logged_out", status=status)

    async def _kept(self, pending: Pending) -> Pending:
        """The same, once the store has the app: it gets no row before its user has consented."""
        return pending._replace(app=await self._apps.keep(pending.app))

    async def _needs_consent(self, pending: Pending, user: User) -> bool:
        member = await self._issuer.store.find_member(pending.app.id, user.id)
        return needs_consent(member, pending.requested.scope, pending.requested.permissions)

    async def _question(
        self, visit: Visit, pending: Pending, user: User, alert: str = "", status: int = 200
    ) -> Reply:
        request, app, requested, text = pending
        terminals = await list_terminals(visit.issuer, user) if requested.terminal else ()
        names = (*(requested.scope or "").split(), *requested.permissions)
        return visit.page(
            "consent",
            status,
            action=visit.path("/consent"),
            switch=visit.path("/consent", request=text),
            again=visit.path("/login", request=text, again="1"),
            request=text,
            app=app,
            user=user,
            gets=permission_words(visit.site, visit.language, names),
            goes_to=goes_to(request.answer_uri),
            unchecked=unchecked(app),
            local=app.describes_itself and anybody_may_take(request.answer_uri),
            machine=requested.terminal,
            machines=terminals,
            chosen=request.terminal or (terminals[0].machine_code if len(terminals) == 1 else ""),
            alert=alert,
        )


async def _check_answer(visit: Visit, request: AuthorizationRequest, user: User) -> None:
    """Refuse a request whose answer cannot be repeated; see `answered_by`."""
    answer = await visit.issuer.store.read_answer(request.digest)
    if answer is not None:
        await answered_by(visit.issuer, answer, user)


async def _terminal(visit: Visit, user: User, code: str) -> Terminal | None:
    """Return the chosen terminal, which must be the user's; None when none was chosen."""
    terminal = await visit.issuer.store.find_terminal(visit.issuer.realm, code) if code else None
    if code and (terminal is None or terminal.owner != user.id):
        raise LingpaiError(Kind.INVALID_TERMINAL, "The terminal is not one of this user.")
    return terminal
