"""Log in and out (attacks B17, B20, B23)."""

from typing import Annotated

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.cookies import known_browser
from lingpai.issuer.pages.asking import Asking, Waiting
from lingpai.issuer.pages.failures import log_failure
from lingpai.issuer.pages.shape import STATUS, Shown
from lingpai.issuer.pages.site import check_sender
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.login import login
from lingpai.issuer.verbs.sessions import OpenSession, check_form, end_session

Handle = Annotated[str, msgspec.Meta(max_length=128)]
_TOLD_ON_THE_FORM = frozenset({Kind.LOGIN_FAILED, Kind.TOO_MANY_REQUESTS, Kind.BUSY})


class LoginPage(msgspec.Struct):
    """The form.

    Attributes:
        request: handle of the authorization that waits for it, or "".
        again: not empty to log in as somebody else.
        lang: the language to switch to.
    """

    request: Handle = ""
    again: Annotated[str, msgspec.Meta(max_length=8)] = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class LoginForm(msgspec.Struct):
    """What the form sends; nothing is required here, for the form itself tells what is missing."""

    login: Annotated[str, msgspec.Meta(max_length=256)] = ""
    password: str = ""
    form_token: Handle = ""
    request: Handle = ""


class LogoutForm(msgspec.Struct):
    """The button."""

    form_token: Handle = ""


class Logins:
    """The verbs of logging in and out.

    Args:
        asking: the authorizations that may wait for it.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def show(self, params: LoginPage, visit: Visit) -> Reply:
        """The form; who is logged in goes on."""
        opened = await visit.begin()
        if opened.user is not None and not params.again:
            return redirect(self._onward(visit, params.request), headers=visit.headers)
        return self._form(visit, opened, params.request, await self._asked(visit, opened, params.request))

    async def log_in(self, params: LoginForm, visit: Visit) -> Reply:
        """Check the password; the session is a new one then, and the authorization moves there."""
        opened = await self._checked(visit, params.form_token)
        browser = known_browser(visit.issuer, visit.call) or visit.issuer.random_bytes(16).hex()
        try:
            fresh = await login(
                visit.issuer,
                params.login,
                params.password,
                visit.call.peer,
                opened.session,
                browser=browser,
                form=params.form_token,
            )
        except LingpaiError as error:
            if error.kind not in _TOLD_ON_THE_FORM:
                raise
            asked = await self._asked(visit, opened, params.request)
            log_failure(visit, params.login, asked.app.app_id if asked else "", error)
            page = self._form(visit, opened, params.request, asked, error, params.login)
            raise Shown(error, page) from error
        visit.take(fresh)
        visit.know(browser)
        return redirect(self._onward(visit, params.request), headers=visit.headers)

    async def log_out(self, params: LogoutForm, visit: Visit) -> Reply:
        """End the session."""
        opened = await self._checked(visit, params.form_token)
        await end_session(visit.issuer, opened.session)
        visit.forget()
        return redirect(visit.path("/login"), headers=visit.headers)

    async def _checked(self, visit: Visit, token: str) -> OpenSession:
        check_sender(visit.call)
        opened = await visit.look()
        if opened is None:
            raise LingpaiError(Kind.FORGED_FORM, "The session of this form is over.")
        check_form(visit.issuer, opened.session, token)
        return opened

    async def _asked(self, visit: Visit, opened: OpenSession, handle: str) -> Waiting | None:
        return await self._asking.read(visit, opened.session, handle) if handle else None

    def _form(
        self,
        visit: Visit,
        opened: OpenSession,
        handle: str,
        asked: Waiting | None,
        error: LingpaiError | None = None,
        name: str = "",
    ) -> Reply:
        return visit.page(
            "login",
            int(STATUS[error.kind]) if error else 200,
            form_sources=asked.wanted.form_sources if asked else (),
            action=visit.path("/login"),
            switch=visit.path("/login", request=handle, again="1" if opened.user else ""),
            app=asked.app if asked else None,
            request=handle,
            login=name,
            failed=error.kind.value if error else "",
        )

    def _onward(self, visit: Visit, handle: str) -> str:
        return visit.path("/consent", request=handle) if handle else visit.path("")
