"""All pages of a realm, as routes."""

from collections.abc import Iterator

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import Call, Reply, Route, Shape, Source
from lingpai.issuer.app_sources import AppSource, StoredApps
from lingpai.issuer.authorizations import AnswerStyle, Entry, Pairs
from lingpai.issuer.context import Issuer
from lingpai.issuer.pages import access, passwords
from lingpai.issuer.pages.authorization_responses import RedirectMode, ResponseMode
from lingpai.issuer.pages.by_button import by_button
from lingpai.issuer.pages.consent import ConsentForm, ConsentPage, ConsentStep
from lingpai.issuer.pages.delegated import DelegatedLogins, LoginReturn
from lingpai.issuer.pages.device import DeviceForm, DevicePage, DeviceStep
from lingpai.issuer.pages.form_post import form_post
from lingpai.issuer.pages.login import LoginForm, LoginPage, Logins
from lingpai.issuer.pages.logout import LogoutForm, LogoutPage, LogoutStep
from lingpai.issuer.pages.shape import PageShape, RenderedError
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.visits import Visit, VisitVerb, visited
from lingpai.issuer.pages.waiting_logins import RETURN, WaitingLogins
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.logout_requests import LogoutRequest
from lingpai.issuer.verbs.logouts import Notify, later

UNCHANGING = ("cache-control", "public, max-age=31536000, immutable")
"""For what has a digest of its content in its name."""


class NoParams(msgspec.Struct):
    """A route without parameters."""


class AnyPage(msgspec.Struct):
    """Any other address; `rest` is what comes after the pages' prefix."""

    rest: str = ""


