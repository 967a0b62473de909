"""Authorization responses: the access that a request asks for, and the ways to send the response."""

from typing import NamedTuple, Protocol

import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import AuthorizationRequest
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.user_records import User
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import AnswerStyle, allowed_uri, redirect, refused_uri
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.redirects import anybody_may_take
from lingpai.issuer.verbs.apps import redirect_of
from lingpai.issuer.verbs.authorize import authorize, code_of


class Requested(msgspec.Struct, frozen=True):
    """The access that a request asks the user for.

    Attributes:
        scope: words, or None.
        permissions: by name.
        terminal: whether a terminal must be chosen.
        always_asked: whether the user is asked even after an earlier consent to all of it.
    """

    scope: str | None
    permissions: tuple[str, ...] = ()
    terminal: bool = False
    always_asked: bool = False


class Pending(NamedTuple):
    """An authorization that waits for its user; `text` is the encrypted request."""

    request: AuthorizationRequest
    app: App
    requested: Requested
    text: str


class ResponseMode(Protocol):
    """A way to send authorization responses to an app."""

    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """Refuse a request whose response address is no longer the app's.

        Raises:
            LingpaiError: WRONG_REDIRECT_URI.
        """
        ...

    def requested(self, app: App, request: AuthorizationRequest) -> Requested:
        """Return the access that the request asks for."""
        ...

    async def allow(
        self, visit: Visit, pending: Pending, user: User, terminal: Terminal | None, *, by_form: bool
    ) -> Reply:
        """Respond after consent; `by_form` when the browser sent one of our forms."""
        ...

    def refuse(self, visit: Visit, pending: Pending) -> Reply:
        """Respond after a refusal, which is sent by form."""
        ...

    async def form(self, visit: Visit, pending: Pending, user: User) -> Reply | None:
        """Return the page that posts the stored response to the app; None when it goes by the address.

        Raises:
            LingpaiError: as `address`.
        """
        ...

    def fail(self, visit: Visit, pending: Pending, error: str) -> Reply:
        """Respond that nobody logged in, when no form of ours was sent; `access_denied` or `login_required`."""
        ...

    async def address(self, issuer: Issuer, pending: Pending, user: User) -> str:
        """Return the app's address with the stored response.

        Raises:
            LingpaiError: INVALID_AUTHORIZATION: there is none, or its code is no longer valid.
        """
        ...


class RedirectMode(ResponseMode):
    """The standard mode: a code or an error in the query of the redirect URI (RFC 6749 §4.1.2).

    Browsers apply the page's `form-action` to every redirect after a form (CSP 3 §6.4.2), including those of the app to
    another host or scheme. So a form leads to the page `/onward`, and from there the browser navigates to the app.

    Args:
        style: the dialect's.
    """

    def __init__(self, style: AnswerStyle) -> None:
        self._style = style

    @override
    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """The URI may have been removed from the app since (threat A1)."""
        redirect_of(issuer, app, request.answer_uri)

    @override
    def requested(self, app: App, request: AuthorizationRequest) -> Requested:
        # The user is always asked when another program could receive the response, as any program could have started
        # the request (RFC 8252 §8.6, RFC 6749 §10.2).
        return Requested(
            request.scope,
            terminal=self._style.terminals,
            always_asked=app.public or self._style.terminals or anybody_may_take(request.answer_uri),
        )

    @override
    async def allow(
        self, visit: Visit, pending: Pending, user: User, terminal: Terminal | None, *, by_form: bool
    ) -> Reply:
        code = await authorize(visit.issuer, pending.request, pending.app, user, terminal)
        if by_form:
            return onward(visit, pending)
        return redirect(allowed_uri(self._style, code), self._style.status)

    @override
    def refuse(self, visit: Visit, pending: Pending) -> Reply:
        return onward(visit, pending)

    @override
    async def form(self, visit: Visit, pending: Pending, user: User) -> Reply | None:
        """There is none."""
        del visit, pending, user
        return None

    @override
    def fail(self, visit: Visit, pending: Pending, error: str) -> Reply:
        """RFC 6749 §4.1.2.1 has one error for both."""
        del visit, error
        return redirect(refused_uri(self._style, pending.request), self._style.status)

    @override
    async def address(self, issuer: Issuer, pending: Pending, user: User) -> str:
        code = await code_of(issuer, pending.request, user)
        if code is None:
            return refused_uri(self._style, pending.request)
        return allowed_uri(self._style, code)


def onward(visit: Visit, pending: Pending) -> Reply:
    """Redirect to the page that sends the browser to the app."""
    return redirect(visit.path("/onward", request=pending.text), headers=visit.headers)
