"""Log in (threats B17, B20, B23)."""

from typing import Annotated
from urllib.parse import urlencode

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import redirect
from lingpai.issuer.cookies import known_browser
from lingpai.issuer.pages.authorization_responses import Pending
from lingpai.issuer.pages.consent import ConsentStep, EncryptedRequest
from lingpai.issuer.pages.delegated import DelegatedLogins
from lingpai.issuer.pages.failures import log_failure
from lingpai.issuer.pages.login_form import login_form
from lingpai.issuer.pages.notices import notice
from lingpai.issuer.pages.shape import RenderedError
from lingpai.issuer.pages.site import check_sender
from lingpai.issuer.pages.visits import Visit
from lingpai.issuer.verbs.devices import read_code
from lingpai.issuer.verbs.login import login

_SHOWN_ON_FORM = frozenset({Kind.LOGIN_FAILED, Kind.TOO_MANY_REQUESTS, Kind.BUSY})


DeviceCode = Annotated[str, msgspec.Meta(max_length=16)]


class LoginPage(msgspec.Struct):
    """The parameters of the login form.

    Attributes:
        request: the encrypted authorization request that waits for the login, or "".
        again: not empty to log in as another user.
        left: not empty after a logout.
        renewed: not empty after a new password was set by a link.
        form: not empty after a form: browsers apply the page's `form-action` to what follows it.
        repeated: see `delegated.DelegatedLogins.begin`.
        device: letters of the code of a device that waits for the login, "-" for one yet to be typed, or "".
        lang: the language to switch to.
    """

    request: EncryptedRequest = ""
    again: Annotated[str, msgspec.Meta(max_length=8)] = ""
    left: Annotated[str, msgspec.Meta(max_length=8)] = ""
    renewed: Annotated[str, msgspec.Meta(max_length=8)] = ""
    form: Annotated[str, msgspec.Meta(max_length=8)] = ""
    repeated: Annotated[str, msgspec.Meta(max_length=8)] = ""
    device: DeviceCode = ""
    lang: Annotated[str, msgspec.Meta(max_length=8)] = ""


class LoginForm(msgspec.Struct):
    """The fields of the form; none is required here, as the form shows an error for a missing one."""

    login: Annotated[str, msgspec.Meta(max_length=256)] = ""
    password: str = ""
    form_token: Annotated[str, msgspec.Meta(max_length=128)] = ""
    request: EncryptedRequest = ""
    device: DeviceCode = ""


class Logins:
    """The verbs of logging in.

    Args:
        consent: the step that a pending authorization continues with.
        elsewhere: where the realm's users log in at a site of the operator's own.
        device: path of the page for devices, "" for none.
    """

    def __init__(self, consent: ConsentStep, elsewhere: DelegatedLogins, device: str = "") -> None:
        self._consent = consent
        self._elsewhere = elsewhere
        self._device = device

    async def show(self, params: LoginPage, visit: Visit) -> Reply:
        """Show the form; a user who is logged in is redirected."""
        opened = await visit.find_session()
        if opened is not None and not params.again:
            return redirect(self._onward(visit, params), headers=visit.headers)
        pending = await self._pending(visit, params.request)
        if visit.site.login:
            if params.left or params.form:
                return notice(visit, "left" if params.left else "logged_out", pending)
            return await self._elsewhere.begin(
                visit, pending, again=bool(params.again), repeated=bool(params.repeated)
            )
        name = pending.request.wishes.login if pending else ""
        return login_form(
            visit, pending, name=name, notice="was_set" if params.renewed else "", device=params.device
        )

    async def log_in(self, params: LoginForm, visit: Visit) -> Reply:
        """Check the password, and begin a new session.

        A form of another session has no effect: a user who is logged in is redirected, others get a new form. A second
        post of the same form has the cookie of the first one's session, or still the form's own.
        """
        check_sender(visit.call)
        opened = await visit.find_session()
        if not visit.is_own_form(params.form_token):
            if opened is not None:
                return redirect(self._onward(visit, params, form="1"), headers=visit.headers)
            error = LingpaiError(Kind.FORGED_FORM, "This form belongs to another browser session.")
            alert = "begun_again" if visit.cookie else "no_cookie"
            pending = await self._pending(visit, params.request)
            raise RenderedError(
                error,
                login_form(
                    visit,
                    pending,
                    name=params.login,
                    alert=alert,
                    status=error.kind.status,
                    device=params.device,
                ),
            )
        issuer, call = visit.issuer, visit.call
        browser = known_browser(issuer, call, secure=visit.site.secure) or issuer.random_bytes(16).hex()
        try:
            fresh = await login(
                issuer,
                params.login,
                params.password,
                call.peer,
                opened.session if opened else None,
                browser=browser,
                form=params.form_token,
            )
        except LingpaiError as error:
            if error.kind not in _SHOWN_ON_FORM:
                raise
            pending = await self._pending(visit, params.request)
            log_failure(visit, params.login, pending.app.app_id if pending else "", error)
            raise RenderedError(
                error, login_form(visit, pending, error, name=params.login, device=params.device)
            ) from error
        visit.set_session(fresh)
        visit.set_browser_cookie(browser)
        return redirect(self._onward(visit, params, form="1"), headers=visit.headers)

    def _onward(self, visit: Visit, params: LoginPage | LoginForm, *, form: str = "") -> str:
        if params.request:
            return visit.path("/consent", request=params.request, form=form)
        if params.device and self._device:
            letters = read_code(params.device)
            return self._device + (f"?{urlencode({'user_code': letters})}" if letters else "")
        return visit.path("")

    async def _pending(self, visit: Visit, text: str) -> Pending | None:
        return (await self._consent.read(visit, text)).pending if text else None
