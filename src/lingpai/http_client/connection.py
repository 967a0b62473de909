"""One connection to a server: a request out, its answer in, one at a time (RFC 9112).

Answers are read by httptools, as leniently as other clients read them: what a platform sends cannot be changed.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, Final, cast

import httptools
from typing_extensions import override

from lingpai.http_client.response import BEFORE_ANSWER, MID_ANSWER, NOT_HTTP, HttpResponse, LostError

MAX_HEAD_BYTES: Final = 64 * 1024
"""Bytes of a head, and after it of whatever is no body in a row: trailers, chunk extensions (RFC 9112 §7.1)."""
_BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_LENIENT: Final = {
    "lenient_headers": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_spaces_after_chunk_size": True,
    "lenient_data_after_close": True,
}


class HttpConnection(asyncio.Protocol):
    """A connection.

    Args:
        loop: that it runs in.
        on_free: called when an answer is complete and the connection can be used again.
        on_closed: called once, when it can be used no more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_free: "Callable[[HttpConnection], None]",
        on_closed: "Callable[[HttpConnection], None]",
    ) -> None:
        self.closed = False
        self._loop = loop
        self._on_free, self._on_closed = on_free, on_closed
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._response: HttpResponse | None = None
        self._bodiless = self._unasked = self._in_head = False
        self._lines: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._upload: asyncio.Task[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._write_paused = False

    def request(
        self, head: bytes, body: bytes | AsyncIterator[bytes], end: float, *, bodiless: bool, chunked: bool
    ) -> HttpResponse:
        """Send a request and return its answer, of which nothing has come yet.

        Args:
            head: the head of the request, complete.
            body: its body, whole or piece by piece.
            end: when the answer must be complete, by the loop's clock.
            bodiless: whether the answer has no body whatever its head says, as for HEAD.
            chunked: whether the pieces are sent as chunks.
        """
        transport = self._transport
        if transport is None or self.closed:
            raise LostError(BEFORE_ANSWER)
        response = self._response = HttpResponse(self, self._loop, end)
        self._bodiless, self._head_bytes, self._lines = bodiless, 0, []
        if isinstance(body, bytes):
            transport.write(head + body)
        else:
            transport.write(head)
            self._upload = self._loop.create_task(self._send(response, body, chunked=chunked))
        return response

    async def _send(self, response: HttpResponse, body: AsyncIterator[bytes], *, chunked: bool) -> None:
        """Send a body piece by piece, no faster than the server takes it; one that breaks off cuts the connection."""
        try:
            async for piece in body:
                response.moved = self._loop.time()
                if piece:
                    self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                while self._write_paused and not self.closed:
                    self._writable = self._loop.create_future()
                    await self._writable
                response.moved = self._loop.time()
                if self.closed:
                    return
            if chunked:
                self._write(b"0\r\n\r\n")
            self._upload = None
        except Exception:  # noqa: BLE001  whatever the iterator raises: its owner knows it
            response.fail(LostError(BEFORE_ANSWER))
            self.abort()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self.closed:
            self._transport.write(data)

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()
        self._leave()

    def pause(self) -> None:
        """Receive nothing more for now (`response.Link`)."""
        with contextlib.suppress(RuntimeError):  # it is about to be closed
            cast("asyncio.Transport", self._transport).pause_reading()

    def receive_on(self) -> None:
        """Receive again after a pause (`response.Link`)."""
        with contextlib.suppress(RuntimeError):
            cast("asyncio.Transport", self._transport).resume_reading()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        parser = self._parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(**_LENIENT)

    @override
    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:  # nothing was asked for
            self.abort()
            return
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            response.fail(LostError(NOT_HTTP))
            self.abort()
            return
        if self._unasked:
            self.abort()
        if self._head_bytes > MAX_HEAD_BYTES and self._response is response:
            response.fail(LostError(NOT_HTTP))
            self.abort()

    @override
    def eof_received(self) -> None:
        self._end_of_input()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end_of_input()
        self._leave()
        self._parser = None

    @override
    def pause_writing(self) -> None:
        self._write_paused = True

    @override
    def resume_writing(self) -> None:
        self._write_paused = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._unasked = self._response is None  # a second answer to one request
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too, which nobody reads."""
        if self._in_head:
            self._lines.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        lines, self._lines, self._in_head = self._lines, [], False
        response = self._response
        if response is None or status < HTTPStatus.OK:  # an interim answer
            return
        self._head_bytes = 0
        response.begin(status, lines, bodiless=self._bodiless or status in _BODILESS)
        if self._bodiless:
            self._finish(reusable=False)

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._head_bytes = 0
        if self._response is not None:
            self._response.feed(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._response is not None and self._response.headed:
            self._finish(reusable=self._upload is None and self._parser.should_keep_alive())

    def _finish(self, *, reusable: bool) -> None:
        """An answer is complete."""
        response, self._response = self._response, None
        if response is not None:
            response.finish()
        if not reusable or self.closed:
            self.abort()
            return
        self._on_free(self)

    def _end_of_input(self) -> None:
        """The server sends no more: that ends a body without a length, and breaks off everything else."""
        response = self._response
        if response is None:
            self._leave()
            return
        has_length = response.header(b"content-length") is not None or self._is_chunked(response)
        if response.headed and not has_length:
            self._finish(reusable=False)
            return
        response.fail(LostError(MID_ANSWER if response.headed else BEFORE_ANSWER))
        self.abort()

    @staticmethod
    def _is_chunked(response: HttpResponse) -> bool:
        return "chunked" in (response.header(b"transfer-encoding") or "").lower()

    def _leave(self) -> None:
        """Use it no more."""
        if self.closed:
            return
        self.closed = True
        response, self._response = self._response, None
        if response is not None:
            response.fail(LostError(MID_ANSWER if response.headed else BEFORE_ANSWER))
        if self._upload is not None:
            self._upload.cancel()
            self._upload = None
        self.resume_writing()
        self._on_closed(self)
