"""The routes of the JS bridge (docs/spec/yzb.md, "JS bridge")."""

from typing import Annotated

import msgspec
from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.etags import is_named
from lingpai.core.wire import Call, Reply, Route, Source
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yzb.bridge.message_mode import BridgeCall, MessageMode, error_window
from lingpai.issuer.dialects.yzb.bridge.scripts import BRIDGE, BRIDGE_TAG, WINDOW, WINDOW_NAME
from lingpai.issuer.dialects.yzb.signing import check_proof
from lingpai.issuer.pages.pages import UNCHANGING, NoParams, Pages
from lingpai.issuer.pages.shape import RenderedError
from lingpai.issuer.pages.site import Site
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.apps import find_app, require_client_kind, require_listed
from lingpai.issuer.verbs.authorization_requests import Asked, new_request, seal_request

JAVASCRIPT = "text/javascript; charset=utf-8"
_ANY_PAGE = ("cross-origin-resource-policy", "cross-origin")
_BRIDGE_HEADERS = (("etag", BRIDGE_TAG), ("cache-control", "public, max-age=300"), _ANY_PAGE)

Short = Annotated[str, msgspec.Meta(max_length=128)]


class WindowPage(msgspec.Struct):
    """The parameters of the window that the script opens.

    Attributes:
        app_id: the app.
        origin: of the page that opens it.
        proof: the proof that `core.config` succeeded on the page.
        call: the page's name for this call.
        access: names of permissions, separated by commas; none for a code.
        back: the page's address, when its browser opened no window and the page itself was left.
        lang: the language to switch to.
    """

    app_id: Short
    origin: Annotated[str, msgspec.Meta(max_length=512)]
    proof: Short
    call: Short
    access: Annotated[str, msgspec.Meta(max_length=2048)] = ""
    back: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class BridgePages(Pages):
    """The pages of a realm of the dialect yzb, with the script and its window.

    Args:
        issuer: the realm.
        site: where the pages are.
        prefix: the path before the dialect's routes, and here before `/js/…`.
    """

    def __init__(self, issuer: Issuer, site: Site, prefix: str = "") -> None:
        super().__init__(issuer, msgspec.structs.replace(site, opener=True), MessageMode(prefix))
        self._prefix = prefix

    @override
    def routes(self) -> tuple[Route, ...]:
        script = (
            (f"{self._prefix}/js/yzb-bridge.js", _bridge, "Script of the JS bridge, for pages of apps"),
            (f"{self.site.prefix}/{WINDOW_NAME}", _window, "Script of the bridge's window"),
        )
        return (
            *super().routes(),
            self.route(
                "GET", f"{self._prefix}/js/yzb-bridge/window", WindowPage, Source.QUERY | Source.NO_LISTS,
                self._open_window, "Window that the script opens",
            ),
            *(
                Route(("GET",), path, NoParams, Source.QUERY, verb, self.shape, summary, Reply, self.tag)
                for path, verb, summary in script
            ),
        )  # fmt: skip

    async def _open_window(self, params: WindowPage, visit: Visit) -> Reply:
        try:
            handle = await self._new_request(params, visit)
        except LingpaiError as error:
            raise RenderedError(error, error_window(visit, params.origin, params.call, error)) from error
        return redirect(visit.path("/consent", request=handle), headers=visit.headers)

    async def _new_request(self, params: WindowPage, visit: Visit) -> str:
        app = await find_app(self.issuer, params.app_id)
        require_listed(app)
        require_client_kind(self.issuer, app)
        check_proof(self.issuer, app, params.origin, params.proof)
        if params.back and ("#" in params.back or not params.back.startswith(params.origin + "/")):
            raise LingpaiError(Kind.INVALID_PARAMETER, "back is not on the page's origin.", parameter="back")
        access = tuple(dict.fromkeys(name.strip() for name in params.access.split(",") if name.strip()))
        if not set(access) <= set(app.permissions):
            raise LingpaiError(Kind.NO_PERMISSION, "The app may not request one of these permissions.")
        visit.call.caller = app.app_id
        await visit.find_session()
        state = msgspec.json.encode(BridgeCall(params.call, params.proof, access, params.back)).decode()
        request = new_request(
            self.issuer, app, visit.browser(), Asked(state=state), answer_uri=params.origin, scope=None
        )
        return seal_request(self.issuer, request)


async def _bridge(_params: NoParams, call: Call) -> Reply:
    if is_named(BRIDGE_TAG, call.if_none_match):
        return Reply(b"", 304, JAVASCRIPT, _BRIDGE_HEADERS)
    return Reply(BRIDGE, 200, JAVASCRIPT, _BRIDGE_HEADERS)


async def _window(_params: NoParams, _call: Call) -> Reply:
    return Reply(WINDOW, 200, JAVASCRIPT, (UNCHANGING,))
