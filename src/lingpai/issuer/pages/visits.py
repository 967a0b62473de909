"""One request of one browser: its language, its session, and the headers that its answer carries."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.context import Issuer
from lingpai.issuer.cookies import cookie_of, is_visitor, known_cookie, new_visitor, session_cookie
from lingpai.issuer.pages.render import HTML, error_page, page_headers, render
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.words import language_cookie, language_of
from lingpai.issuer.verbs.sessions import OpenSession, form_token, is_form_of, read_session

_NONE: Pairs = ()


class Visit:
    """A request of a browser.

    Attributes:
        issuer: the realm.
        site: the pages.
        call: the request.
        language: of the page to come.
        opened: the session that `find_session` found, or None.
        headers: headers of the answer besides the page's own, such as cookies.
        cookie: the value of the request's cookie; "" when there was none.
    """

    def __init__(self, issuer: Issuer, site: Site, call: Call, wish: str = "") -> None:
        self.issuer = issuer
        self.site = site
        self.call = call
        self.language = language_of(call, wish, secure=site.secure)
        self.opened: OpenSession | None = None
        self.headers = _NONE
        self._name = session_cookie(issuer, secure=site.secure)
        self.cookie = cookie_of(call, self._name) or ""
        self._visitor = ""
        if wish == self.language:
            self.headers += site.lasting_cookie(language_cookie(secure=site.secure), wish)

    async def find_session(self) -> OpenSession | None:
        """Find the session of the browser's cookie.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        self.opened = await read_session(self.issuer, self.cookie) if self.cookie else None
        return self.opened

    def browser(self) -> str:
        """Return the cookie that forms and requests of this browser are bound to, after `find_session`.

        The cookie of its session; without one a visitor's, which is set when the browser has none.
        """
        if self.opened is not None:
            return self.opened.handle
        if is_visitor(self.cookie):
            return self.cookie
        if not self._visitor:
            self._visitor = new_visitor(self.issuer)
            self.headers += self.site.cookie(self._name, self._visitor)
        return self._visitor

    def is_own_form(self, token: str) -> bool:
        """Return whether a form with this token was made for the browser's cookie."""
        return bool(self.cookie) and is_form_of(self.issuer, self.cookie, token)

    def set_session(self, opened: OpenSession) -> OpenSession:
        """Set the cookie of this session."""
        self.opened = opened
        self.headers += self.site.cookie(self._name, opened.handle)
        return opened

    def set_browser_cookie(self, browser: str) -> None:
        """Set the cookie by which the browser is recognised, for a year."""
        name = known_cookie(self.issuer.realm, secure=self.site.secure)
        self.headers += self.site.lasting_cookie(name, browser)

    def remove_session(self) -> None:
        """Remove the session's cookie."""
        self.headers += self.site.cookie(self._name, "")

    def path(self, name: str, **query: str) -> str:
        """Return the path of one of our pages."""
        given = {key: value for key, value in query.items() if value}
        return f"{self.site.prefix}{name}" + (f"?{urlencode(given)}" if given else "")

    def page(self, template: str, status: int = 200, *, scripts: bool = False, **context: Any) -> Reply:
        """Return a page for this visit; a form on it calls `form_token()`."""
        body = render(self.site, self.language, template, form_token=self._form_token, **context)
        return Reply(body, status, HTML, page_headers(self.site, scripts=scripts) + self.headers)

    def _form_token(self) -> str:
        return form_token(self.issuer, self.browser())

    def error(self, error: LingpaiError) -> Reply:
        """Return the page for an error, in this visit's language."""
        return error_page(self.site, error, error.kind.status, (self.language,), self.call.trace_id)


VisitVerb = Callable[[Any, Visit], Awaitable[Reply]]


def visited(issuer: Issuer, site: Site, verb: VisitVerb) -> Callable[[Any, Call], Awaitable[Reply]]:
    """Return a route's verb that calls `verb` with a `Visit` instead of the call."""

    async def answer(params: Any, call: Call) -> Reply:
        return await verb(params, Visit(issuer, site, call, getattr(params, "lang", "")))

    return answer
