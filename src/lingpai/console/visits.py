"""One request of one browser: its operator, its language, and the page that answers it."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from typing_extensions import override

from lingpai.console.desk import POLICY, PREFIX, Desk, files_path
from lingpai.console.permitted import Permitted
from lingpai.console.sessions import KIND, Entrance, Operator
from lingpai.console.words import CATALOGUES, duration, reason_in
from lingpai.core.audit import Actor
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.moments import local_moment, unix_of
from lingpai.core.wire import NO_STORE, Call, Page, Reply, Shape
from lingpai.design.pages import HTML, TAGS
from lingpai.design.templates import template
from lingpai.design.words import OTHER
from lingpai.issuer.cookies import cookie_of
from lingpai.issuer.pages.words import language_cookie, language_of
from lingpai.operating.own_hosts import demand_own_host
from lingpai.operating.site import Site

PAGES: Final = (
    *(("overview", "tokens"), ("accounts", "accounts"), ("callers", "callers"), ("apps", "apps")),
    *(("users", "users"), ("grants", "grants"), ("machines", "machines"), ("environments", "environments")),
    *(
        ("realms", "realms"),
        ("audit", "audit"),
        ("keys", "keys"),
        ("admins", "admins"),
        ("sessions", "sessions"),
    ),
)
"""The pages of the menu, and the kind of things that one has to be allowed to read for each."""
LIVE: Final = "lingpai-live"
"""The header of requests that a page makes by itself, which are no use of a session."""
_YEAR: Final = 365 * 86_400
_VISITOR_BYTES: Final = 16
_VISITOR: Final = "v"
Headers = tuple[tuple[str, str], ...]


class Visit:
    """A request of a browser.

    Attributes:
        desk: the console.
        call: the request.
        language: of the page to come.
        operator: who is signed in, or None.
        headers: of the answer besides the page's own, such as cookies.
    """

    def __init__(self, desk: Desk, call: Call, wish: str = "") -> None:
        self.desk = desk
        self.call = call
        self.language = language_of(call, wish, secure=desk.secure)
        self.operator: Operator | None = None
        self.headers: Headers = ()
        self._visitor = cookie_of(call, desk.visitor_cookie) or ""
        if wish == self.language:
            name, secure = language_cookie(secure=desk.secure), "; Secure" if desk.secure else ""
            lasting = f"{name}={wish}; Path=/; HttpOnly; SameSite=Lax; Max-Age={_YEAR}{secure}"
            self.headers += (("set-cookie", lasting),)

    async def find_operator(self) -> Operator | None:
        """Find the session of the browser's cookie."""
        secret = cookie_of(self.call, self.desk.session_cookie)
        self.operator = await self.desk.sessions.find(secret, self.call.peer)
        if self.operator is not None:
            self.call.caller = self.operator.session.name
            if self.call.header(LIVE) is None:
                await self.desk.sessions.use(self.operator)
        return self.operator

    @property
    def entrance(self) -> Entrance:
        """Where the request comes from."""
        return Entrance(self.call.peer, self.call.trace_id)

    def site(self, reason: str = "") -> Site:
        """Return the site as it acts for the operator, who gives a reason, or "".

        Raises:
            LingpaiError: LOGIN_REQUIRED.
        """
        if self.operator is None:
            raise LingpaiError(Kind.LOGIN_REQUIRED, "Log in first.")
        actor = Actor(KIND, self.operator.session.name, self.call.peer, self.call.trace_id, reason)
        return self.desk.site.by(actor, chinese=self.language == "zh")

    def port(self, reason: str = "") -> Permitted:
        """Return what the operator may do; see `site`."""
        site = self.site(reason)
        return Permitted(site, self.operator.rights if self.operator is not None else ())

    def check_form(self, token: str) -> None:
        """Refuse a form that is not of this browser and this site (W3C Fetch Metadata, RFC 6454 §7).

        Raises:
            LingpaiError: FORGED_FORM.
        """
        demand_same_origin(self.call, self.desk)
        browser = self._browser()
        if not browser or not hmac.compare_digest(self._token(browser), token.encode("utf-8", "replace")):
            raise LingpaiError(Kind.FORGED_FORM, "This form belongs to another session; reload the page.")

    def form_token(self) -> str:
        """Return the token of a form; sets a visitor's cookie where there is no session."""
        if not self._browser():
            self._visitor = _VISITOR + secrets.token_hex(_VISITOR_BYTES)
            self.headers += (self.desk.cookie(self.desk.visitor_cookie, self._visitor),)
        return self._token(self._browser()).decode()

    def _browser(self) -> str:
        return self.operator.secret if self.operator is not None else self._visitor

    def _token(self, browser: str) -> bytes:
        return self.desk.digest("form " + browser).hex().encode()

    def page(self, template_name: str, status: int = 200, /, **context: Any) -> Reply:
        """Return a page; everything in its context is escaped."""
        words = CATALOGUES[self.language]
        other = OTHER[self.language]
        pages = () if self.operator is None else self._menu()
        body = template("lingpai.console", "templates", f"{template_name}.html.j2").render(
            words=words,
            tag=TAGS[self.language],
            other=other,
            other_tag=TAGS[other],
            operator=self.operator,
            pages=pages,
            files=files_path(),
            form_token=self.form_token,
            url=url,
            took=lambda seconds: duration(seconds, self.language),
            at=self._at,
            development=bool(self.desk.sandbox),
            **{"page": template_name, "done": "", **context},
        )
        headers = (
            *(NO_STORE, ("content-security-policy", POLICY), ("x-frame-options", "DENY")),
            *(("referrer-policy", "same-origin"), ("cross-origin-opener-policy", "same-origin")),
        )
        return Reply(body.encode(), status, HTML, headers + self.headers)

    def _menu(self) -> tuple[str, ...]:
        port = self.port()
        return tuple(name for name, kind in PAGES if port.may_list(kind))

    def _at(self, moment: str | None) -> dict[str, str] | None:
        """Return a time of a document as `<time>` has it."""
        return None if moment is None else local_moment(unix_of(moment), self.desk.zone)

    def redirect(self, target: str) -> Reply:
        """Send the browser on after a form (RFC 9110 §15.4.4)."""
        return Reply(b"", 303, HTML, (NO_STORE, ("location", target), *self.headers))

    def error(self, error: LingpaiError) -> Reply:
        """Return the page for an error, in this visit's language."""
        text = reason_in(self.language, error.reason)
        return self.page(
            "error", error.kind.status, text=text, trace_id=self.call.trace_id, kind=error.kind.value
        )


