"""Bodies that are neither collected nor sent at once: those of routes that declare `Route.streams`.

A request's body is read while it is answered, and an answer is sent while it is made, each no faster than the other
side takes it. Whoever goes away ends the verb that answers him.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Final, Protocol

from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.wire import Call, Reply, Route, StreamedReply, StreamedRequest, Streams
from lingpai.edge.bodies import CHUNKED, malformed, too_large, unsupported
from lingpai.edge.endpoint import Answer
from lingpai.edge.endpoints import Answerer, RouteEndpoint
from lingpai.edge.heads import Head
from lingpai.edge.router import Fields
from lingpai.edge.writing import head_of

log = structlog.get_logger("lingpai.edge")
MOST_UNREAD: Final = 64 * 1024
"""Unread bytes of a body at which reading from the peer pauses; a piece that was received is kept whole."""


class Peer(Protocol):
    """The connection, as far as the body of a request needs it."""

    def hold(self) -> None:
        """Receive nothing more for now."""
        ...

    def go_on_reading(self) -> None:
        """Receive again."""
        ...

    def send_continue(self) -> None:
        """Ask for the body (RFC 9110 §10.1.1)."""
        ...


class BodyStream:
    """The body of one request, piece by piece, within a limit of size and of time between two pieces.

    Args:
        peer: whose it is.
        streams: the limits.
        expects: whether the peer waits to be asked for it.

    Attributes:
        closed: whether nobody reads it any more; what comes is dropped.
    """

    def __init__(self, peer: Peer, streams: Streams, *, expects: bool = False) -> None:
        self.closed = False
        self._peer, self._streams = peer, streams
        self._expects = expects
        self._parts: deque[bytes] = deque()
        self._unread = self._size = 0
        self._ended = self._holds = False
        self._fault: LingpaiError | None = None
        self._arrived: asyncio.Future[None] | None = None

    def feed(self, data: bytes) -> None:
        """Take what came."""
        self._size += len(data)
        if self._size > self._streams.body_limit:
            self.fail(too_large(self._streams.body_limit))
            return
        self._parts.append(data)
        self._unread += len(data)
        if self._unread > MOST_UNREAD and not self._holds:
            self._holds = True
            self._peer.hold()
        self._wake()

    def end(self) -> None:
        """All of it has come."""
        self._ended = True
        self._wake()

    def fail(self, fault: LingpaiError) -> None:
        """The rest will not come."""
        self._fault = self._fault or fault
        self._wake()

    def close(self) -> None:
        """Nobody reads the rest."""
        self.closed = True
        self._parts.clear()
        self._release()

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the pieces, once."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece.

        Raises:
            LingpaiError: BODY_TOO_LARGE, REQUEST_TIMEOUT or MALFORMED_BODY.
        """
        if self._expects:
            self._expects = False
            self._peer.send_continue()
        while not self._parts:
            if self._fault is not None:
                raise self._fault
            if self._ended:
                raise StopAsyncIteration
            await self._next()
        if self._fault is not None:
            raise self._fault
        part = self._parts.popleft()
        self._unread -= len(part)
        if self._unread <= MOST_UNREAD // 2:
            self._release()
        return part

    async def _next(self) -> None:
        self._arrived = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._streams.stall):
                await self._arrived
        except TimeoutError:
            self.fail(LingpaiError(Kind.REQUEST_TIMEOUT, "the body did not arrive in time"))
        finally:
            self._arrived = None

    def _wake(self) -> None:
        if self._arrived is not None and not self._arrived.done():
            self._arrived.set_result(None)

    def _release(self) -> None:
        if self._holds:
            self._holds = False
            self._peer.go_on_reading()


async def _at_once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


