"""The log line of a login that failed: who tried, from where, for which app."""

from lingpai.core.errors import LingpaiError
from lingpai.core.escaping import shown
from lingpai.core.logs import structlog
from lingpai.issuer.pages.visits import Visit

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

NAME_FIELD = "login"
"""The field with the login name as it was typed. People type passwords there, so it is logged as a fingerprint, unless
the operator allows the field (setting `log_login_names`)."""


def log_failure(visit: Visit, name: str, app_id: str, error: LingpaiError) -> None:
    """Write the line.

    Args:
        visit: of the browser.
        name: the login name that was entered.
        app_id: public id of the app that the login was for, or "".
        error: the error that the page shows.
    """
    log.info(
        "login_failed",
        realm=visit.issuer.realm,
        address=visit.call.peer,
        app=app_id,
        error=error.kind.value,
        trace_id=visit.call.trace_id,
        **{NAME_FIELD: shown(name)},
    )
