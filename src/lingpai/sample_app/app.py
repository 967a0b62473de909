"""The sample as a web app: pages, callbacks, and the trail of its requests."""

import hmac
from collections.abc import Sequence
from functools import partial
from typing import Any

import aiohttp
import msgspec

from lingpai.core.content_security import ICONS
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import JSON, NO_STORE, Call, Reply, Route, Source
from lingpai.design.icons import icon_routes
from lingpai.design.pages import HTML, TAGS
from lingpai.design.sheets import style
from lingpai.design.templates import template
from lingpai.design.words import OTHER
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.missing import page_of
from lingpai.edge.reference import language
from lingpai.issuer.samples import SamplePage
from lingpai.sample_app.client import Client
from lingpai.sample_app.identities import Identities, Identity
from lingpai.sample_app.member_site import PATH, AnswerForm, AskParams, MemberSite
from lingpai.sample_app.trails import Trail, Trails
from lingpai.sample_app.words import WORDS, in_language

COOKIE = "lingpai-sample"
SCRIPT = "page.js"
_PACKAGE = "lingpai.sample_app"
_PATIENCE = aiohttp.ClientTimeout(total=10)


class NoParams(msgspec.Struct):
    """A route without parameters."""


class PageParams(msgspec.Struct):
    """A page; `lang` is the language of its switch."""

    lang: str = ""


class DialectParams(msgspec.Struct):
    """A route of a dialect; `lang` is the language of its switch."""

    dialect: str
    lang: str = ""


class CallbackParams(msgspec.Struct):
    """The authorization response."""

    dialect: str
    code: str = ""
    state: str = ""
    error: str = ""
    error_description: str = ""


class CodeParams(msgspec.Struct):
    """The code that a page got by its script."""

    dialect: str
    code: str


class _Plain:
    """Errors of the sample itself, as a line of text."""

    def success(self, value: Any, trace_id: str) -> Reply:
        del trace_id
        return Reply(msgspec.json.encode(value), 200, JSON)

    def error(self, error: LingpaiError, trace_id: str) -> Reply:
        status = 404 if error.kind is Kind.NOT_FOUND else 400
        return Reply(f"{error.reason} ({trace_id})\n".encode(), status, "text/plain; charset=utf-8")


