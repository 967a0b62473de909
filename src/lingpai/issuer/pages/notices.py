"""Pages of a realm whose users log in at a site of the operator's own, with a button that goes there."""

from http import HTTPStatus

from lingpai.core.wire import Reply
from lingpai.issuer.pages.authorization_responses import Pending
from lingpai.issuer.pages.visits import Visit


def notice(visit: Visit, case: str, pending: Pending | None, status: int = HTTPStatus.OK) -> Reply:
    """Return a page with one sentence and a button that begins the login again.

    Args:
        visit: of the browser.
        case: a key of the catalogues' `elsewhere`.
        pending: the authorization that continues after the login.
        status: of the page.
    """
    return visit.page(
        "elsewhere",
        status,
        switch=None,
        case=case,
        app=pending.app if pending else None,
        again=again_path(visit, pending),
    )


def again_path(visit: Visit, pending: Pending | None, *, repeated: str = "") -> str:
    """Return the path that begins the login again."""
    return visit.path("/login", request=pending.text if pending else "", repeated=repeated)
