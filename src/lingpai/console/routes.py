"""The routes of the console."""

import functools
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from lingpai.console.breaking import ACTIONS, MENDED, Sandbox
from lingpai.console.counts import Counts
from lingpai.console.desk import PREFIX, Desk, files_path, scripts, sheet
from lingpai.console.forms import params_of
from lingpai.console.live import Events, Watcher, read_state
from lingpai.console.operating_pages import OperationPages
from lingpai.console.operations import OPERATIONS
from lingpai.console.pages import PageParams, Pages
from lingpai.console.sessions import is_secret
from lingpai.console.visits import (
    ConsoleShape,
    Visit,
    VisitVerb,
    demand_same_origin,
    error_page,
    url,
    visited,
)
from lingpai.console.who import whose
from lingpai.console.words import reason_in
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import NO_STORE, Call, Reply, Route, Source, StreamedReply, Streams
from lingpai.operating.own_hosts import demand_own_host
from lingpai.operating.repeats import Repeats

TAG: Final = "console"
EVENT_STREAM: Final = "text/event-stream"
_UNCHANGING: Final = ("cache-control", "private, max-age=31536000, immutable")
_NO_BODY: Final = Streams(body_limit=0, stall=10.0)


class NoParams(msgspec.Struct):
    """A route without parameters."""


class AnyPage(msgspec.Struct):
    """Any other address; `rest` is what comes after the console's."""

    rest: str = ""


class SignIn(msgspec.Struct):
    """What begins a session: a link, its secret, or an admin key."""

    secret: str = ""
    form_token: str = ""

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return "SignIn()"


class Form(msgspec.Struct):
    """A form without fields."""

    form_token: str = ""


class Search(msgspec.Struct):
    """What is looked for: a name, or a token, which is a secret."""

    q: str = ""
    form_token: str = ""

    def __repr__(self) -> str:
        """Return a text without what may be a token."""
        return "Search()"


class Break(msgspec.Struct):
    """A fault, by name."""

    fault: str = ""
    form_token: str = ""


