"""One request of one browser: its language, its session, and what it is to be told in headers."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Call, Reply
from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.context import Issuer
from lingpai.issuer.cookies import known_cookie, session_cookie, session_of
from lingpai.issuer.pages.render import HTML, error_page, page_headers, render
from lingpai.issuer.pages.shape import STATUS
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.words import COOKIE, language_of
from lingpai.issuer.verbs.sessions import OpenSession, form_token, is_fading, start_session

_NONE: Pairs = ()


class Visit:
    """A request of a browser.

    Attributes:
        issuer: the realm.
        site: the pages.
        call: the request.
        language: of the page to come.
        opened: the session, once it was looked for and there is one.
        headers: what the answer carries besides its page's own, cookies above all.
    """

    def __init__(self, issuer: Issuer, site: Site, call: Call, wish: str = "") -> None:
        self.issuer = issuer
        self.site = site
        self.call = call
        self.language = language_of(call, wish)
        self.opened: OpenSession | None = None
        self.headers = _NONE
        if wish == self.language:
            self.headers += site.lasting_cookie(COOKIE, wish)

    async def look(self) -> OpenSession | None:
        """Find the session that the browser came with."""
        self.opened = await session_of(self.issuer, self.call)
        return self.opened

    async def begin(self) -> OpenSession:
        """The session that the browser came with, or a new one without a user."""
        found = await self.look()
        if found is not None and not is_fading(self.issuer, found.session):
            return found
        return self.take(await start_session(self.issuer, replaces=found.session if found else None))

    def take(self, opened: OpenSession) -> OpenSession:
        """Give the browser this session."""
        self.opened = opened
        self.headers += self.site.cookie(session_cookie(self.issuer.realm), opened.handle)
        return opened

    def know(self, browser: str) -> None:
        """Let the browser keep what it is known by, for a year from now."""
        self.headers += self.site.lasting_cookie(known_cookie(self.issuer.realm), browser)

    def forget(self) -> None:
        """Take the session's cookie from the browser."""
        self.headers += self.site.cookie(session_cookie(self.issuer.realm), "")

    def path(self, name: str, **query: str) -> str:
        """The path of one of our pages."""
        given = {key: value for key, value in query.items() if value}
        return f"{self.site.prefix}{name}" + (f"?{urlencode(given)}" if given else "")

    def page(
        self,
        template: str,
        status: int = 200,
        *,
        form_sources: tuple[str, ...] = (),
        scripts: bool = False,
        **context: Any,
    ) -> Reply:
        """A page for this visit; the session's form token goes with it."""
        token = form_token(self.issuer, self.opened.session) if self.opened else ""
        body = render(self.site, self.language, template, form_token=token, **context)
        headers = page_headers(self.site, form_sources=form_sources, scripts=scripts)
        return Reply(body, status, HTML, headers + self.headers)

    def error(self, error: LingpaiError) -> Reply:
        """The page for an error, in this visit's language."""
        return error_page(self.site, error, int(STATUS[error.kind]), (self.language,), self.call.trace_id)


VisitVerb = Callable[[Any, Visit], Awaitable[Reply]]


def visited(issuer: Issuer, site: Site, verb: VisitVerb) -> Callable[[Any, Call], Awaitable[Reply]]:
    """A route's verb that gets a visit instead of the bare call."""

    async def answer(params: Any, call: Call) -> Reply:
        return await verb(params, Visit(issuer, site, call, getattr(params, "lang", "")))

    return answer
