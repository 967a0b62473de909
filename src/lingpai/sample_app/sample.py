"""The verbs of the sample: pages, callbacks, and the trail of its requests."""

import hmac
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call, Reply
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.identities import Identities
from lingpai.sample_app.params import CallbackParams, DialectParams, PageParams
from lingpai.sample_app.rendering import Pages, nothing, see_other

ANSWER = "answer:"
"""Before the names of an authorization response's parameters among the notes."""


class Sample:
    """Sign-ins by redirects.

    Args:
        browsers: who uses it.
        pages: renders its pages.
        identities: its apps, by dialect.
        users: login names and passwords to try with.
        members: the address of the realm whose users log in here, or "".
        servers: addresses of its resource servers.
        merchants: paths of the pages for merchants of its third-party platforms, by platform.
    """

    def __init__(
        self,
        browsers: Browsers,
        pages: Pages,
        identities: Identities,
        users: Sequence[tuple[str, str]],
        members: str = "",
        servers: Sequence[str] = (),
        *,
        merchants: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._browsers = browsers
        self._pages = pages
        self._shown: dict[str, Any] = {
            "ids": identities,
            "users": users,
            "members": members,
            "servers": servers,
            "merchants": merchants,
        }

    async def home(self, params: PageParams, call: Call) -> Reply:
        """Show the list of sign-ins."""
        return self._pages.page("home", params.lang, call, **self._shown)

    async def begin(self, params: DialectParams, _call: Call) -> Reply:
        """Begin a new trail, and redirect to the issuer."""
        if not self._browsers.identity(params.dialect).sign_in.authorize:
            raise nothing()
        cookie, trail = self._browsers.begin()
        return see_other(self._browsers.client(params.dialect, trail).start(), cookie)

    async def callback(self, params: CallbackParams, call: Call) -> Reply:
        """Handle the authorization response; its state must be that of this browser's request."""
        trail = self._browsers.trail(call)
        if not trail.state or not hmac.compare_digest(trail.state.encode(), params.state.encode()):
            raise LingpaiError(
                Kind.INVALID_PARAMETER, "This answer does not belong to a request of this browser."
            )
        trail.state = ""
        answer = msgspec.structs.asdict(params)
        given = {name: value for name, value in answer.items() if value and name != "dialect"}
        trail.notes |= {ANSWER + name: value for name, value in given.items()}
        client = self._browsers.client(params.dialect, trail)
        trail.add_browser_request(
            "浏览器带回结果 The browser brings the answer", "GET", client.redirect_uri, given
        )
        if params.code:
            await self._browsers.identity(params.dialect).sign_in.finish(client, params.code)
        return see_other("/trail/" + params.dialect)

    async def refresh(self, params: DialectParams, call: Call) -> Reply:
        """Renew the tokens."""
        trail = self._browsers.trail(call)
        refresh = self._browsers.identity(params.dialect).sign_in.refresh
        if refresh is None or params.dialect not in trail.tokens:
            raise LingpaiError(Kind.INVALID_PARAMETER, "Nothing to refresh yet.")
        await refresh(self._browsers.client(params.dialect, trail))
        return see_other("/trail/" + params.dialect)

    async def logout(self, params: DialectParams, call: Call) -> Reply:
        """Send the browser to the issuer to log out."""
        trail = self._browsers.trail(call)
        client = self._browsers.client(params.dialect, trail)
        address = self._browsers.identity(params.dialect).sign_in.logout(client)
        if not address:
            raise LingpaiError(Kind.INVALID_PARAMETER, "There is no logout here.")
        trail.tokens.clear()
        return see_other(address)

    async def trail(self, params: DialectParams, call: Call) -> Reply:
        """Show the trail."""
        trail = self._browsers.trail(call)
        name = params.dialect
        sign_in = self._browsers.identity(name).sign_in
        return self._pages.page(
            "trail",
            params.lang,
            call,
            dialect=name,
            trail=trail,
            refreshes=name in trail.tokens and sign_in.refresh is not None,
            leaves=bool(sign_in.logout(self._browsers.client(name, trail))),
        )
