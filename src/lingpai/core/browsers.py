"""Recognise requests of browsers.

A browser sends requests that any page asks for, from the network of its user. So a caller that is recognised by its
network alone must not be a browser. `Origin` and `Sec-Fetch-*` show a browser, but browsers leave both out of simple
requests to plain-http names, so other headers are examined too.
"""

import functools
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

Headers = Mapping[bytes, bytes]
"""Names in lower case."""

_PLAIN_SIGNS: Final = (
    *(b"origin", b"sec-fetch-site", b"sec-fetch-dest", b"sec-fetch-user", b"sec-fetch-storage-access"),
    *(b"sec-ch-ua", b"sec-ch-ua-mobile", b"sec-ch-ua-platform", b"upgrade-insecure-requests"),
    *(b"access-control-request-method", b"access-control-request-private-network"),
)
# Node's own fetch sends `Sec-Fetch-Mode: cors`, and none of the other headers.
_PROGRAMS_MODE: Final = b"cors"
_ENGINES: Final = (b"mozilla/", b"opera/")
_HTML: Final = b"text/html"
_JSON: Final = b"application/json"
# HttpURLConnection: "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"; later JDKs leave out `*; q=.2`.
_JAVAS_FIRST: Final = [b"text/html", b"image/gif", b"image/jpeg"]
_PAGE_TYPES: Final = (b"text/html", b"image/", b"text/css", b"video/", b"audio/", b"application/xhtml")


def _page_host(referer: bytes) -> str:
    try:
        return urlsplit(referer.decode("latin-1")).netloc.lower()
    except ValueError:
        return ""


def looks_like_browser(headers: Headers) -> bool:
    """Return whether the headers of a request are a browser's.

    They are when they include a header that only browsers send; when a page of another host led to the request
    (`Referer`);
    or when `User-Agent` names a browser's engine and the request also accepts parts of pages, or names its user's
    language.
    A program that only has `Mozilla/5.0` in its `User-Agent` is not a browser.
    """
    if any(sign in headers for sign in _PLAIN_SIGNS):
        return True
    if headers.get(b"sec-fetch-mode", _PROGRAMS_MODE) != _PROGRAMS_MODE:
        return True
    referer = headers.get(b"referer")
    if referer is not None and _page_host(referer) != headers.get(b"host", b"").decode("latin-1").lower():
        return True
    if not headers.get(b"user-agent", b"").lower().startswith(_ENGINES):
        return False
    accept = headers.get(b"accept", b"").lower()
    return b"accept-language" in headers or any(kind in accept for kind in _PAGE_TYPES) or referer is not None


@functools.lru_cache(maxsize=256)
def prefers_html(accept: bytes) -> bool:
    """Return whether an `Accept` header (RFC 9110 §12.5.1) asks for a page rather than for data.

    Java's default value also names `text/html` first, but then names image types in an order that no browser uses.
    """
    ranges = [each.partition(b";") for each in accept.lower().split(b",")]
    weights = {kind.strip(): _weight(parameters) for kind, _, parameters in reversed(ranges)}
    order = [kind.strip() for kind, _, _ in ranges]
    if order[:3] == _JAVAS_FIRST:
        return False
    html, data = weights.get(_HTML, 0.0), weights.get(_JSON, 0.0)
    return html > data or (html == data > 0 and order.index(_HTML) < order.index(_JSON))


def _weight(parameters: bytes) -> float:
    for parameter in parameters.split(b";"):
        name, _, value = parameter.strip().partition(b"=")
        if name.strip() == b"q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
