"""Signs a user of the mall in, as a web application would: one call begins, another ends."""

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.clients.python.messages import answer, read_wanted

Wanted = dict[str, Any]


class Library(NamedTuple):
    """How one OAuth client does each step.

    Attributes:
        begin: gives the address to send the user to, and what to keep until they are back.
        opened: a session for the user who is back; gets the app's secret as well.
        exchange: the code for tokens, with that session and secret.
        refresh: the tokens for new ones, with the session that has them.
        refusal: the base of its exceptions, which hold `error` and `description`.
    """

    begin: Callable[[Wanted], dict[str, Any]]
    opened: Callable[[Wanted, str], Any]
    exchange: Callable[[Any, Wanted, str], Any]
    refresh: Callable[[Any, Wanted], Any]
    refusal: Any


def sign_in(library: Library) -> None:
    """Do the half of it that the test wants."""
    wanted = read_wanted()
    answer(**(end(library, wanted) if "callback" in wanted else library.begin(wanted)))


def end(library: Library, wanted: Wanted) -> dict[str, Any]:
    mall, secret = wanted["mall"], wanted["client_secret"]
    session = library.opened(wanted, secret)
    token = dict(library.exchange(session, wanted, secret))
    open_id = session.get(mall + "/getOpenId").json()
    refreshed = dict(library.refresh(session, wanted | {"refresh_token": token["refresh_token"]}))
    info = session.get(mall + "/getUserInfo").json()
    errors = [refusal(library, wanted, each) for each in (secret, "wrong")]
    afterwards = session.get(mall + "/getUserInfo").json()
    return {
        "token": token,
        "open_id": open_id,
        "refreshed": refreshed,
        "info": info,
        "errors": errors,
        "afterwards": afterwards,
    }


def refusal(library: Library, wanted: Wanted, secret: str) -> list[str]:
    try:
        library.exchange(library.opened(wanted, secret), wanted, secret)
    except library.refusal as error:
        return [type(error).__name__, error.error, error.description]
    return []
