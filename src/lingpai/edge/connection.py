"""The HTTP protocol: one connection, its requests answered one at a time and in order.

uvicorn owns sockets, signals and the server's life; this is the class that its setting `http` takes. How requests are
read from bytes is in `receiving`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from contextvars import Context
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import get_remote_addr
from uvicorn.server import ServerState

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.trace import new_trace_id
from lingpai.edge.bodies import malformed
from lingpai.edge.endpoint import Answer, Endpoint
from lingpai.edge.endpoints import ENDING
from lingpai.edge.headcache import Again
from lingpai.edge.limits import Deadlines
from lingpai.edge.receiving import Due, Incoming, Receiver
from lingpai.edge.states import Expiry, Owing, Reading
from lingpai.edge.turn import begin, resume
from lingpai.edge.writing import LAST_RESORT, fixed_of, refusal_of, rest_of_message

if TYPE_CHECKING:
    from lingpai.edge.site import Site

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_LATE: Final = LingpaiError(Kind.REQUEST_TIMEOUT, "the body did not arrive in time")


class Connection(asyncio.Protocol):
    """One connection. Its parameters are uvicorn's.

    Attributes:
        peer: the address at the other end.
        transport: what carries it.
        active_at: when it was accepted or last answered, by `perf_counter`.
        admitted: whether it counts as open; see `admission`.
        network: what it is counted by, or None.
        write_paused: whether the peer takes answers slower than they come.
    """

    transport: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        del app_state
        site: Site = config.loaded_app
        self._site, self._turn = site, site.turn
        self._state = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._heads = site.heads
        self.peer = ""
        self.active_at = 0.0
        self.admitted = False
        self.network: str | None = None
        self.write_paused = False
        self._read_paused = False
        self._receiver = Receiver(self, site.find, site.limits)
        self._pending: list[bytes] = []  # written in this turn
        # Answering: one at a time, in order.
        self._current: Due | None = None
        self._again: Again | None = None  # what tells its answer again
        self._due: deque[Due] = deque()
        self._muted = False  # whether nothing more can be said
        self._early = b""  # came before the answer to what came before it was out
        self._last = False  # whether the connection ends with what is owed now
        self._answered = 0
        self._deadlines = Deadlines(site.limits)

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self.transport = cast("asyncio.Transport", transport)
        address = get_remote_addr(self.transport)
        self.peer = address[0] if address else ""
        admission = self._site.admission
        self.network = admission.network_of(self.peer)
        self.active_at = perf_counter()
        if admission.admit(self, self.active_at):
            self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn's annotation knows its own only
        else:
            self.close_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        del exc
        self._state.connections.discard(self)
        self._site.admission.leave(self)
        self._receiver.forget()
        self._break_off()
        self._due.clear()
        self._early = b""

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._current is not None or self.write_paused:
            self._early += data
            self._pause_reading()
            return
        reading = self._receiver.reading
        if reading <= Reading.IDLE:
            known = self._heads.match(data)
            if known is not None:
                self._receiver.reading = Reading.IDLE
                self._start((*known, None, 0.0))
                return
        elif reading is Reading.OVER:
            self._receiver.drop(len(data))
            return
        self._receiver.feed(data)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.write_paused = True

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.write_paused = False
        if self._current is None:
            self._go_on()

    def invite(self) -> None:
        """Tell whoever waits for it to send his body, once all before him are answered (RFC 9110 §10.1.1)."""
        incoming = self._receiver.incoming
        if incoming is not None and incoming.expects and self._current is None and not self._due:
            incoming.expects = False
            self._write(CONTINUE)

    def abort(self) -> None:
        """Cut the connection."""
        self._pending.clear()
        self.transport.abort()

    def _pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()

    def refuse(self, status: HTTPStatus) -> None:
        """End the connection for what cannot be read; with an answer, unless one that is owed would be taken for it."""
        premature, self._receiver.premature = self._receiver.premature, None
        answered = (
            self._receiver.reading is Reading.BODY and self._receiver.incoming is None and premature is None
        )
        self._receiver.end()
        if premature is not None and self._due:
            self._due.pop()  # it is what cannot be read
        if answered and self._owing() is Owing.NOTHING:
            self._close()
        elif self._due or (self._current is not None and self._current is not premature):
            self._break_off()
            self._last = True
        else:
            self._break_off()
            self._write(refusal_of(status))
            self._linger()

    def _break_off(self) -> None:
        """The request whose body was on its way broke off: it is counted and logged, and nobody hears the answer."""
        incoming, self._receiver.incoming = self._receiver.incoming, None
        if incoming is not None:
            self._spawn(self._tell_broken(incoming))

    async def _tell_broken(self, incoming: Incoming) -> None:
        asked, endpoint = incoming.asked, incoming.asked.endpoint
        fault = malformed("the body ended early")
        try:
            answer = await endpoint.answer(asked.head, self, asked.fields, b"", fault)
            endpoint.tell(answer, perf_counter() - incoming.began)
        finally:
            self._state.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    # Answering.

    def take(self, due: Due) -> None:
        """Answer a request, once all before it are answered; see `receiving.Owner`."""
        if self._current is None and not self.write_paused:
            self._start(due)
        else:
            self._due.append(due)

    def _start(self, due: Due) -> None:
        self._current = due
        asked, body, fault, _ = due
        self._again = None if body or fault is not None else asked.again(self.peer)
        if asked.endpoint.quick or self._again is not None:
            self._turn.add(self)
        else:
            self._answer_in_task(due)

    def run(self, started: float) -> None:
        """Answer the request that is due, in the turn; see `Turn`."""
        due = self._current
        if due is None:
            return
        asked, body, fault, _ = due
        endpoint = asked.endpoint
        if self._again is not None:
            answer = _repeat(endpoint, self._again)
            if answer is not None:
                self._finish(due, answer, started)
                return
            asked.forget(self.peer)
        if not endpoint.quick:
            self._answer_in_task(due)
            return
        answering = endpoint.answer(asked.head, self, asked.fields, body, fault)
        try:
            answer, waits_for, context = begin(answering)
        except BaseException:  # what ends the process, as `SystemExit`
            self._finish(due, _last_resort(), started, last=True)
            raise
        if answer is not None:
            self._finish(due, answer, started)
        else:
            self._spawn(self._follow(due, resume(answering, waits_for), started), context)

    def _answer_in_task(self, due: Due) -> None:
        asked, body, fault, _ = due
        answering = asked.endpoint.answer(asked.head, self, asked.fields, body, fault)
        self._spawn(self._follow(due, answering, perf_counter()))

    def _spawn(self, coroutine: Coroutine[Any, Any, None], context: Context | None = None) -> None:
        task = self._loop.create_task(coroutine, context=context)
        self._state.tasks.add(task)

    async def _follow(self, due: Due, answering: Awaitable[Answer], started: float) -> None:
        try:
            self._finish(due, await answering, started)
        except BaseException:
            if self._current is due:  # what ends the process, as `SystemExit`
                self._finish(due, _last_resort(), started, last=True)
            raise
        finally:
            # Not by a callback of the task: that would cost a call of the loop for each request.
            self._state.tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _finish(self, due: Due, answer: Answer, started: float, *, last: bool = False) -> None:
        asked = due[0]
        endpoint = asked.endpoint
        self._current = None
        if due is self._receiver.premature:
            self._receiver.premature = None
        self._answered += 1
        self._state.total_requests += 1
        self._last |= last
        close = answer.fixed.closes or asked.closes or (self._last and not self._due)
        if not self._muted and not self.transport.is_closing():
            first = self._site.first_lines.of(answer.reply.status, self._state.default_headers)
            if not self._pending:
                self._turn.send(self)
            self._pending.append(first + rest_of_message(answer, close=close, bodiless=endpoint.bodiless))
        self.active_at = perf_counter()
        endpoint.tell(answer, self.active_at - (due[3] or started))
        if self._muted:
            return
        if close:
            self._end_with_answer()
            return
        call = answer.call
        if call is not None and call.cached_answer is not None and not due[1] and endpoint.again:
            asked.keep(self.peer, call.cached_answer)
        if self._due or self._early or self._receiver.incoming is not None:
            self._go_on()

    def _go_on(self) -> None:
        """Take up what waited for an answer to be out."""
        if self.write_paused or self.transport.is_closing():
            return
        if self._due:
            self._start(self._due.popleft())
            return
        self.invite()
        early, self._early = self._early, b""
        self._resume_reading()
        if early:
            self.data_received(early)

    # Writing.

    def _write(self, data: bytes) -> None:
        if not self._pending:
            self._turn.send(self)
        self._pending.append(data)

    def flush(self) -> None:
        """Send what was written; see `Turn`."""
        pending = self._pending
        if pending:
            data = pending[0] if len(pending) == 1 else b"".join(pending)
            pending.clear()
            if not self.transport.is_closing():
                self.transport.write(data)

    def _close(self) -> None:
        self.flush()
        self.transport.close()

    def _linger(self) -> None:
        # Closing at once would reset the line under a caller who still writes, and take the answer with it.
        self.flush()
        self._muted = True
        if not self.transport.is_closing():
            self.transport.write_eof()
            self._resume_reading()

    def _end_with_answer(self) -> None:
        unread = self._receiver.reading in {Reading.HEAD, Reading.BODY}
        if self._receiver.reading is not Reading.OVER:
            self._receiver.end()
        self._due.clear()
        self._receiver.incoming = None
        self._early = b""
        if unread:
            self._linger()
        else:
            self._close()

    # What the server calls.

    def shutdown(self) -> None:
        """End the connection with what is owed; uvicorn calls it when the server ends."""
        if self._owing() is Owing.NOTHING:
            self._close()
        else:
            self._last = True

    def is_idle(self) -> bool:
        """Return whether nothing is owed, nothing waits to be sent, and no request has begun."""
        return (
            self._receiver.reading <= Reading.IDLE
            and self._owing() is Owing.NOTHING
            and not (self._pending or self._early or self.write_paused)
            and not self.transport.get_write_buffer_size()
        )

    def close_idle(self) -> None:
        """End the connection, which is idle."""
        self._receiver.end()
        self.transport.close()

    def give_up(self) -> None:
        """Answer a request whose body is still on its way: the server ends."""
        self._give_up(ENDING)

    def _owing(self) -> Owing:
        if self._current is not None or self._due:
            return Owing.ANSWER
        return Owing.NOTHING if self._receiver.incoming is None else Owing.BODY

    def enforce(self, now: float) -> None:
        """Do what the limits ask for; called about once a second.

        Args:
            now: the loop's time, in seconds.
        """
        if self.write_paused:
            if self._deadlines.is_stuck(self.transport.get_write_buffer_size(), now):
                self.transport.abort()
            return
        incoming = self._receiver.incoming
        body_timeout = 0.0 if incoming is None else incoming.asked.endpoint.body_timeout
        state = self._receiver.reading, self._owing()
        expiry = self._deadlines.expired(*state, self._answered, body_timeout, now)
        if expiry is Expiry.ABORT:
            self.transport.abort()
        elif expiry is Expiry.REFUSE:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif expiry is Expiry.ANSWER:
            self._give_up(_LATE)
        elif expiry is Expiry.CLOSE:
            self._close()

    def _give_up(self, why: LingpaiError) -> None:
        incoming, self._receiver.incoming = self._receiver.incoming, None
        if incoming is not None:
            self.take(incoming.due(why))


def _repeat(endpoint: Endpoint, again: Again) -> Answer | None:
    try:
        value = again()
        return None if value is None else endpoint.answer_again(value)
    except Exception:  # noqa: BLE001  whatever it is, the verb says it properly when it is asked
        return None


def _last_resort() -> Answer:
    return Answer(LAST_RESORT, fixed_of(LAST_RESORT), new_trace_id(), None)
