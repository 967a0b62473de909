"""The interface between dialects and pages for authorization requests, and the redirects to apps.

A dialect's `GET /authorize` checks its parameters by its own table, and then calls `Entry.open`, which sends the
browser to login and consent. The pages send the authorization response to the app in the dialect's `AnswerStyle`.
"""

from collections.abc import Iterable
from typing import Protocol
from urllib.parse import urlencode, urlsplit

import msgspec

from lingpai.core.authorization_records import AuthorizationRequest
from lingpai.core.errors import LingpaiError
from lingpai.core.issuer_records import App
from lingpai.core.wire import NO_STORE, Call, Reply
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import Code
from lingpai.issuer.verbs.logout_requests import LogoutRequest

Pairs = tuple[tuple[str, str], ...]


class AnswerStyle(msgspec.Struct, frozen=True, kw_only=True):
    """The form of a dialect's authorization responses.

    Attributes:
        status: of the redirect; one that turns a form's POST into a GET (threat A11).
        before_code: pairs before the code, such as `response_type=code`.
        every: pairs at the end of every answer, such as `iss` (RFC 9207, threat A12).
        refused: `error_description` of a refusal.
        terminals: whether the user chooses one of their terminals.
    """

    status: int = 303
    before_code: Pairs = ()
    every: Pairs = ()
    refused: str = "The user refused."
    terminals: bool = False


class Entry(Protocol):
    """The pages, for a dialect."""

    async def open(self, call: Call, app: App, asked: Asked, *, language: str = "") -> Reply:
        """Send the browser, with the encrypted request, to login and consent, in this language if one is named.

        Raises:
            LingpaiError: as `begin_authorization` does; the dialect decides which of these it redirects.
        """
        ...

    async def answer_silently(self, call: Call, app: App, asked: Asked) -> Reply:
        """Answer a request whose user is logged in and has consented to all of it, without a page.

        Raises:
            LingpaiError: LOGIN_REQUIRED, NOT_ADDED when consent is missing, or as `begin_authorization` does.
        """
        ...

    async def log_out(self, call: Call, request: LogoutRequest, *, language: str = "") -> Reply:
        """Log the user of this browser out as a client asks for it, or ask the user first."""
        ...

    def by_form(self, call: Call, uri: str, pairs: Pairs) -> Reply:
        """Return a page that makes the browser post an answer to a redirect URI that is known to be right."""
        ...

    def by_button(self, call: Call, app: App, uri: str, pairs: Pairs, *, posted: bool) -> Reply:
        """Return a page that names where an error goes, and sends it there when the user presses its button.

        Args:
            call: of the browser.
            app: whose redirect URI nobody here has checked.
            uri: the redirect URI, known to be the app's.
            pairs: the answer.
            posted: whether the browser posts it.
        """
        ...

    def error_page(self, error: LingpaiError, call: Call) -> Reply:
        """Return the page for an error that must not be redirected, in the reader's language."""
        ...


def answer_uri(uri: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a redirect URI with an answer in its query, each pair once and encoded (threat A9)."""
    encoded = urlencode(list(pairs))
    separator = "" if uri.endswith(("?", "&")) else "&" if urlsplit(uri).query else "?"
    return uri + separator + encoded


def redirect(location: str, status: int = 303, headers: Pairs = ()) -> Reply:
    """Redirect a browser, without a `Referer` that would show this request's URL (threat B21)."""
    about = (NO_STORE, ("referrer-policy", "no-referrer"), ("location", location))
    return Reply(b"", status, "text/plain; charset=utf-8", about + headers)


def refusal(
    style: AnswerStyle,
    uri: str,
    state: str | None,
    error: str,
    description: str,
    *,
    status: int | None = None,
) -> Reply:
    """Send an error to an app by redirect (RFC 6749 §4.1.2.1).

    Args:
        style: the dialect's.
        uri: the redirect URI, verified to be the app's.
        state: as the app gave it, or None.
        error: the error's name on the wire.
        description: the dialect's words.
        status: another one than the style's.
    """
    return redirect(refusal_uri(style, uri, state, error, description), status or style.status)


def allowed_uri(style: AnswerStyle, code: Code) -> str:
    """Return the redirect URI with the code (RFC 6749 §4.1.2)."""
    return answer_uri(code.answer_uri, allowed_pairs(style, code))


def allowed_pairs(style: AnswerStyle, code: Code) -> Pairs:
    """Return the answer with a code."""
    return (*style.before_code, ("code", code.code), *_state(code.state), *style.every)


def refusal_pairs(style: AnswerStyle, state: str | None, error: str, description: str) -> Pairs:
    """Return the answer with an error; see `refusal`."""
    return (("error", error), ("error_description", description), *_state(state), *style.every)


def refused_uri(style: AnswerStyle, request: AuthorizationRequest) -> str:
    """Return the redirect URI with the error `access_denied`."""
    return refusal_uri(style, request.answer_uri, request.state, "access_denied", style.refused)


def refusal_uri(style: AnswerStyle, uri: str, state: str | None, error: str, description: str) -> str:
    """Return the redirect URI with an error; see `refusal`."""
    return answer_uri(uri, refusal_pairs(style, state, error, description))


def _state(state: str | None) -> Pairs:
    return () if state is None else (("state", state),)
