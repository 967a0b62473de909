"""The verbs of the sample's pages that sign in by a script, or without redirects."""

import msgspec

from lingpai.core.wire import NO_STORE, Call, Reply
from lingpai.issuer.samples import SamplePage
from lingpai.sample_app.browsers import Browsers
from lingpai.sample_app.params import ActionParams, CodeParams, DialectParams, ViewParams
from lingpai.sample_app.rendering import Pages, nothing, see_other

SCRIPT = "page.js"
_JAVASCRIPT = "text/javascript; charset=utf-8"


class ScriptedPages:
    """The `SamplePage` and `SampleView` of a dialect.

    Args:
        browsers: who uses them.
        pages: renders them.
    """

    def __init__(self, browsers: Browsers, pages: Pages) -> None:
        self._browsers = browsers
        self._pages = pages

    async def page(self, params: DialectParams, call: Call) -> Reply:
        """Show a page that signs in by a script."""
        declared = self._page(params.dialect)
        cookie, trail = self._browsers.begin()
        client = self._browsers.client(params.dialect, trail)
        markup = await declared.markup(client, f"/{params.dialect}/{SCRIPT}")
        reply = self._pages.page("page", params.lang, call, markup=markup, trail=trail)
        return msgspec.structs.replace(reply, headers=(*reply.headers, cookie))

    async def script(self, params: DialectParams, _call: Call) -> Reply:
        """Return the script of such a page."""
        return _script(self._page(params.dialect).script)

    async def code(self, params: CodeParams, call: Call) -> dict[str, str]:
        """Handle the code that a page got by its script."""
        self._page(params.dialect)
        trail = self._browsers.trail(call)
        client = self._browsers.client(params.dialect, trail)
        trail.add_browser_request(
            "页面交来授权码 The page passes the code on", "POST", client.page + "/code", {"code": params.code}
        )
        await self._browsers.identity(params.dialect).sign_in.finish(client, params.code)
        return {"trail": "/trail/" + params.dialect}

    async def view(self, params: ViewParams, call: Call) -> Reply:
        """Show a further page of a dialect, with its trail of this browser."""
        declared = self._browsers.view(params.dialect, params.view)
        trail, cookies, address = self._browsers.find(call), [], f"/{params.dialect}/{params.view}"
        if trail is None or trail.view != address:
            cookie, trail = self._browsers.begin(address)
            cookies.append(cookie)
        client = self._browsers.client(params.dialect, trail, params.view)
        markup = declared.markup(client, f"{address}/{SCRIPT}")
        reply = self._pages.page("page", params.lang, call, markup=markup, trail=trail)
        return msgspec.structs.replace(reply, headers=(*reply.headers, *cookies))

    async def view_script(self, params: ViewParams, _call: Call) -> Reply:
        """Return the module of such a page."""
        return _script(self._browsers.view(params.dialect, params.view).script)

    async def act(self, params: ActionParams, call: Call) -> Reply:
        """Do what a form of such a page asks for."""
        action = self._browsers.view(params.dialect, params.view).actions.get(params.action)
        if action is None:
            raise nothing()
        trail = self._browsers.trail(call)
        over = await action(self._browsers.client(params.dialect, trail, params.view))
        return see_other(f"/trail/{params.dialect}" if over else f"/{params.dialect}/{params.view}")

    def _page(self, dialect: str) -> SamplePage:
        page = self._browsers.identity(dialect).sign_in.page
        if page is None:
            raise nothing()
        return page


def _script(content: bytes) -> Reply:
    return Reply(content, 200, _JAVASCRIPT, (NO_STORE,))
