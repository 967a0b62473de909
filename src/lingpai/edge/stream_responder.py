"""The part of a connection that answers routes which stream; see `streaming`."""

import asyncio
from time import perf_counter
from typing import cast

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import StreamedReply
from lingpai.edge.endpoint import Answer
from lingpai.edge.receiving import Due
from lingpai.edge.responder import Responder
from lingpai.edge.states import Saying
from lingpai.edge.streaming import BodyStream, Exchange

BROKEN = LingpaiError(Kind.UPSTREAM_UNAVAILABLE, "the answer broke off", detail="the answer broke off")
GONE = LingpaiError(Kind.REQUEST_TIMEOUT, "the caller went away", detail="the caller went away")


class StreamResponder(Responder):
    """A connection that also answers routes which stream.

    A peer that closes its side, or the whole connection, while such a request is answered wants no answer: its
    verb is cancelled. The verbs of other routes go on, as they may have begun what has to be finished.
    """

    def send_now(self, data: bytes) -> None:
        """Send bytes after all that was written before (`streaming.Carrier`)."""
        self._turn.flush()
        if not self.transport.is_closing():
            self.transport.write(data)

    def first_lines_of(self, status: int) -> bytes:
        """Return the first lines of an answer (`streaming.Carrier`)."""
        lines = self._first_lines
        if lines.headers is not self._state.default_headers:
            lines.change(self._state.default_headers)
        return lines.by_status.get(status) or lines.add(status)

    def _answer_streaming(self, due: Due) -> None:
        body = due[0].head.body
        exchange = self._exchange = Exchange(self, body if isinstance(body, BodyStream) else None)
        exchange.task = self._spawn(self._follow_stream(due, exchange, perf_counter()))

    async def _follow_stream(self, due: Due, exchange: Exchange, started: float) -> None:
        asked, body, fault, _ = due
        endpoint = asked.endpoint
        exchange.started = True
        try:
            if exchange.gone:
                fault = GONE
            answer = await endpoint.answer(asked.head, self, asked.fields, body, fault)
            reply = answer.reply
            if not isinstance(reply, StreamedReply):
                self._end_exchange(exchange)
                self._finish(due, answer, started)
                return
            closes = (
                asked.closes
                or answer.fixed.closes
                or (self._states.saying is not Saying.OPEN and not self._due)
            )
            await self._send(due, exchange, (answer, reply, closes), started)
        finally:
            self._end_exchange(exchange)
            self._state.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _send(
        self, due: Due, exchange: Exchange, said: tuple[Answer, StreamedReply, bool], started: float
    ) -> None:
        """Send an answer piece by piece; one that breaks off cuts the connection, as nothing else could say so."""
        asked = due[0]
        answer, reply, closes = said
        why: LingpaiError | None = BROKEN
        try:
            whole = await exchange.send(
                answer, reply, bodiless=asked.endpoint.bodiless, old=asked.head.old, closes=closes
            )
            why = None if whole else BROKEN
        except asyncio.CancelledError:  # the caller went away, or the server ends
            why = GONE
        self._end_exchange(exchange)
        if why is not None:
            answer.error = answer.error or why
            self.abort()
        self._finish(due, answer, started, last=exchange.closes, said=exchange.tail)

    def _end_exchange(self, exchange: Exchange) -> None:
        exchange.end()
        if self._exchange is exchange:
            self._exchange = None

    def _leave_exchange(self) -> None:
        """The peer has gone, or sends what cannot be read: nobody needs what is being answered."""
        stream, self._receiver.stream = self._receiver.stream, None
        if stream is not None:
            stream.close()
        if self._exchange is not None:
            self._exchange.give_up()