class Sample:
    """The verbs of the sample.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL of the sample.
        identities: its apps, by dialect.
        users: login names and passwords to try with.
        members: the address of the realm whose users log in here, or "".
    """

    def __init__(
        self,
        issuer_url: str,
        url: str,
        identities: Identities,
        users: Sequence[tuple[str, str]],
        members: str = "",
    ) -> None:
        self._users = users
        self._members = members
        self._issuer = issuer_url
        self._url = url
        self._ids = identities
        self._trails = Trails()
        self._http: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client, in the loop that serves."""
        self._http = aiohttp.ClientSession(timeout=_PATIENCE)

    async def stop(self) -> None:
        """Close the client."""
        if self._http is not None:
            await self._http.close()

    async def home(self, params: PageParams, call: Call) -> Reply:
        """Show the list of sign-ins."""
        return self._page("home", params.lang, call, ids=self._ids, users=self._users, members=self._members)

    async def begin(self, params: DialectParams, _call: Call) -> Reply:
        """Begin a new trail, and redirect to the issuer."""
        identity = self._identity(params.dialect)
        if not identity.sign_in.authorize:
            raise _nothing()
        name, trail = self._trails.begin()
        location = self._client(params.dialect, trail).start()
        return Reply(b"", 303, HTML, (NO_STORE, ("location", location), _cookie(name)))

    async def callback(self, params: CallbackParams, call: Call) -> Reply:
        """Handle the authorization response; its state must be that of this browser's request."""
        trail = self._trail(call)
        if not trail.state or not hmac.compare_digest(trail.state.encode(), params.state.encode()):
            raise LingpaiError(
                Kind.INVALID_PARAMETER, "This answer does not belong to a request of this browser."
            )
        trail.state = ""
        answer = msgspec.structs.asdict(params)
        given = {name: value for name, value in answer.items() if value and name != "dialect"}
        client = self._client(params.dialect, trail)
        trail.add_browser_request(
            "浏览器带回结果 The browser brings the answer", "GET", client.redirect_uri, given
        )
        if params.code:
            await self._identity(params.dialect).sign_in.finish(client, params.code)
        return _see("/trail/" + params.dialect)

    async def refresh(self, params: DialectParams, call: Call) -> Reply:
        """Renew the tokens."""
        trail = self._trail(call)
        refresh = self._identity(params.dialect).sign_in.refresh
        if refresh is None or params.dialect not in trail.tokens:
            raise LingpaiError(Kind.INVALID_PARAMETER, "Nothing to refresh yet.")
        await refresh(self._client(params.dialect, trail))
        return _see("/trail/" + params.dialect)

    async def trail(self, params: DialectParams, call: Call) -> Reply:
        """Show the trail."""
        trail = self._trail(call)
        name = params.dialect
        refreshes = name in trail.tokens and self._identity(name).sign_in.refresh is not None
        return self._page("trail", params.lang, call, dialect=name, trail=trail, refreshes=refreshes)

    async def page(self, params: DialectParams, call: Call) -> Reply:
        """Show a page that signs in by a script."""
        declared = self._declared_page(params.dialect)
        name, trail = self._trails.begin()
        client = self._client(params.dialect, trail)
        markup = await declared.markup(client, f"/{params.dialect}/{SCRIPT}")
        reply = self._page("page", params.lang, call, markup=markup, trail=trail)
        return msgspec.structs.replace(reply, headers=(*reply.headers, _cookie(name)))

    async def script(self, params: DialectParams, _call: Call) -> Reply:
        """Return the script of such a page."""
        return Reply(self._declared_page(params.dialect).script, 200, "text/javascript", (NO_STORE,))

    async def code(self, params: CodeParams, call: Call) -> dict[str, str]:
        """Handle the code that a page got by its script."""
        self._declared_page(params.dialect)
        trail = self._trail(call)
        client = self._client(params.dialect, trail)
        trail.add_browser_request(
            "页面交来授权码 The page passes the code on", "POST", client.page + "/code", {"code": params.code}
        )
        await self._identity(params.dialect).sign_in.finish(client, params.code)
        return {"trail": "/trail/" + params.dialect}

    def _identity(self, dialect: str) -> Identity:
        found = self._ids.get(dialect)
        if found is None:
            raise _nothing()
        return found

    def _declared_page(self, dialect: str) -> SamplePage:
        page = self._identity(dialect).sign_in.page
        if page is None:
            raise _nothing()
        return page

    def _client(self, dialect: str, trail: Trail) -> Client:
        if self._http is None:
            raise RuntimeError("the sample is not started")
        return Client(self._issuer, self._url, dialect, self._identity(dialect), trail, self._http)

    def _trail(self, call: Call) -> Trail:
        pairs = (pair.strip().partition("=") for pair in (call.header("cookie") or "").split(";"))
        trail = self._trails.find({name: value for name, _, value in pairs}.get(COOKIE))
        if trail is None:
            raise LingpaiError(Kind.INVALID_PARAMETER, "Start at the start page.")
        return trail

    def error_page(self, error: LingpaiError, call: Call) -> Reply:
        """Return the page for an error."""
        status = _Plain().error(error, call.trace_id).status
        return self._page("failed", "", call, status=status, reason=error.reason)

    def _page(self, name: str, wish: str, call: Call, status: int = 200, **context: Any) -> Reply:
        lang = language(wish, call.header("accept-language"))
        body = template(_PACKAGE, "templates", f"{name}.html.j2").render(
            issuer=self._issuer,
            lang=lang,
            tag=TAGS[lang],
            other=OTHER[lang],
            words=WORDS[lang],
            say=partial(in_language, lang),
            script="",
            **context,
        )
        rules = (
            f"default-src 'none'; base-uri 'none'; frame-ancestors 'none'; style-src 'self'; {ICONS}; "
            f"script-src 'self' {self._issuer}; connect-src 'self' {self._issuer}; form-action 'self'"
        )
        headers = (
            NO_STORE,
            ("content-security-policy", rules),
            ("cross-origin-opener-policy", "unsafe-none"),
        )
        return Reply(body.encode(), status, HTML, headers)