class Console:
    """The console: its pages, its events and its files.

    Args:
        desk: what all of it shares.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._counts = Counts()
        self._watcher = Watcher(functools.partial(read_state, desk.site.keeper, self._counts))
        self._pages = Pages(self._counts)
        self._shape = ConsoleShape(desk)
        self._sandbox = Sandbox(desk.sandbox, desk.site) if desk.sandbox else None

    def end(self) -> None:
        """End every stream of events: the service ends."""
        self._watcher.end()

    def routes(self) -> list[Route]:
        """Return every route."""
        pages = self._pages
        found = [
            self._page("GET", "", PageParams, pages.overview),
            *(
                self._page("GET", f"/{name}", PageParams, getattr(pages, name))
                for name in (
                    "overview",
                    "accounts",
                    "callers",
                    "apps",
                    "users",
                    "grants",
                    "machines",
                    "environments",
                    "realms",
                    "audit",
                    "keys",
                    "admins",
                    "sessions",
                )
            ),
            self._page("POST", "/sign-in", SignIn, self._sign_in, signed_in=False),
            self._page("POST", "/sign-out", Form, self._sign_out),
            self._page("POST", "/search", Search, self._search),
            self._page("GET", "/search", PageParams, self._search_form),
            *self._operations(),
            *self._files(),
            self._events(),
        ]
        if self._sandbox is not None:
            found += [
                self._page("GET", "/break", PageParams, self._show_broken),
                self._page("POST", "/break", Break, self._break),
            ]
        return [*found, self._page("GET", "/{rest:path}", AnyPage, self._find_nothing, source=Source.PATH)]

    def _page(
        self,
        method: str,
        path: str,
        params: type[msgspec.Struct],
        verb: VisitVerb,
        *,
        signed_in: bool = True,
        source: Source | None = None,
    ) -> Route:
        sources = source or ((Source.QUERY if method == "GET" else Source.URLENCODED) | Source.NO_LISTS)
        answer = visited(self._desk, verb, signed_in=signed_in)
        return Route(
            (method,),
            PREFIX + path,
            params,
            sources,
            answer,
            self._shape,
            "Console",
            Reply,
            TAG,
            error_page(self._desk),
        )

    def _operations(self) -> Iterator[Route]:
        repeats = Repeats(self._desk.site)
        for each in OPERATIONS:
            pages, path = OperationPages(each, repeats), f"/{each.kind}/{each.name}"
            yield self._page("GET", path, params_of(each, sent=False), pages.show)
            yield self._page("POST", path, params_of(each, sent=True), pages.take)

    def _files(self) -> Iterator[Route]:
        """Yield the routes of what pages load; nothing in these files is secret."""
        kinds = {"console.css": (sheet(), "text/css; charset=utf-8")}
        kinds |= {name: (content, "text/javascript; charset=utf-8") for name, content in scripts().items()}
        for name, (content, kind) in kinds.items():
            reply = Reply(content, 200, kind, (_UNCHANGING, ("x-content-type-options", "nosniff")))
            verb = functools.partial(_give, reply)
            path = f"{files_path()}/{name}"
            yield Route(("GET",), path, NoParams, Source.QUERY, verb, self._shape, "Console", Reply, TAG)

    def _events(self) -> Route:
        return Route(
            ("GET",),
            f"{PREFIX}/events",
            NoParams,
            Source.QUERY,
            self._follow,
            self._shape,
            "Console",
            Reply,
            TAG,
            streams=_NO_BODY,
        )

    async def _follow(self, _params: NoParams, call: Call) -> Reply:
        """Stream what changes, until the session ends."""
        desk = self._desk
        demand_own_host(call, desk.hosts)
        demand_same_origin(call, desk)
        visit = Visit(desk, call)
        operator = await visit.find_operator()
        if operator is None:
            raise LingpaiError(Kind.LOGIN_REQUIRED, "Log in first.")
        await visit.port().demand("tokens", "read", ())

        async def valid() -> bool:
            return await desk.sessions.find(operator.secret, call.peer) is not None

        return StreamedReply(
            b"",
            200,
            EVENT_STREAM,
            (NO_STORE, ("x-accel-buffering", "no")),
            chunks=Events(self._watcher, valid),
        )

    async def _sign_in(self, params: SignIn, visit: Visit) -> Reply:
        try:
            visit.check_form(params.form_token)
            operator = await self._desk.sessions.begin(params.secret, visit.entrance)
        except LingpaiError as error:
            if error.kind is Kind.STORE_UNAVAILABLE:
                raise
            return visit.page("sign_in", error.kind.status, problem=reason_in(visit.language, error.reason))
        visit.headers += (
            self._desk.cookie(self._desk.session_cookie, operator.secret),
            self._desk.cookie(self._desk.visitor_cookie, ""),
        )
        return visit.redirect(url())

    async def _sign_out(self, params: Form, visit: Visit) -> Reply:
        visit.check_form(params.form_token)
        if visit.operator is not None:
            await self._desk.sessions.end(visit.operator, visit.entrance)
        visit.headers += (self._desk.cookie(self._desk.session_cookie, ""),)
        return visit.redirect(url())

    async def _search_form(self, _params: PageParams, visit: Visit) -> Reply:
        return visit.page("search", found=None, hits=[], asked=False, secret=False)

    async def _search(self, params: Search, visit: Visit) -> Reply:
        """Look for a name or a token; what is looked for is in no address and in no log."""
        visit.check_form(params.form_token)
        text, port = params.q.strip(), visit.port()
        if is_secret(text):
            return visit.page("search", found=None, hits=[], asked=True, secret=True)
        found = await whose(visit.site(), port, text)
        hits = [] if found is not None else await _named(visit, text)
        return visit.page("search", found=found, hits=hits, asked=True, secret=False)

    async def _show_broken(self, params: PageParams, visit: Visit) -> Reply:
        broken = await self._sandbox.broken() if self._sandbox is not None else ""
        return visit.page("break", broken=broken, actions=ACTIONS, mended=MENDED, done=params.done)

    async def _break(self, params: Break, visit: Visit) -> Reply:
        visit.check_form(params.form_token)
        if self._sandbox is not None:
            await visit.port().demand("accounts", "write", ())
            await self._sandbox.turn(params.fault)
        return visit.redirect(url("break", done=f"break.{params.fault}"))

    async def _find_nothing(self, _params: AnyPage, _visit: Visit) -> Reply:
        raise LingpaiError(Kind.NOT_FOUND, "there is nothing here")


async def _give(reply: Reply, _params: Any, _call: Call) -> Reply:
    return reply


async def _named(visit: Visit, text: str) -> list[tuple[str, str, str]]:
    """Return what has a text in its name: a kind, the name, and the page that shows it."""
    port, lowered = visit.port(), text.lower()
    hits: list[tuple[str, str, str]] = []
    if not text:
        return hits
    for kind, name in (("accounts", "account"), ("callers", "caller")):
        if port.may(kind):
            items = (await port.list(kind, limit=500)).items
            hits += [(kind, each[name], url(kind)) for each in items if lowered in each[name].lower()]
    for realm in visit.desk.site.realms:
        if port.may("apps", key=(realm,)):
            apps = (await port.list("apps", (realm,), limit=500)).items
            hits += [
                ("apps", f"{realm}/{each['app_id']}", url("apps", realm=realm))
                for each in apps
                if lowered in each["app_id"].lower() or lowered in each["name"].lower()
            ]
        if port.may("users", key=(realm,)):
            users = (await port.list("users", (realm,), {"login": text})).items
            hits += [
                ("users", f"{realm}/{each['login']}", url("users", realm=realm, q=text)) for each in users
            ]
    return hits
