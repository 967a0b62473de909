"""The head of a request, parsed once."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from lingpai.core.browsers import prefers_html

RawHeaders = Sequence[tuple[bytes, bytes]]

_LISTS: Final = {
    # A proxy that is spoken to by HTTP/2 may pass on one line for each cookie (RFC 9113 §8.2.3).
    b"cookie": b"; ",
    **dict.fromkeys(
        (
            b"accept",
            b"accept-language",
            b"content-encoding",
            b"dpop",  # one alone is right (RFC 9449 §4.3), and two are not one of them
            b"expect",
            b"if-none-match",
            b"transfer-encoding",
        ),
        b", ",
    ),
}
"""The headers that are lists, and what separates their members: several lines are one list (RFC 9110 §5.3)."""


def _by_name(lines: RawHeaders) -> dict[bytes, bytes]:
    headers = dict(lines)
    if len(headers) < len(lines):
        for name in headers.keys() & _LISTS.keys():
            headers[name] = _LISTS[name].join(value for each, value in lines if each == name)
    return headers


def bearer_of(authorization: bytes) -> str | None:
    """The credential of `Authorization: Bearer`, or None (RFC 6750 §2.1; the scheme in any case)."""
    scheme, _, credential = authorization.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    return credential.strip().decode("latin-1") or None


class Head:
    """The parsed head of one request.

    Args:
        query: the raw query string.
        lines: the headers in order, names in lower case.
        target: the request target, undecoded.

    Attributes:
        query: as given.
        target: as given.
        body: the body that is on its way, of a route that streams.
        old: whether it is a request of HTTP/1.0.
        lines: as given.
        headers: the same by name; the lines of a list are one, of any other that is repeated the last counts.
        bearer: see `Call`.
        if_none_match: see `Call`.
        accepts_html: see `Call`.
        authorized_twice: whether the Authorization header is repeated.
        read_body: what reads a body after this head, once the endpoint knows; see `Reader.whole_reader`.
    """

    __slots__ = (
        *("accepts_html", "authorized_twice", "bearer", "headers", "if_none_match", "lines", "query"),
        *("body", "old", "read_body", "target"),
    )

    def __init__(self, query: bytes, lines: RawHeaders, target: bytes = b"") -> None:
        self.query = query
        self.target = target
        self.body: AsyncIterator[bytes] | None = None
        self.old = False
        self.lines = lines
        self.headers = headers = _by_name(lines)
        self.bearer: str | None = None
        self.if_none_match: str | None = None
        self.accepts_html = self.authorized_twice = False
        self.read_body: Callable[[bytes], Any] | None = None
        if b"authorization" in headers:
            self._authorize([value for name, value in lines if name == b"authorization" and value.strip()])
        if b"if-none-match" in headers:
            self.if_none_match = headers[b"if-none-match"].decode("latin-1")
        if b"accept" in headers:
            self.accepts_html = prefers_html(headers[b"accept"])

    def _authorize(self, given: list[bytes]) -> None:
        """Take the credentials; an empty header, as some clients always send one, brings none."""
        if not given:
            del self.headers[b"authorization"]
            return
        self.headers[b"authorization"] = given[-1]
        self.authorized_twice = len(given) > 1
        self.bearer = bearer_of(given[-1])
