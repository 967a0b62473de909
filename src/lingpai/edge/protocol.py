"""What uvicorn's HTTP protocol leaves open: how large a head may be and how long a message may take.

Malformed and ambiguous messages (attacks.md G70: two lengths, folded headers, bare LF) are refused by the parser
itself, llhttp in its strict mode; the tests hold it to that.

Time is watched from outside, by `enforce` once a second, so that a request costs no timer: it only notes in which
phase it is.
"""

import asyncio
import dataclasses
import enum
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lingpai.edge.corking import CorkedTransport, Outbox
from lingpai.edge.targets import names_one_host

KIB = 1024
_UPGRADE = frozenset({b"upgrade", b"http2-settings"})


@dataclasses.dataclass(frozen=True, slots=True)
class ProtocolLimits:
    """Limits of one connection. Times are kept to the second.

    Attributes:
        head_bytes: of request line and headers together; more is 431. So much may also stand between two pieces of
            a body, or after the last: lengths of chunks, their extensions, trailers.
        head_timeout: seconds in which a head must have arrived, from the connection or its own first byte.
        body_timeout: seconds in which the rest of the message must have; more than `EdgeOptions.body_timeout`,
            which answers in the route's shape while this one cuts the line.
        keep_alive: seconds that a connection may idle between two requests.
        write_timeout: seconds in which a peer has to take something of an answer that has to wait for him.
        drain_bytes: how much of a refused body is read and dropped, so that the refusal arrives, before the
            line is cut.
    """

    head_bytes: int = 16 * KIB
    head_timeout: float = 10.0
    body_timeout: float = 15.0
    keep_alive: float = 75.0
    write_timeout: float = 30.0
    drain_bytes: int = KIB * KIB


