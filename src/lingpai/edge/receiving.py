"""The reading half of a connection: from bytes to requests, by httptools.

Malformed and ambiguous messages (two lengths, folded headers, bare LF) are refused by the parser itself, llhttp in its
strict mode; tests check that.
"""

from http import HTTPStatus
from time import perf_counter
from typing import Any, Final, Protocol

import httptools

from lingpai.core.errors import LingpaiError
from lingpai.core.logs import structlog
from lingpai.edge.bodies import has_body, too_large
from lingpai.edge.endpoint import Find
from lingpai.edge.headcache import Asked, asked_of
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.states import Event, Reading, States
from lingpai.edge.streaming import BodyStream, Peer
from lingpai.edge.targets import names_one_host

_UPGRADE: Final = frozenset({b"upgrade", b"http2-settings"})
_CONNECT: Final = b"CONNECT"
_REFUSED: Final = (ValueError, httptools.HttpParserInvalidURLError)
"""Exceptions with which the callbacks refuse a head; anything else is a fault of ours."""
log = structlog.get_logger("lingpai.edge")

Due = tuple[Asked, bytes, LingpaiError | None, float]
"""A request that is there to be answered: its head, its body, why that is none, to be refused with, and when its body
began to be waited for, by `perf_counter`; 0 when it was not."""


class Incoming:
    """A request whose body is on its way."""

    __slots__ = ("asked", "began", "expects", "parts", "size")

    def __init__(self, asked: Asked, *, expects: bool) -> None:
        self.asked = asked
        self.expects = expects  # 100 Continue, before it sends its body
        self.parts: list[bytes] = []
        self.size = 0
        self.began = perf_counter()

    def due(self, fault: LingpaiError | None = None) -> Due:
        """Return the request with its body, or without one and with `fault`."""
        return self.asked, b"" if fault else b"".join(self.parts), fault, self.began


class Owner(Peer, Protocol):
    """Answers the requests that are read."""

    def take(self, due: Due) -> None:
        """A request is there to be answered."""
        ...

    def invite(self) -> None:
        """The head of a request is there, and its body is wanted."""
        ...

    def refuse(self, status: HTTPStatus) -> None:
        """The peer sent what cannot be read."""
        ...

    def abort(self) -> None:
        """Too much came that nobody reads."""
        ...


