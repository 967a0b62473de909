"""Answers that wait for the user's press, as nobody here has checked where they go (RFC 9700 §4.11.2; threat A10)."""

from http import HTTPStatus

from lingpai.core.issuer_records import App
from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import Pairs, answer_uri
from lingpai.issuer.pages.render import HTML, page_headers, render
from lingpai.issuer.pages.site import goes_to
from lingpai.issuer.pages.unchecked import unchecked
from lingpai.issuer.pages.visits import Visit


def by_button(visit: Visit, app: App, uri: str, pairs: Pairs, *, posted: bool) -> Reply:
    """Return the page that names where an error goes, and sends the browser there when its user presses the button.

    Args:
        visit: whose browser.
        app: which described itself.
        uri: the redirect URI, verified to be the app's.
        pairs: the answer.
        posted: whether it is posted instead of being in the address.
    """
    target = goes_to(uri)
    body = render(
        visit.site,
        visit.language,
        "by_button",
        switch=None,
        app=app,
        address=uri if posted else answer_uri(uri, pairs),
        pairs=pairs,
        posted=posted,
        goes_to=target,
        unchecked=unchecked(app),
    )
    headers = page_headers(visit.site, rules={"form-action": target} if posted else {})
    return Reply(body, HTTPStatus.BAD_REQUEST, HTML, (*headers, *visit.headers))
