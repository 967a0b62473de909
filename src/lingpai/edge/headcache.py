"""Heads with what answers them, and a cache of those that come again.

Clients send the same head again and again. What the parser makes of it depends on its bytes alone, so a head that is
known need not be parsed; one that is not is read by the same strict parser as every other.
"""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

import httptools

from lingpai.edge.endpoint import Endpoint, Find
from lingpai.edge.heads import Head, RawHeaders
from lingpai.edge.router import ENCODED_SLASH, Fields
from lingpai.edge.targets import names_one_host

MOST_BYTES: Final = 2048
"""Of a head that is kept: few are longer."""
MOST_LINES: Final = 32
"""Headers of a head that is kept."""
MOST_PEERS: Final = 64
"""Peers for which one head's answer is kept."""
MOST_KEPT: Final = 32 * 1024 * 1024
"""Bytes that all heads that are kept may take, estimated."""
MOST_SEEN: Final = 65_536
_COST, _LINE_COST = 1500, 150
"""Bytes of memory that a head takes besides its own, and for each of its headers."""
_END: Final = b"\r\n\r\n"
_SLASH: Final = re.compile("%2[Ff]")
# What these ask for, or how they frame the message, makes a message whose end its length alone does not give.
_SPECIAL: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})

Again = Callable[[], Any]
"""Returns the value of an answer once more, or None; see `Call.cached_answer`."""


class Asked:
    """A head with what answers it.

    What repeats an answer (`Call.cached_answer`) is kept by the socket's address, as it depends on who was allowed.
    The parsed head is let go then, and parsed again if need be: ten thousand entries that lie close together are
    found sooner than 20 MB of them.

    Args:
        head: what it says.
        endpoint: what answers it.
        fields: the path's fields, decoded.
        closes: whether the connection ends with the answer.
        raw: all of the head, if it is one that may be kept.

    Attributes:
        endpoint: as given.
        fields: as given.
        closes: as given.
        length: bytes of the body as the head gives them.
        cost: bytes of memory that keeping it takes, estimated.
        raw: as given.
        size: bytes of the head.
        total: bytes of the whole message.
        kept: whether the head is in a cache, and may come again.
        kept_head: what it says, unless that was let go; see `head`.
        first_peer: a peer.
        first_again: what repeats that peer's answer, if anything does.
    """

    __slots__ = (
        *(
            "kept_head",
            "_others",
            "closes",
            "cost",
            "endpoint",
            "fields",
            "first_again",
            "first_peer",
            "kept",
        ),
        *("length", "raw", "size", "total"),
    )

    def __init__(
        self, head: Head, endpoint: Endpoint, fields: Fields, *, closes: bool, raw: bytes = b""
    ) -> None:
        self.raw = raw
        self.kept_head: Head | None = head
        self.endpoint = endpoint
        self.fields = fields
        self.closes = closes
        self.length = int(head.headers.get(b"content-length", b"0"))
        self.size = len(raw)
        self.total = self.size + self.length
        self.kept = False
        self.cost = 2 * len(raw) + _COST + _LINE_COST * len(head.lines)
        self.first_peer = ""
        self.first_again: Again | None = None
        self._others: dict[str, Again] | None = None

    @property
    def head(self) -> Head:
        """The parsed head."""
        if self.kept_head is None:
            parse = _Parse(self.raw)
            self.kept_head = Head(target_of(parse.url)[1], parse.lines, parse.url)
        return self.kept_head

    def again(self, peer: str) -> Again | None:
        """Return what repeats this peer's answer, or None."""
        if peer == self.first_peer:
            return self.first_again
        return self._others.get(peer) if self._others else None

    def keep(self, peer: str, again: Again) -> None:
        """Keep what repeats this peer's answer, if the head itself is kept."""
        if not self.raw:
            return
        self.kept_head = None
        # Most heads come from one peer. A dictionary each would be three more cache misses for each answer.
        if self.first_again is None or peer == self.first_peer:
            self.first_peer, self.first_again = peer, again
            return
        others = self._others = self._others or {}
        if len(others) >= MOST_PEERS:
            del others[next(iter(others))]
        others[peer] = again

    def forget(self, peer: str) -> None:
        """Keep it no longer."""
        if peer == self.first_peer:
            self.first_again = None
        elif self._others:
            self._others.pop(peer, None)


