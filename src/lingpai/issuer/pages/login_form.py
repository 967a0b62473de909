"""The login form, for whoever has to log in first."""

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Reply
from lingpai.issuer.pages.authorization_responses import Pending
from lingpai.issuer.pages.shape import STATUS
from lingpai.issuer.pages.visits import Visit


def login_form(
    visit: Visit,
    pending: Pending | None = None,
    error: LingpaiError | None = None,
    *,
    name: str = "",
    alert: str = "",
    status: int = 200,
) -> Reply:
    """The form for this browser.

    Args:
        visit: whose session was looked for.
        pending: the authorization that goes on after it.
        error: why the last try failed.
        name: the login name of the last try.
        alert: what else to say: a key of the catalogues' `alerts`.
        status: of the answer, when there is no `error`.
    """
    request = pending.text if pending else ""
    return visit.page(
        "login",
        int(STATUS[error.kind] if error else status),
        action=visit.path("/login"),
        switch=visit.path("/login", request=request, again="1" if visit.opened else ""),
        app=pending.app if pending else None,
        request=request,
        login=name,
        failed=error.kind.value if error else "",
        alert=alert,
    )
