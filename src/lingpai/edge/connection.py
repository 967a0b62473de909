"""The HTTP protocol: one connection, its requests answered one at a time and in order.

uvicorn owns sockets, signals and the server's life; this is the class that its setting `http` takes. How requests are
read from bytes is in `receiving`.
"""

import asyncio
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, cast

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from lingpai.core.errors import Kind, LingpaiError
from lingpai.edge.bodies import malformed
from lingpai.edge.endpoints import ENDING
from lingpai.edge.limits import Deadlines
from lingpai.edge.receiving import Incoming
from lingpai.edge.states import Event, Expiry, Owing, Reading
from lingpai.edge.stream_responder import StreamResponder
from lingpai.edge.writing import CONTINUE, refusal_of

if TYPE_CHECKING:
    from lingpai.edge.headcache import Asked
    from lingpai.edge.site import Site

_LATE: Final = LingpaiError(Kind.REQUEST_TIMEOUT, "the body did not arrive in time")


class Connection(StreamResponder):
    """One connection. Its parameters are uvicorn's.

    Attributes:
        admitted: whether it counts as open; see `admission`.
        network: what it is counted by, or None.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        del app_state
        site: Site = config.loaded_app
        super().__init__(site, server_state, _loop or asyncio.get_running_loop())
        self._heads = site.heads
        self._known: Asked | None = None  # the head that came last, if it is one that comes again
        self.admitted = False
        self.network: str | None = None
        self._deadlines = Deadlines(site.limits)

    # What the transport calls.

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._half_closes = self.transport.can_write_eof()  # not under TLS
        self._early_word = Event.EARLY_WORD if self._half_closes else Event.LAST_WORD
        address = get_remote_addr(self.transport)
        self.peer = address[0] if address else ""
        admission = self._site.admission
        self.network = admission.network_of(self.peer)
        self.active_at = perf_counter()
        if admission.admit(self, self.active_at):
            self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn's annotation knows its own only
        else:
            self.close_idle()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._state.connections.discard(self)
        self._site.admission.leave(self)
        self._states.advance(Event.CUT)
        self._receiver.forget()
        self._break_off()
        self._leave_exchange()
        self._due.clear()
        self._early = b""

    def eof_received(self) -> bool:
        """The peer sends no more: what it asked is answered, and the connection ends; see `asyncio.Protocol`."""
        self._give_up(malformed("the body ended early"))
        if self._exchange is not None:
            self._leave_exchange()
            self.abort()
            return True
        if self._states.reading is Reading.HEAD and self.owing() is Owing.NOTHING:
            self._write(refusal_of(HTTPStatus.BAD_REQUEST))
        self.end(Event.END)
        return self._half_closes  # when false, the transport closes at once

    @override
    def data_received(self, data: bytes) -> None:
        if self._current is not None or self.write_paused:
            if (
                self._receiver.stream is not None
            ):  # whose reader is the request that is being answered, or waits
                self._receiver.feed(data)
                return
            self._early += data
            self._pause_reading()
            return
        receiver, states = self._receiver, self._states
        if states.reading > Reading.IDLE:
            if states.reading is Reading.OVER:
                receiver.drop(len(data))
            else:
                receiver.feed(data)
            return
        asked = self._known
        if asked is not None and len(data) == asked.total and data.startswith(asked.raw):
            body = data[asked.size :] if asked.length else b""
        else:
            known = self._heads.match(data)
            if known is None:
                receiver.feed(data)
                return
            asked, body = known
            self._known = asked if asked.kept else None
        states.reading = Reading.IDLE
        # As in `_start`: a call less for nearly every request.
        due = self._current = (asked, body, None, 0.0)
        again = None
        if not body:
            again = asked.first_again if asked.first_peer == self.peer else asked.again(self.peer)
        self._again = again
        if asked.endpoint.quick or again is not None:
            turn = self._turn
            turn.waiting.append(self)
            if not turn.due:
                turn.due = True
                turn.call_soon(turn.run)
        else:
            self._answer_in_task(due)

    @override
    def pause_writing(self) -> None:
        self.write_paused = True

    @override
    def resume_writing(self) -> None:
        self.write_paused = False
        if self._exchange is not None:
            self._exchange.resume()
        if self._current is None:
            self._go_on()

    def invite(self) -> None:
        """Send 100 (Continue) to a peer that waits, once all earlier requests are answered (RFC 9110 §10.1.1)."""
        incoming = self._receiver.incoming
        if incoming is not None and incoming.expects and self._current is None and not self._due:
            incoming.expects = False
            self._write(CONTINUE)

    def refuse(self, status: HTTPStatus) -> None:
        """End the connection for what cannot be read; with an answer, unless one that is owed would be taken for it."""
        if self._exchange is not None and self._exchange.begun:
            self._leave_exchange()
            self.abort()
            return
        self._leave_exchange()
        premature, self._receiver.premature = self._receiver.premature, None
        answered = (
            self._states.reading is Reading.BODY and self._receiver.incoming is None and premature is None
        )
        if premature is not None and self._due:
            self._due.pop()  # it is what cannot be read
        if answered and self.owing() is Owing.NOTHING:
            self.end(Event.UNREADABLE)
            return
        others = self._due or (self._current is not None and self._current is not premature)
        self._break_off()
        if others:
            self._states.advance(Event.UNREADABLE)
        else:
            self._write(refusal_of(status))
            self.end(self._early_word)

    def _break_off(self) -> None:
        """The request whose body was on its way broke off: it is counted and logged, and nobody hears the answer."""
        incoming, self._receiver.incoming = self._receiver.incoming, None
        if incoming is not None:
            self._spawn(self._record_broken(incoming))

    async def _record_broken(self, incoming: Incoming) -> None:
        asked, endpoint = incoming.asked, incoming.asked.endpoint
        fault = malformed("the body ended early")
        try:
            answer = await endpoint.answer(asked.head, self, asked.fields, b"", fault)
            endpoint.record(answer, perf_counter() - incoming.began)
        finally:
            self._state.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    # What the server calls.

    def shutdown(self) -> None:
        """End the connection with what is owed; uvicorn calls it when the server ends."""
        self.end(Event.SHUTDOWN)

    def is_idle(self) -> bool:
        """Return whether nothing is owed, nothing waits to be sent, and no request has begun."""
        return (
            self._states.reading <= Reading.IDLE
            and self.owing() is Owing.NOTHING
            and not (self._early or self.write_paused)
            and not self.transport.get_write_buffer_size()
        )

    def is_fresh(self) -> bool:
        """Return whether nothing has come yet."""
        return self._states.reading is Reading.FRESH

    def close_idle(self) -> None:
        """End the connection, which is idle."""
        self.end(Event.CUT)

    def give_up(self) -> None:
        """Answer a request whose body is still on its way: the server ends."""
        self._give_up(ENDING)

    def enforce(self, now: float) -> None:
        """Do what the limits ask for; called about once a second.

        Args:
            now: the loop's time, in seconds.
        """
        if self.write_paused:
            if self._deadlines.is_stuck(self.transport.get_write_buffer_size(), now):
                self.abort()
            return
        incoming = self._receiver.incoming
        body_timeout = 0.0 if incoming is None else incoming.asked.endpoint.body_timeout
        state = self._states.reading, self.owing()
        expiry = self._deadlines.expired(*state, self._answered, body_timeout, now)
        if expiry is Expiry.ABORT:
            self.abort()
        elif expiry is Expiry.REFUSE:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif expiry is Expiry.ANSWER:
            self._give_up(_LATE)
        elif expiry is Expiry.CLOSE:
            self.end(Event.CUT)

    def _give_up(self, why: LingpaiError) -> None:
        incoming, self._receiver.incoming = self._receiver.incoming, None
        if incoming is not None:
            self.take(incoming.due(why))