class Receiver:
    """Reads the messages of one connection.

    Args:
        owner: who answers them.
        find: who answers what.
        limits: of the connection.
        states: of the connection.

    Attributes:
        incoming: the request whose body is on its way, if it is wanted.
        stream: the body that is on its way to a verb that reads it as it comes.
        premature: the request that can be answered although its message is not complete yet.
    """

    def __init__(self, owner: Owner, find: Find, limits: ProtocolLimits, states: States) -> None:
        self._states, self._advance = states, states.advance
        self.incoming: Incoming | None = None
        self.stream: BodyStream | None = None
        self.premature: Due | None = None
        self._owner, self._find = owner, find
        self._head_bytes, self._drain_bytes = limits.head_bytes, limits.drain_bytes
        self._parser: Any = None
        self._url = b""
        self._lines: list[tuple[bytes, bytes]] = []
        self._closes = False
        self._fed = 0  # since the parser last reported a message's end or a body, at most
        self._drained = 0
        self._refusal: HTTPStatus | None = None

    def feed(self, data: bytes) -> None:
        """Read what came."""
        if self._states.reading <= Reading.IDLE:
            self._advance(Event.BYTES)
        self._fed += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserError as fault:
            if isinstance(fault, httptools.HttpParserCallbackError) and not isinstance(
                fault.__context__, _REFUSED
            ):
                log.exception("crash")
            if self._states.reading is not Reading.OVER:
                self._owner.refuse(self._refusal or HTTPStatus.BAD_REQUEST)
        # The parser keeps a header until its end, however far that is, and that of the next request and a trailer too.
        if self._fed > self._head_bytes and self._states.reading is not Reading.OVER:
            self._owner.refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _parse(self, data: bytes) -> None:
        if self._parser is None:
            self._new_parser()
        rest = memoryview(data)
        while True:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as stopped:
                end = stopped.args[0]
            else:
                return
            if self._states.reading is Reading.OVER:
                return
            # At an upgrade the parser ends the message with its head. No protocol is ours but this one, so the
            # request is an ordinary one (RFC 9110 §7.8), with the body that follows. Not read while that exception is
            # handled: a refusal would name it as its cause.
            rest = rest[end:]
            self._begin_without_upgrade()

    def _new_parser(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        # What follows `Connection: close` in one piece would have the whole piece refused, the request too.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def _declines_upgrade(self) -> bool:
        return bool(self._parser.should_upgrade())

    def _begin_without_upgrade(self) -> None:
        # What `Connection` names need not be there, so that may stay.
        parser = self._parser
        version = parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (parser.get_method(), self._url, version)]
        lines += (b"%b: %b" % header for header in self._lines if header[0] not in _UPGRADE)
        # After `Connection: close` the one that stopped would take no more.
        self._new_parser()
        self._parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._states.reading is not Reading.OVER:
            self._advance(Event.BYTES)
            self._url, self._lines = b"", []

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too."""
        self._lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._states.reading is Reading.OVER:
            return
        if self._fed > self._head_bytes:  # an upper bound: the bytes may contain more than this head
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._lines)
            if size > self._head_bytes:
                self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                raise ValueError("the head is too large")  # ends the parsing; answered in `_feed`
        parser = self._parser
        method: bytes = parser.get_method()
        if method == _CONNECT:
            raise ValueError("this is no proxy")
        if self._declines_upgrade():
            return
        version = parser.get_http_version()
        if not names_one_host(self._lines, version, method, self._url):
            raise ValueError("the request names no host, or several")
        keeps = parser.should_keep_alive() and version != "1.0"
        asked = asked_of(method.decode(), self._url, self._lines, self._find, keeps=keeps)
        # Trailers come by `on_header` too. Merged into the head that is read (RFC 9110 §6.5.1 forbids it) they would
        # pass for what a proxy vouches for.
        self._lines = []
        self._fed = self._drained = 0
        self._closes = asked.closes
        self._advance(Event.HEAD)
        head = asked.head
        head.old = version == "1.0"
        if has_body(head.headers) and asked.endpoint.wants_body(head, asked.fields):
            # An older client would take the invitation for the answer (RFC 9110 §10.1.1).
            expects = version == "1.1" and head.headers.get(b"expect", b"").lower() == b"100-continue"
            if asked.endpoint.streams:
                head.body = self.stream = BodyStream(self._owner, asked.endpoint.limits, expects=expects)
                self.premature = (asked, b"", None, 0.0)
                self._owner.take(self.premature)
                return
            self.incoming = Incoming(asked, expects=expects)
            self._owner.invite()
        else:
            self.premature = (asked, b"", None, 0.0)
            self._owner.take(self.premature)

    def on_chunk_header(self) -> None:
        """Called by the parser."""
        self._fed = 0

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._fed = 0
        if self._states.reading is Reading.OVER:
            return
        incoming = self.incoming
        if incoming is None:
            stream = self.stream
            if stream is None or stream.closed:
                self.drop(len(body))
            else:
                stream.feed(body)
            return
        incoming.parts.append(body)
        incoming.size += len(body)
        limit = incoming.asked.endpoint.body_limit
        if incoming.size > limit:
            self.incoming = None
            self._owner.take(incoming.due(too_large(limit)))

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._states.reading is Reading.OVER or self._declines_upgrade():
            return
        self._fed = self._drained = 0
        incoming, self.incoming = self.incoming, None
        self.premature = None
        if self.stream is not None:
            self.stream.end()
            self.stream = None
        self._advance(Event.LAST_MESSAGE if self._closes else Event.MESSAGE)
        if incoming is not None:
            self._owner.take(incoming.due())

    def drop(self, count: int) -> None:
        """Count bytes that nobody reads; too many cut the connection."""
        self._drained += count
        if self._drained > self._drain_bytes:
            self._owner.abort()

    def forget(self) -> None:
        """The connection is lost: let go of what refers to it."""
        self.stream = None
        self._parser = None
        del self._owner