class Phase(enum.Enum):
    """What is due next on a connection."""

    HEAD = enum.auto()  # a head is due
    BODY = enum.auto()  # the rest of the message is due
    BUSY = enum.auto()  # the answer is due, and that is not the caller's to hurry
    IDLE = enum.auto()  # between two requests
    CLOSING = enum.auto()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with `ProtocolLimits` (attacks.md D36)."""

    limits = ProtocolLimits()
    outbox: Outbox

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase = Phase.HEAD
        self._between_messages = True  # as the parser sees it
        self._since: float | None = None  # of the phase, as `enforce` first saw it
        self._fed = 0  # since the parser last told of a message's end or of a body, at most
        self._drained = 0
        self._refusal: HTTPStatus | None = None
        self._unsent: tuple[int, float] | None = None  # bytes that a slow reader left, and since when

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """See `asyncio.Protocol`."""
        super().connection_made(cast("asyncio.Transport", CorkedTransport(transport, self.loop, self.outbox)))

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._phase is Phase.CLOSING:
            self._drop(len(data))
            return
        if self._phase is Phase.IDLE:
            self._phase, self._since = Phase.HEAD, None
        self._fed += len(data)
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.logger.warning("Invalid HTTP request received.")  # as uvicorn
            self.send_400_response("")
        # The parser keeps a header until its end, however far that is, and that of the next request and a trailer too.
        if self._fed > self.limits.head_bytes and self._phase is not Phase.CLOSING:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as stopped:
                if not self._declines_upgrade():
                    return
                # At an upgrade the parser ends the message with its head. No protocol is ours but this one, so the
                # request is an ordinary one (RFC 9110 §7.8), with the body that follows.
                rest = rest[stopped.args[0] :]
                self._begin_without_upgrade()
            else:
                return

    def _declines_upgrade(self) -> bool:
        """Whether the message offers an upgrade; CONNECT is one for the parser, but offers no other way to answer."""
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _begin_without_upgrade(self) -> None:
        # What `Connection` names need not be there, so that may stay.
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        lines += (b"%b: %b" % header for header in self.headers if header[0] not in _UPGRADE)
        # After `Connection: close` the one that stopped would take no more.
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self._between_messages = False

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._fed > self.limits.head_bytes:  # an upper bound: what came may hold more than this head
            head = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if head > self.limits.head_bytes:
                self._refusal = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                raise ValueError("the head is too large")  # ends the parsing; answered in send_400_response
        if self._declines_upgrade():
            return
        version, method = self.parser.get_http_version(), self.parser.get_method()
        if not names_one_host(self.headers, version, method, self.url):
            raise ValueError("the request names no host, or several")  # ends the parsing, as above
        super().on_headers_complete()
        # Trailers come by `on_header` too. Merged into the head that is read (RFC 9110 §6.5.1 forbids it) they would
        # pass for what a proxy vouches for.
        self.headers = []
        self._fed = 0
        self._phase, self._since = Phase.BODY, None

    def on_chunk_header(self) -> None:
        """Called by the parser."""
        self._fed = 0

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._fed = 0
        super().on_body(body)
        if self.cycle.response_complete:
            self._drop(len(body))

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._declines_upgrade():
            return
        self._fed = self._drained = 0
        super().on_message_complete()
        self._phase = Phase.IDLE if self.cycle.response_complete else Phase.BUSY
        self._since = None
        self._between_messages = not self.parser.should_upgrade()  # what follows CONNECT may be anything

    def on_response_complete(self) -> None:
        """Called by the cycle when its answer is out; uvicorn would arm a timer here, for each request."""
        if self._phase is not Phase.BUSY or self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        self._phase, self._since = Phase.IDLE, None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's signature; its words are too vague
        """What uvicorn calls when the parser gives up."""
        self._refuse(self._refusal or HTTPStatus.BAD_REQUEST)

    def _drop(self, count: int) -> None:
        self._drained += count
        if self._drained > self.limits.drain_bytes:
            self.transport.abort()

    def _answer_is_due(self) -> bool:
        """Whether ours would be taken for the answer of a request before; if so, that one's will be the last."""
        cycle: Any = self.cycle  # None until the first request, whatever uvicorn's annotation says
        if self.pipeline or (self._phase is Phase.BODY and cycle.response_complete):
            self.transport.close()
            return True
        if cycle is None or cycle.response_complete:
            return False
        if self._phase is Phase.BODY and not cycle.response_started:
            cycle.disconnected = (
                True  # the request itself broke off: its verb is told, and says nothing any more
            )
            cycle.message_event.set()
            return False
        cycle.keep_alive = False
        self._phase, self._since = Phase.CLOSING, None
        return True

    def _refuse(self, status: HTTPStatus) -> None:
        if self._answer_is_due():
            return
        # No route and so no shape is known here: what came is not an HTTP request.
        text = f"{status.phrase}\n".encode()
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(text)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + text)
        # Closing at once would reset the line under a caller who still writes, and take the answer with it.
        self.transport.write_eof()
        self._phase, self._since = Phase.CLOSING, None

    def _limit(self) -> float:
        if self._phase is Phase.IDLE:
            return self.limits.keep_alive
        return self.limits.body_timeout if self._phase is Phase.BODY else self.limits.head_timeout

    def enforce(self, now: float) -> None:
        """Cut the line when its time is up, and wake who waits for a body; called about once a second.

        Args:
            now: the loop's time, in seconds.
        """
        if self.transport.is_closing() and self._phase is not Phase.CLOSING:
            self._phase, self._since = Phase.CLOSING, None
        if self._phase is Phase.BODY:
            self.cycle.message_event.set()  # whoever reads the body looks at the clock then; see `receive_body`
        if self.flow.write_paused:
            self._watch_reader(now)
        else:
            self._unsent = None
        if self._phase is Phase.BUSY or self.flow.read_paused:
            return
        if self._since is None:
            self._since = now
        elif now - self._since >= self._limit():
            self._expire()

    def _watch_reader(self, now: float) -> None:
        size = self.transport.get_write_buffer_size()
        if self._unsent is None or size != self._unsent[0]:
            self._unsent = (size, now)
        elif now - self._unsent[1] >= self.limits.write_timeout:
            self.transport.abort()

    def _expire(self) -> None:
        if self._phase is Phase.CLOSING:
            self.transport.abort()  # a peer that does not read keeps a polite close waiting for ever
        elif self._phase is Phase.HEAD and self._fed:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()


def guarded(limits: ProtocolLimits) -> type[GuardedProtocol]:
    """The protocol class with these limits; uvicorn wants a class and passes it nothing of ours."""
    return type("GuardedProtocol", (GuardedProtocol,), {"limits": limits, "outbox": Outbox()})
