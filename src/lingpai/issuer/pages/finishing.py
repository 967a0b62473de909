"""How an authorization ends: what is to be allowed, and where the answer goes."""

from typing import Protocol

import msgspec

from lingpai.core.issuer_records import App, AuthorizationRequest, Machine, User
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import AnswerStyle, allowed, refused
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages.site import form_source
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.redirects import choose_redirect
from lingpai.issuer.verbs.authorize import authorize


class Wanted(msgspec.Struct, frozen=True):
    """What a request wants of the user.

    Attributes:
        scope: words, or None.
        permissions: by name.
        machine: whether a terminal must be chosen.
        asks_always: whether the user is asked although they allowed all of it before.
        form_sources: CSP sources to which the answer of the form may lead.
    """

    scope: str | None
    permissions: tuple[str, ...] = ()
    machine: bool = False
    asks_always: bool = False
    form_sources: tuple[str, ...] = ()


class Finish(Protocol):
    """How a realm's authorizations end."""

    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """Refuse a request whose answer may not go any more where it was to go.

        Raises:
            LingpaiError: WRONG_REDIRECT_URI.
        """
        ...

    def wanted(self, app: App, request: AuthorizationRequest) -> Wanted:
        """What the request wants."""
        ...

    async def allow(
        self, visit: Visit, request: AuthorizationRequest, app: App, user: User, machine: Machine | None
    ) -> Reply:
        """The answer once the user has allowed it."""
        ...

    def refuse(self, visit: Visit, request: AuthorizationRequest) -> Reply:
        """The answer once the user has refused."""
        ...


class ByRedirect:
    """The standard way: a code, or an error, by redirect (RFC 6749 §4.1.2).

    Args:
        style: the dialect's.
    """

    def __init__(self, style: AnswerStyle) -> None:
        self._style = style

    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """See `Finish.check`; the URI may have been taken off the app since (attacks A1)."""
        choose_redirect(app.redirect_uris, request.answer_uri, loopback_ports=issuer.policy.loopback_ports)

    def wanted(self, app: App, request: AuthorizationRequest) -> Wanted:
        """See `Finish.wanted`; a public client could be anybody, so its user is always asked (RFC 6749 §10.2)."""
        return Wanted(
            request.scope,
            machine=self._style.machines,
            asks_always=app.public or self._style.machines,
            form_sources=(form_source(request.answer_uri),),
        )

    async def allow(
        self, visit: Visit, request: AuthorizationRequest, app: App, user: User, machine: Machine | None
    ) -> Reply:
        """See `Finish.allow`."""
        return allowed(self._style, await authorize(visit.issuer, request, app, user, machine))

    def refuse(self, visit: Visit, request: AuthorizationRequest) -> Reply:
        """See `Finish.refuse`."""
        del visit
        return refused(self._style, request)
