"""Answers that the browser posts to the client (OAuth 2.0 Form Post Response Mode §2; threat L115)."""

from lingpai.core.wire import Reply
from lingpai.issuer.authorizations import Pairs
from lingpai.issuer.pages.render import HTML, page_headers, render
from lingpai.issuer.pages.site import goes_to
from lingpai.issuer.pages.visits import Visit

_NONCE_BYTES = 16


def form_post(visit: Visit, uri: str, pairs: Pairs) -> Reply:
    """Return the page whose form goes to `uri` by itself, or by its button where scripts are off.

    Its policy lets it run this one script and post to the client's origin, and nothing else. Nobody keeps it: it has
    the code.

    Args:
        visit: whose browser.
        uri: the redirect URI.
        pairs: the answer.
    """
    nonce = visit.issuer.random_bytes(_NONCE_BYTES).hex()
    target = goes_to(uri)
    body = render(
        visit.site,
        visit.language,
        "form_post",
        switch=None,
        address=uri,
        pairs=pairs,
        goes_to=target,
        nonce=nonce,
    )
    headers = page_headers(visit.site, rules={"script-src": f"'nonce-{nonce}'", "form-action": target})
    return Reply(body, 200, HTML, (*headers, ("pragma", "no-cache"), *visit.headers))