def sample_app(
    issuer_url: str,
    url: str,
    identities: Identities,
    users: Sequence[tuple[str, str]],
    site: MemberSite | None = None,
) -> EdgeApp:
    """Return the sample as a web app.

    Args:
        issuer_url: base URL of the issuer.
        url: base URL under which browsers reach the sample.
        identities: whom it plays; `allow_callbacks` lets the answers come here.
        users: login names and passwords to try with.
        site: where the users of one realm log in, if there is such a realm.
    """
    members = site.realm_url if site else ""
    sample, shape = Sample(issuer_url, url, identities, users, members), _Plain()

    def missing(_error: LingpaiError, call: Call) -> Reply:
        accept = call.header("accept-language")
        return page_of(WORDS[language("", accept)]["title"], ("/",), accept)

    table = (
        ("GET", "/", PageParams, Source.QUERY, sample.home, "What there is to try"),
        (
            "GET",
            "/{dialect}",
            DialectParams,
            Source.PATH | Source.QUERY,
            sample.page,
            "A page that signs in by a script",
        ),
        ("GET", f"/{{dialect}}/{SCRIPT}", DialectParams, Source.PATH, sample.script, "Its script"),
        (
            "POST",
            "/{dialect}/code",
            CodeParams,
            Source.PATH | Source.URLENCODED,
            sample.code,
            "A code that it got",
        ),
        ("GET", "/{dialect}/start", DialectParams, Source.PATH, sample.begin, "Sign in"),
        (
            "GET",
            "/{dialect}/callback",
            CallbackParams,
            Source.PATH | Source.QUERY,
            sample.callback,
            "The answer",
        ),
        ("POST", "/{dialect}/refresh", DialectParams, Source.PATH, sample.refresh, "Renew tokens"),
        ("GET", "/trail/{dialect}", DialectParams, Source.PATH | Source.QUERY, sample.trail, "What happened"),
        ("GET", "/sample.css", NoParams, Source.QUERY, _file(style("pages", "sample"), "text/css"), "Style"),
    )
    own = (
        ("GET", PATH, AskParams, Source.QUERY, site.ask, "Log in at the operator's own site"),
        ("POST", PATH, AnswerForm, Source.URLENCODED, site.answer, "Say who logs in"),
    ) if site else ()  # fmt: skip
    routes = [
        Route((method,), path, params, sources, verb, shape, summary, Reply, "sample", sample.error_page)
        for method, path, params, sources, verb, summary in (*table, *own)
    ]
    return create_app(
        (*routes, *icon_routes(shape, "sample")),
        (("", shape),),
        on_start=(sample.start,),
        on_stop=(sample.stop,),
        page=missing,
    )


def _nothing() -> LingpaiError:
    return LingpaiError(Kind.NOT_FOUND, "There is no such sample.")


def _cookie(name: str) -> tuple[str, str]:
    return ("set-cookie", f"{COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax")


def _see(path: str) -> Reply:
    return Reply(b"", 303, HTML, (NO_STORE, ("location", path)))


def _file(text: str, kind: str) -> Any:
    content = text.encode()

    async def show(_params: NoParams, _call: Call) -> Reply:
        return Reply(content, 200, f"{kind}; charset=utf-8", (("cache-control", "no-cache"),))

    return show
