"""How an authorization ends: what is to be allowed, and where the answer goes."""

from typing import NamedTuple, Protocol

import msgspec

from lingpai.core.issuer_records import App, AuthorizationRequest, Machine, User
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import AnswerStyle, allowed_uri, redirect, refused_uri
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.redirects import anybody_may_take, choose_redirect
from lingpai.issuer.verbs.authorize import authorize, code_of


class Requested(msgspec.Struct, frozen=True):
    """What a request wants of the user.

    Attributes:
        scope: words, or None.
        permissions: by name.
        machine: whether a terminal must be chosen.
        always_asked: whether the user is asked although they allowed all of it before.
    """

    scope: str | None
    permissions: tuple[str, ...] = ()
    machine: bool = False
    always_asked: bool = False


class Pending(NamedTuple):
    """An authorization that waits for its user; `text` is the request as it is sealed."""

    request: AuthorizationRequest
    app: App
    requested: Requested
    text: str


class ResponseMode(Protocol):
    """How a realm's authorizations end."""

    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """Refuse a request whose answer may not go any more where it was to go.

        Raises:
            LingpaiError: WRONG_REDIRECT_URI.
        """
        ...

    def requested(self, app: App, request: AuthorizationRequest) -> Requested:
        """What the request wants."""
        ...

    async def allow(
        self, visit: Visit, pending: Pending, user: User, machine: Machine | None, *, by_form: bool
    ) -> Reply:
        """The answer once the user has allowed it; `by_form` when the browser comes by a form of ours."""
        ...

    def refuse(self, visit: Visit, pending: Pending) -> Reply:
        """The answer to the form by which the user refused."""
        ...

    async def address(self, issuer: Issuer, pending: Pending, user: User) -> str:
        """The app's address with the answer that was given.

        Raises:
            LingpaiError: INVALID_AUTHORIZATION: there is none, or its code is not out any more.
        """
        ...


class RedirectMode:
    """The standard way: a code, or an error, in the query of the redirect URI (RFC 6749 §4.1.2).

    Browsers hold every redirect that follows a form to the page's `form-action` (CSP 3 §6.4.2), those of the app to
    yet another host or scheme too. So a form leads to a page of ours, and from there the browser goes on by itself.

    Args:
        style: the dialect's.
    """

    def __init__(self, style: AnswerStyle) -> None:
        self._style = style

    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """See `ResponseMode.check`; the URI may have been taken off the app since (threat A1)."""
        choose_redirect(app.redirect_uris, request.answer_uri, loopback_ports=issuer.policy.loopback_ports)

    def requested(self, app: App, request: AuthorizationRequest) -> Requested:
        """See `ResponseMode.requested`.

        Whose answers another program could take is always asked about, for nobody knows who begins (RFC 8252 §8.6,
        RFC 6749 §10.2).
        """
        return Requested(
            request.scope,
            machine=self._style.machines,
            always_asked=app.public or self._style.machines or anybody_may_take(request.answer_uri),
        )

    async def allow(
        self, visit: Visit, pending: Pending, user: User, machine: Machine | None, *, by_form: bool
    ) -> Reply:
        """See `ResponseMode.allow`."""
        code = await authorize(visit.issuer, pending.request, pending.app, user, machine)
        if by_form:
            return _onward(visit, pending)
        return redirect(allowed_uri(self._style, code), self._style.status)

    def refuse(self, visit: Visit, pending: Pending) -> Reply:
        """See `ResponseMode.refuse`."""
        return _onward(visit, pending)

    async def address(self, issuer: Issuer, pending: Pending, user: User) -> str:
        """See `ResponseMode.address`."""
        code = await code_of(issuer, pending.request, user)
        if code is None:
            return refused_uri(self._style, pending.request)
        return allowed_uri(self._style, code)


def _onward(visit: Visit, pending: Pending) -> Reply:
    return redirect(visit.path("/onward", request=pending.text), headers=visit.headers)
