"""Heads that are plain enough to be read once and known again.

Clients send the same head again and again. What the parser makes of it depends on its bytes alone, so a head that is
known need not be parsed; one that is not is parsed by the same strict parser as on the ordinary way.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote

import httptools

from lingpai.edge.heads import Head
from lingpai.edge.targets import names_one_host

MOST_BYTES: Final = 2048
"""A longer head is read by the ordinary way: few are, and what is kept stays bounded."""
MOST_PEERS: Final = 64
"""Peers for which one head's answer is kept."""
MOST_LINES: Final = 32
"""A head of more header lines is read anew each time: each line takes memory, however short it is."""
MOST_WEIGHT: Final = 32 * 1024 * 1024
"""Bytes that the known heads may take, about."""
MOST_SEEN: Final = 65_536
_END: Final = b"\r\n\r\n"
# What these ask for, or how they frame the message, is the ordinary way's to heed.
_SPECIAL: Final = frozenset({b"expect", b"transfer-encoding", b"upgrade"})


Again = Callable[[], Any]
"""Tells the value of an answer again, or None; see `Call.again`."""


class PlainHead:
    """A head that holds nothing but what the lean way can do, and what tells answers to it again (`Call.again`).

    That is kept by the socket's address: behind it stands who was found to be allowed. What the head says is let go
    then, and read again if need be: ten thousand heads that lie close together are sooner found than 20 MB of them.

    Args:
        raw: all of it.
        head: what it says.
        responder: what answers it.
        fields: the path's fields, decoded.
        body_length: bytes of the body that follows.

    Attributes:
        responder: what answers it.
        fields: the path's fields, decoded.
        body_length: bytes of the body that follows.
    """

    __slots__ = ("_again", "_head", "_others", "_peer", "_raw", "body_length", "fields", "responder")

    def __init__(
        self, raw: bytes, head: Head, responder: Any, fields: Mapping[str, str], body_length: int
    ) -> None:
        self._raw = raw
        self._head: Head | None = head
        self.responder = responder
        self.fields = fields
        self.body_length = body_length
        self._peer = ""
        self._again: Again | None = None
        self._others: dict[str, Again] | None = None

    @property
    def head(self) -> Head:
        """What it says."""
        if self._head is None:
            parse = _Parse(self._raw)
            self._head = Head(parse.target()[1], parse.lines)
        return self._head

    def again(self, peer: str) -> Again | None:
        """What tells this peer's answer again, if anything does."""
        if peer == self._peer:
            return self._again
        return self._others.get(peer) if self._others else None

    def keep(self, peer: str, again: Again) -> None:
        """Keep what tells this peer's answer again."""
        self._head = None
        # Most heads come from one peer. A dictionary each would be three more cache misses for each answer.
        if self._again is None or peer == self._peer:
            self._peer, self._again = peer, again
            return
        others = self._others = self._others or {}
        if len(others) >= MOST_PEERS:
            others.clear()
        others[peer] = again

    def forget(self, peer: str) -> None:
        """Keep it no longer."""
        if peer == self._peer:
            self._again = None
        elif self._others:
            self._others.pop(peer, None)


Find = Callable[[str, str], tuple[Any, Mapping[str, str]] | None]
"""The responder and the path's fields for a method and a path, or None for what the ordinary way has to answer."""


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

    def target(self) -> tuple[str, bytes]:
        """Path and query, as uvicorn tells them."""
        url = httptools.parse_url(self.url)
        path = url.path.decode("ascii")
        return unquote(path) if "%" in path else path, url.query or b""


def read_plain(data: bytes, find: Find) -> PlainHead | None:
    """What a head says, or None when it is not plain, or nothing that `find` knows.

    Args:
        data: all of a head, and nothing else.
        find: who answers it.
    """
    try:
        parse = _Parse(data)
        if not parse.is_plain():
            return None
        path, query = parse.target()
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError, AttributeError):
        return None
    found = find(parse.method(), path)
    if found is None:
        return None
    head = Head(query, parse.lines)
    return PlainHead(data, head, *found, int(head.headers.get(b"content-length", b"0")))


def weight_of(head: bytes) -> int:
    """About how many bytes a known head takes: its own, what it says, and an object or two for each line."""
    return 3 * len(head) + 256 * head.count(b"\r\n") + 1024


class PlainHeads:
    """The plain heads of one app, those that came at least twice kept.

    Args:
        find: who answers a method and a path.
        most_bytes: of a head that is looked at.
    """

    def __init__(self, find: Find, most_bytes: int) -> None:
        self._find = find
        self._most_bytes = min(most_bytes, MOST_BYTES)
        self._known: dict[bytes, PlainHead] = {}
        self._weight = 0
        # Only digests of what came once: a token in a query makes a head that never comes again.
        self._seen: set[int] = set()

    def match(self, data: bytes) -> tuple[PlainHead, bytes] | None:
        """A plain head and its body, when `data` is one whole message and nothing else."""
        known = self._known.get(data)
        if known is not None:
            return None if known.body_length else (known, b"")
        end = data.find(_END) + len(_END)
        if end < len(_END) or end > self._most_bytes:
            return None
        head = data[:end]
        known = self._known.get(head) or self._learn(head)
        if known is None or known.body_length != len(data) - end:
            return None
        return known, data[end:]

    def _remember(self, head: bytes, plain: PlainHead) -> None:
        if head.count(b"\r\n") - 2 > MOST_LINES:  # request line and end
            return
        self._known[head] = plain
        self._weight += weight_of(head)
        while self._weight > MOST_WEIGHT:
            oldest = next(iter(self._known))
            del self._known[oldest]
            self._weight -= weight_of(oldest)

    def _learn(self, head: bytes) -> PlainHead | None:
        plain = read_plain(head, self._find)
        digest = hash(head)
        if plain is not None and digest in self._seen:
            self._remember(head, plain)
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen.add(digest)
        return plain