def url(*parts: str, **query: str) -> str:
    """Return the path of a page of the console."""
    path = "/".join((PREFIX, *(quote(part, safe="") for part in parts)))
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def demand_same_origin(call: Call, desk: Desk) -> None:
    """Refuse what another site's page sends.

    Raises:
        LingpaiError: FORGED_FORM.
    """
    origin = call.header("origin")
    scheme = "https" if desk.secure else "http"
    own = f"{scheme}://{call.header('host') or ''}"
    if call.header("sec-fetch-site") not in {None, "same-origin"} or origin not in {None, own}:
        raise LingpaiError(Kind.FORGED_FORM, "Another site's page sent this form.")


class ConsoleShape(Shape):
    """Errors as pages, in English where the request could not be read."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def success(self, value: Any, trace_id: str) -> Reply:
        """Raise: the verbs themselves make pages, so this is never called."""
        raise TypeError(f"{type(value).__name__} of {trace_id} is not a page")

    @override
    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        return Visit(self._desk, Call(trace_id, "")).error(error)


def error_page(desk: Desk) -> Page:
    """Return what shows errors to browsers."""
    return lambda error, call: Visit(desk, call).error(error)


VisitVerb = Callable[[Any, Visit], Awaitable[Reply]]


def visited(
    desk: Desk, verb: VisitVerb, *, signed_in: bool = True
) -> Callable[[Any, Call], Awaitable[Reply]]:
    """Return a route's verb that calls `verb` with a `Visit`; without a session it shows the sign-in.

    Args:
        desk: the console.
        verb: makes the page.
        signed_in: whether it needs a session.
    """

    async def answer(params: Any, call: Call) -> Reply:
        demand_own_host(call, desk.hosts)
        visit = Visit(desk, call, getattr(params, "lang", ""))
        await visit.find_operator()
        if signed_in and visit.operator is None:
            return visit.page("sign_in", 200 if call.safe else 401, problem="")
        try:
            return await verb(params, visit)
        except LingpaiError as error:
            if visit.operator is None:
                raise
            return visit.error(error)

    return answer