class Pages(Entry):
    """The pages of one realm; to its dialect, the `authorizations.Entry`.

    Args:
        issuer: the realm.
        site: where the pages are.
        mode: the response mode, or the dialect's `AnswerStyle` for responses by redirect.
        device: path of the page for devices without a browser, "" for none.
        notify: notifies the clients of a session that it ended.
        apps: finds apps; those of the store when None.
    """

    def __init__(
        self,
        issuer: Issuer,
        site: Site,
        mode: AnswerStyle | ResponseMode,
        *,
        device: str = "",
        notify: Notify = later,
        apps: AppSource | None = None,
    ) -> None:
        self._device = device
        self._leaving = LogoutStep(notify)
        self.issuer = issuer
        self.site = site
        self.shape = PageShape(site)
        self._consent = ConsentStep(
            issuer,
            site,
            RedirectMode(mode) if isinstance(mode, AnswerStyle) else mode,
            apps or StoredApps(issuer),
        )

    async def find_nothing(self, _params: AnyPage, _visit: Visit) -> Reply:
        """Answer a path that no page has.

        Raises:
            LingpaiError: NOT_FOUND, always: a page in the reader's language for browsers.
        """
        raise LingpaiError(Kind.NOT_FOUND, "there is nothing here")

    @override
    async def open(self, call: Call, app: App, asked: Asked, *, language: str = "") -> Reply:
        return await self._consent.open(call, app, asked, language=language)

    @override
    async def answer_silently(self, call: Call, app: App, asked: Asked) -> Reply:
        return await self._consent.answer_silently(call, app, asked)

    @override
    async def log_out(self, call: Call, request: LogoutRequest, *, language: str = "") -> Reply:
        return await self._leaving.begin(Visit(self.issuer, self.site, call, language), request)

    @override
    def by_form(self, call: Call, uri: str, pairs: Pairs) -> Reply:
        return form_post(Visit(self.issuer, self.site, call), uri, pairs)

    @override
    def by_button(self, call: Call, app: App, uri: str, pairs: Pairs, *, posted: bool) -> Reply:
        return by_button(Visit(self.issuer, self.site, call), app, uri, pairs, posted=posted)

    @override
    def error_page(self, error: LingpaiError, call: Call) -> Reply:
        if isinstance(error, RenderedError):
            return error.reply
        return Visit(self.issuer, self.site, call).error(error)

    def routes(self) -> tuple[Route, ...]:
        """Return every route of the pages, under the site's prefix."""
        elsewhere = DelegatedLogins(self._consent, WaitingLogins(self.issuer, self.site))
        logins = Logins(self._consent, elsewhere, self._device)
        own: tuple[tuple[str, str, type[msgspec.Struct], VisitVerb, str], ...] = (
            (
                (
                    "GET",
                    RETURN,
                    LoginReturn,
                    elsewhere.finish,
                    "Take the answer of the site that logs users in",
                ),
            )
            if self.site.login
            else (
                ("POST", "/login", LoginForm, logins.log_in, "Log in"),
                ("GET", "/password", passwords.AnyForm, passwords.show, "Show the form for another password"),
                ("POST", "/password", passwords.ChangeForm, passwords.change, "Change one's password"),
                (
                    "GET",
                    "/reset",
                    passwords.LinkPage,
                    passwords.show_reset,
                    "Show the form of a link to a new password",
                ),
                ("POST", "/reset", passwords.ResetForm, passwords.reset, "Set the new password of a link"),
            )
        )
        table: tuple[tuple[str, str, type[msgspec.Struct], VisitVerb, str], ...] = (
            ("GET", "/login", LoginPage, logins.show, "Show the login form"),
            *own,
            ("GET", "/logout", LogoutPage, self._leaving.show, "Ask the user whether to log out"),
            ("POST", "/logout", LogoutForm, self._leaving.answer, "Log out"),
            (
                "GET",
                "/left",
                LogoutPage,
                self._leaving.left,
                "Say that the user is logged out, and return to the app",
            ),
            ("GET", "/consent", ConsentPage, self._consent.show, "Ask the user for consent"),
            ("POST", "/consent", ConsentForm, self._consent.answer, "Take the user's answer"),
            ("GET", "/onward", ConsentPage, self._consent.go_on, "Return to the app with the answer"),
            ("GET", "", access.AccessPage, access.show, "List the apps with access to the user's account"),
            ("POST", "/end", access.RevokeForm, access.end, "Revoke an app's access"),
        )
        sources = {"GET": Source.QUERY | Source.NO_LISTS, "POST": Source.URLENCODED | Source.NO_LISTS}
        return (
            *(
                self.route(method, self.site.prefix + path, params, sources[method], verb, summary)
                for method, path, params, verb, summary in table
            ),
            self.route(
                "GET", self.site.prefix + "/{rest:path}", AnyPage, Source.PATH, self.find_nothing, "No such page"
            ),
            *(
                self.route(method, self._device, params, sources[method], verb, summary)
                for method, params, verb, summary in self._device_routes()
            ),
            *self._files(),
        )  # fmt: skip

    def _files(self) -> Iterator[Route]:
        """Yield the routes of what pages load."""
        brand = self.site.brand
        yield self._file(brand.style_name, brand.style, "text/css; charset=utf-8", "Style sheet of the pages")
        if brand.logo is not None:
            yield self._file(brand.logo.name, brand.logo.content, brand.logo.kind, "Logo of the pages")

    def _file(self, name: str, content: bytes, kind: str, summary: str) -> Route:
        async def show(_params: NoParams, _call: Call) -> Reply:
            return Reply(content, 200, kind, (UNCHANGING,))

        path = f"{self.site.prefix}/{name}"
        return Route(("GET",), path, NoParams, Source.QUERY, show, self.shape, summary, Reply, self.tag)

    def _device_routes(self) -> tuple[tuple[str, type[msgspec.Struct], VisitVerb, str], ...]:
        step = DeviceStep(self._device)
        if not self._device:
            return ()
        return (
            ("GET", DevicePage, step.show, "Ask for the code of a device"),
            ("POST", DeviceForm, step.answer, "Take the code, or the user's answer"),
        )

    def route(
        self,
        method: str,
        path: str,
        params: type[msgspec.Struct],
        sources: Source,
        verb: VisitVerb,
        summary: str,
    ) -> Route:
        """Return a route whose verb gets a `Visit`."""
        answer = visited(self.issuer, self.site, verb)
        return Route(
            (method,), path, params, sources, answer, self.shape, summary, Reply, self.tag, self.error_page
        )

    @property
    def tag(self) -> str:
        """Groups the pages in the reference."""
        return f"Pages: {self.issuer.realm}"

    def fallback(self) -> tuple[tuple[str, Shape], ...]:
        """Return the prefixes of unrouted paths that are answered by a page, for `create_app`."""
        return ((f"{self.site.prefix}/", self.shape),)