class StreamEndpoint(RouteEndpoint):
    """Answers one method of one route that streams."""

    streams = True

    def __init__(self, answerer: Answerer, route: Route, method: str, limits: Streams) -> None:
        super().__init__(answerer, route, method)
        self.limits = limits
        self.body_limit = limits.body_limit
        self.quick = self.again = self._with_body = False
        success = self._success

        def pass_on(value: Any, trace_id: str) -> Reply:
            return value if isinstance(value, Reply) else success(value, trace_id)

        self._success = pass_on

    @override
    def wants_body(self, head: Head, fields: Fields) -> bool:
        """Not when the head alone is enough to refuse it."""
        del fields
        return not head.authorized_twice and self._refused(head) is None

    def _streamed(self, head: Head, call: Call, body: bytes) -> None:
        """Give the verb the request as it came."""
        refused = self._refused(head)
        if refused is not None:
            raise refused
        length = (
            None if b"transfer-encoding" in head.headers else int(head.headers.get(b"content-length", b"0"))
        )
        call.streamed = StreamedRequest(
            self._method, head.target, head.lines, head.body or _at_once(body), length
        )

    def _refused(self, head: Head) -> LingpaiError | None:
        headers = head.headers
        if headers.get(b"transfer-encoding", CHUNKED).lower() != CHUNKED:
            return unsupported("only the chunked transfer coding is taken")
        if int(headers.get(b"content-length", b"0")) > self.body_limit:
            return too_large(self.body_limit)
        return None


class Carrier(Peer, Protocol):
    """The connection, as far as a streamed answer needs it."""

    write_paused: bool

    def first_lines_of(self, status: int) -> bytes:
        """Return the first lines of an answer."""
        ...

    def send_now(self, data: bytes) -> None:
        """Send bytes after all that was written before."""
        ...

    def abort(self) -> None:
        """Cut the connection."""
        ...


class Exchange:
    """One request of a route that streams, from the verb's begin to the last byte of its answer.

    Args:
        carrier: the connection.
        body: of the request, if it is on its way.

    Attributes:
        task: that answers.
        started: whether the task has run yet.
        gone: whether nobody waits for the answer any more.
        begun: whether some of the answer was sent.
        closes: whether the head of the answer said that the connection ends.
        tail: what is left to send when the answer is complete.
    """

    def __init__(self, carrier: Carrier, body: BodyStream | None) -> None:
        self.task: asyncio.Task[None] | None = None
        self.started = self.gone = self.begun = self.closes = False
        self.tail = b""
        self._carrier = carrier
        self._body = body
        self._writable: asyncio.Future[None] | None = None

    def give_up(self) -> None:
        """End it: the peer has gone, or sends what cannot be read."""
        if self._body is not None:
            self._body.fail(malformed("the body ended early"))
        self.gone = True
        if self.task is not None and self.started:  # one that was cancelled before would never be counted
            self.task.cancel()

    def end(self) -> None:
        """The answer is complete, or never will be."""
        if self._body is not None:
            self._body.close()

    def resume(self) -> None:
        """The peer takes more."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    async def send(
        self, answer: Answer, reply: StreamedReply, *, bodiless: bool, old: bool, closes: bool
    ) -> bool:
        """Send an answer but for its tail; return whether all of it was sent.

        Args:
            answer: what to say.
            reply: its reply.
            bodiless: whether to leave the body out, as for `HEAD`.
            old: whether the peer speaks HTTP/1.0 and knows no chunks.
            closes: whether the connection ends with the answer.
        """
        self.closes = closes or (old and reply.length is None)
        first = self._carrier.first_lines_of(reply.status)
        chunked = reply.length is None and not old
        head, has_body = head_of(first, answer, close=self.closes, length=reply.length, chunked=chunked)
        left = reply.length
        try:
            async with contextlib.aclosing(reply.chunks):
                self.begun = True
                self._carrier.send_now(head)
                if bodiless or not has_body:
                    return True
                async for chunk in reply.chunks:
                    if not chunk:
                        continue
                    if left is not None:
                        left -= len(chunk)
                        if left < 0:
                            return False
                    self._carrier.send_now(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                    if left == 0:
                        break
                    if self._carrier.write_paused:
                        await self._until_writable()
        except Exception as error:  # noqa: BLE001  whatever the verb's iterator raises: a head is out, so only a cut can say so
            _note_crash(error, answer.trace_id)
            return False
        if chunked:
            self.tail = b"0\r\n\r\n"
        return not left

    async def _until_writable(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()
        try:
            await self._writable
        finally:
            self._writable = None


def _note_crash(error: Exception, trace_id: str) -> None:
    """Log what no verb raises on purpose."""
    if not isinstance(error, LingpaiError):
        log.error("crash", trace_id=trace_id, exc_info=error)
