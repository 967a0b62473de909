"""A client asks to log its user out, and the browser comes back to it (RP-Initiated Logout 1.0; threats L105, L106).

A client that shows an id_token of the session in this browser is believed. Everybody else's wish is put to the user:
any page can send a browser here. Who is not logged in is not asked, and the browser goes where it was to go.
"""

from typing import Annotated

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import answer_uri, redirect
from lingpai.issuer.pages.consent import EncryptedRequest
from lingpai.issuer.pages.shape import RenderedError
from lingpai.issuer.pages.site import check_sender, goes_to
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.logout_requests import LogoutRequest, means, open_logout, seal_logout
from lingpai.issuer.verbs.logouts import Notify
from lingpai.issuer.verbs.sessions import OpenSession, check_form, end_session, end_sessions


class LogoutPage(msgspec.Struct):
    """The parameters of the pages; `request` is the encrypted request of a client, or ""."""

    request: EncryptedRequest = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class LogoutForm(msgspec.Struct):
    """The buttons.

    Attributes:
        everywhere: not empty to end the user's sessions in other browsers too.
        request: the encrypted request of a client that the user answers, or "".
        answer: "stay" to stay logged in.
    """

    everywhere: Annotated[str, msgspec.Meta(max_length=8)] = ""
    form_token: Annotated[str, msgspec.Meta(max_length=128)] = ""
    request: EncryptedRequest = ""
    answer: Annotated[str, msgspec.Meta(max_length=8)] = ""


class LogoutStep:
    """The pages on which a user logs out.

    Args:
        notify: notifies the clients of a session that ended.
    """

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    async def begin(self, visit: Visit, request: LogoutRequest) -> Reply:
        """Take a request of a client: log out, ask the user, or go on where nobody is logged in."""
        text = seal_logout(visit.issuer, request)
        if (
            not visit.call.safe
        ):  # another site's form brings no cookie; our own address does (RFC 6265bis §5.2)
            return redirect(visit.path("/logout", request=text), headers=visit.headers)
        opened = await visit.find_session()
        if opened is not None and not means(visit.issuer, request, opened.session):
            return redirect(visit.path("/logout", request=text), headers=visit.headers)
        return await self._leave(visit, request)

    async def show(self, params: LogoutPage, visit: Visit) -> Reply:
        """Ask the user, if anybody is logged in whom the client does not mean."""
        opened = await visit.find_session()
        request = open_logout(visit.issuer, params.request)
        if opened is not None and not means(visit.issuer, request, opened.session):
            return await self._question(visit, opened, params.request, request)
        return await self._leave(visit, request)

    async def answer(self, params: LogoutForm, visit: Visit) -> Reply:
        """Take the user's answer, or a button of another page of ours."""
        check_sender(visit.call)
        opened = await visit.find_session()
        if not params.request:
            if opened is not None:
                check_form(visit.issuer, opened.handle, params.form_token)
                await self._end(visit, opened, everywhere=bool(params.everywhere))
            visit.remove_session()
            left = "1" if visit.site.login else ""
            return redirect(visit.path("/login", left=left), headers=visit.headers)
        request = open_logout(visit.issuer, params.request)
        if opened is not None:
            if not visit.is_own_form(params.form_token):
                error = LingpaiError(Kind.FORGED_FORM, "The form belongs to another session, or is too old.")
                page = await self._question(
                    visit, opened, params.request, request, "begun_again", error.kind.status
                )
                raise RenderedError(error, page)
            if params.answer == "stay":
                return redirect(visit.path(""), headers=visit.headers)
            await self._end(visit, opened)
        visit.remove_session()
        return redirect(visit.path("/left", request=params.request), headers=visit.headers)

    async def left(self, params: LogoutPage, visit: Visit) -> Reply:
        """Say that the user is logged out, and send the browser to the client that asked for it."""
        request = open_logout(visit.issuer, params.request)
        if await visit.find_session() is not None:
            return redirect(visit.path("/logout", request=params.request), headers=visit.headers)
        return self._left(visit, request)

    async def _leave(self, visit: Visit, request: LogoutRequest) -> Reply:
        """End the session of this browser, if there is one, and go on.

        A client that registered itself could make a link of ours lead anywhere, so who was not logged in with it
        goes there by a button (RFC 9700 §4.11.2).
        """
        known = visit.opened is not None
        if visit.opened is not None:
            await self._end(visit, visit.opened)
            visit.remove_session()
        if request.uri and (known or not request.unchecked):
            return redirect(_address(request), headers=visit.headers)
        return self._left(visit, request)

    async def _end(self, visit: Visit, opened: OpenSession, *, everywhere: bool = False) -> None:
        """End a session; its clients are notified before the browser goes on (RP-Initiated Logout 1.0 §2)."""
        if everywhere:
            logouts = await end_sessions(visit.issuer, opened.user)
        else:
            logouts = await end_session(visit.issuer, opened.session)
        if logouts:
            await self._notify(logouts)

    async def _question(
        self,
        visit: Visit,
        opened: OpenSession,
        text: str,
        request: LogoutRequest,
        alert: str = "",
        status: int = 200,
    ) -> Reply:
        issuer = visit.issuer
        app = await issuer.store.find_app(issuer.realm, request.app_id) if request.app_id else None
        return visit.page(
            "logout",
            status,
            action=visit.path("/logout"),
            switch=visit.path("/logout", request=text),
            request=text or seal_logout(issuer, request),
            app=app,
            user=opened.user,
            alert=alert,
        )

    def _left(self, visit: Visit, request: LogoutRequest) -> Reply:
        return visit.page(
            "left",
            switch=None,
            address=_address(request),
            waits=request.unchecked,
            goes_to=goes_to(request.uri) if request.uri else "",
            elsewhere=bool(visit.site.login),
        )


def _address(request: LogoutRequest) -> str:
    """Return where the browser goes, "" for nowhere."""
    if not request.uri or request.state is None:
        return request.uri
    return answer_uri(request.uri, [("state", request.state)])
