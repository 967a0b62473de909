"""Authorization responses of the JS bridge: a message from the window to the page that opened it."""

import msgspec
from typing_extensions import override

from lingpai.core.authorization_records import AuthorizationRequest
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import App, Terminal
from lingpai.core.user_records import User
from lingpai.core.wire import Reply
from lingpai.issuer.context import Issuer
from lingpai.issuer.dialects.yzb.bridge.scripts import WINDOW_NAME
from lingpai.issuer.dialects.yzb.policy import SCOPE
from lingpai.issuer.dialects.yzb.shape import BRIDGE
from lingpai.issuer.dialects.yzb.signing import check_origin
from lingpai.issuer.pages.authorization_responses import Pending, Requested, ResponseMode
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.authorization_requests import run_out
from lingpai.issuer.verbs.sessions import form_token

_SUGGESTION = "Try again; if it fails again, call core.config again."


class BridgeCall(msgspec.Struct, frozen=True):
    """A call of the page that opened the window; it is the `state` of the authorization request.

    Attributes:
        call: the page's name for this call, which the message repeats.
        proof: the proof that `core.config` succeeded on the page.
        access: the requested permissions; none for a code.
        back: the page's address, of the verified origin, when the browser opened no window and the page itself was
            left; "" otherwise.
    """

    call: str
    proof: str
    access: tuple[str, ...] = ()
    back: str = ""


class MessageMode(ResponseMode):
    """The bridge's response mode; see `pages.authorization_responses.ResponseMode`.

    Args:
        prefix: the path before the dialect's routes.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @override
    def check(self, issuer: Issuer, app: App, request: AuthorizationRequest) -> None:
        """The page's host may have been removed from the app's domains since."""
        del issuer
        check_origin(app, request.answer_uri)

    @override
    def requested(self, app: App, request: AuthorizationRequest) -> Requested:
        """The page's signature was verified before."""
        return Requested(SCOPE, read_call(request).access, always_asked=app.public)

    @override
    async def allow(
        self, visit: Visit, pending: Pending, user: User, terminal: Terminal | None, *, by_form: bool
    ) -> Reply:
        """The window gets the code by `/OAuth2/requestJsAuthCode`, with its own session."""
        del user, terminal, by_form
        request, app = pending.request, pending.app
        call = read_call(request)
        if call.access:
            return _answer(visit, request, "allowed", next=_json({"access": call.access}))
        token = form_token(visit.issuer, visit.browser())
        form = {
            "app_id": app.app_id,
            "origin": request.answer_uri,
            "proof": call.proof,
            "form_token": token,
        }
        api = f"{self._prefix}/OAuth2/requestJsAuthCode"
        return _answer(visit, request, "allowed", api=api, form=_json(form), suggestion=_SUGGESTION)

    @override
    def refuse(self, visit: Visit, pending: Pending) -> Reply:
        return _answer(visit, pending.request, "refused")

    @override
    async def form(self, visit: Visit, pending: Pending, user: User) -> Reply | None:
        """A window gets no form."""
        del visit, pending, user
        return None

    @override
    def fail(self, visit: Visit, pending: Pending, error: str) -> Reply:
        """To the page, whoever does not log in refuses."""
        del error
        return self.refuse(visit, pending)

    @override
    async def address(self, issuer: Issuer, pending: Pending, user: User) -> str:
        """A window is not redirected."""
        del issuer, pending, user
        raise run_out()


def error_window(visit: Visit, origin: str, call: str, error: LingpaiError) -> Reply:
    """Return the window's page for an error, which is also sent to its opener; it contains no secret."""
    reply = BRIDGE.error(error, visit.call.trace_id)
    data = {"call": call, "origin": origin, "error": reply.body.decode()}
    return _page(visit, "failed", data, error.kind)


def read_call(request: AuthorizationRequest) -> BridgeCall:
    """Return the call of the page that opened the window."""
    return msgspec.json.decode(request.state or "", type=BridgeCall)


def _answer(visit: Visit, request: AuthorizationRequest, outcome: str, **data: str) -> Reply:
    call = read_call(request)
    known = {"call": call.call, "origin": request.answer_uri, **({"back": call.back} if call.back else {})}
    return _page(visit, outcome, known | data)


def _page(visit: Visit, outcome: str, data: dict[str, str], failed: Kind | None = None) -> Reply:
    return visit.page(
        "done",
        failed.status if failed else 200,
        scripts=True,
        switch=None,
        script=f"{visit.site.prefix}/{WINDOW_NAME}",
        outcome=outcome,
        failed=failed.value if failed else "",
        data=data,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