def target_of(url: bytes) -> tuple[str, bytes]:
    """Path, decoded, and query of a request's target (RFC 9112 §3.2).

    Raises:
        httptools.HttpParserInvalidURLError: it is none.
    """
    parsed = httptools.parse_url(url)
    # One in absolute form may leave out the path of the root (RFC 9110 §4.2.3).
    path = (parsed.path or b"/").decode("ascii")
    return unquote(path) if "%" in path else path, parsed.query or b""


def _marked_path(url: bytes) -> str:
    """Return the decoded path with `ENCODED_SLASH` for each slash that came encoded."""
    path = (httptools.parse_url(url).path or b"/").decode("ascii")
    return ENCODED_SLASH.join(map(unquote, _SLASH.split(path)))


def asked_of(
    method: str, url: bytes, lines: RawHeaders, find: Find, *, keeps: bool, raw: bytes = b""
) -> Asked:
    """A head with what answers it.

    Args:
        method: as it came.
        url: the target.
        lines: the headers in order, names in lower case.
        find: what answers a method and a path.
        keeps: whether the connection may be kept.
        raw: all of the head, if it is one that may be kept.

    Raises:
        httptools.HttpParserInvalidURLError: the target is none.
    """
    path, query = target_of(url)
    if b"%2F" in url or b"%2f" in url:  # a slash within a segment, if a route takes it so
        path = _marked_path(url)
    head = Head(query, lines, url)
    # A body that was announced by Expect may be on its way or never come; only closing decides (RFC 9110 §10.1.1).
    closes = not keeps or b"expect" in head.headers
    return Asked(head, *find(method, path), closes=closes, raw=raw)


class _Parse:
    """Callbacks of one run of the parser over one head."""

    def __init__(self, data: bytes) -> None:
        self.url = b""
        self.lines: list[tuple[bytes, bytes]] = []
        self.complete = self._plain = False
        self._parser = httptools.HttpRequestParser(self)
        # The head must end with its last byte, no sooner.
        self._parser.feed_data(data[:-1])
        self.ended_early = self.complete
        self._parser.feed_data(data[-1:])

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.complete = True
        # After the message, which may be now, the parser knows it no more.
        self._plain = (
            self._parser.get_http_version() == "1.1"
            and self._parser.should_keep_alive()
            and not self._parser.should_upgrade()
            and _SPECIAL.isdisjoint(name for name, _ in self.lines)
            and names_one_host(self.lines, "1.1", self._parser.get_method(), self.url)
        )

    def is_plain(self) -> bool:
        return self._plain and not self.ended_early

    def method(self) -> str:
        return self._parser.get_method().decode("ascii")


def read_plain(data: bytes, find: Find) -> Asked | None:
    """A head with what answers it; None when it is not plain: malformed, or not ended by its length.

    Args:
        data: all of a head, and nothing else.
        find: who answers it.
    """
    try:
        parse = _Parse(data)
        if not parse.is_plain():
            return None
        return asked_of(parse.method(), parse.url, parse.lines, find, keeps=True, raw=data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError):
        return None


class KnownHeads:
    """The plain heads of one application, those that came at least twice kept.

    Args:
        find: who answers a method and a path.
        most_bytes: of a head that is looked at.
    """

    def __init__(self, find: Find, most_bytes: int) -> None:
        self._find = find
        self._most_bytes = min(most_bytes, MOST_BYTES)
        self._known: dict[bytes, Asked] = {}
        self._costs = 0
        # Only digests of what came once: a token in a query makes a head that never comes again.
        self._seen: dict[int, None] = {}

    def match(self, data: bytes) -> tuple[Asked, bytes] | None:
        """A plain head and its body, when `data` is one whole message and nothing else."""
        known = self._known.get(data)
        if known is not None:
            return None if known.length else (known, b"")
        end = data.find(_END) + len(_END)
        if end < len(_END) or end > self._most_bytes:
            return None
        head = data[:end]
        known = self._known.get(head) or self._learn(head)
        if known is None or known.length != len(data) - end:
            return None
        return known, data[end:]

    def _learn(self, head: bytes) -> Asked | None:
        asked = read_plain(head, self._find)
        if asked is None or not asked.endpoint.declared or len(asked.head.lines) > MOST_LINES:
            return asked
        digest = hash(head)
        if digest in self._seen:
            self._keep(head, asked)
            return asked
        if len(self._seen) >= MOST_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[digest] = None
        return asked

    def _keep(self, head: bytes, asked: Asked) -> None:
        del self._seen[hash(head)]
        self._known[head] = asked
        asked.kept = True
        self._costs += asked.cost
        while self._costs > MOST_KEPT:
            oldest = next(iter(self._known))
            self._costs -= self._known.pop(oldest).cost
