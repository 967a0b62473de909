"""The login form."""

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.pages.authorization_responses import Pending
from lingpai.issuer.pages.visits import Visit


def login_form(
    visit: Visit,
    pending: Pending | None = None,
    error: LingpaiError | None = None,
    *,
    name: str = "",
    alert: str = "",
    notice: str = "",
    status: int = 200,
    device: str = "",
) -> Reply:
    """Return the form for this browser.

    Args:
        visit: a visit after `find_session`.
        pending: the authorization that continues after the login.
        error: the error of the last attempt.
        name: the login name of the last attempt.
        alert: another message: a key of the catalogues' `alerts`.
        notice: what was done before: a key of the catalogues' `password`.
        device: see `login.LoginPage`.
        status: the status when there is no `error`.
    """
    request = pending.text if pending else ""
    return visit.page(
        "login",
        error.kind.status if error else status,
        action=visit.path("/login"),
        switch=visit.path("/login", request=request, again="1" if visit.opened else "", device=device),
        app=pending.app if pending else None,
        request=request,
        device=device,
        login=name,
        failed=error.kind.value if error else "",
        alert=alert,
        notice=notice,
    )
