"""The answering half of a connection: its requests are answered one at a time and in order.

Quick routes are answered in the turn that serves all connections (`turn`), the others in a task each. When the verb of
a quick route waits for a future, as for a commit, the future calls the responder back: a task takes nine Python calls.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from contextvars import Context, copy_context
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast

import msgspec
from uvicorn.server import ServerState

from lingpai.core.trace import new_trace_id
from lingpai.edge.endpoint import Answer
from lingpai.edge.receiving import Due, Receiver
from lingpai.edge.states import Event, Owing, Reading, Saying, States
from lingpai.edge.turn import resume
from lingpai.edge.writing import CONTINUE, LAST_RESORT, fixed_of, message_of

if TYPE_CHECKING:
    from lingpai.edge.headcache import Again
    from lingpai.edge.site import Site
    from lingpai.edge.streaming import Exchange

_OPEN, _MUTE = Saying.OPEN, Saying.MUTE


class Waiting(msgspec.Struct):
    """A verb that waits: for which request, its coroutine, when it began, the context that it runs in."""

    due: Due
    answering: Coroutine[Any, Any, Answer]
    started: float
    context: Context


class Responder(asyncio.Protocol):
    """Answers what a connection has read.

    Args:
        site: what all connections share.
        state: uvicorn's, of the server.
        loop: that serves.

    Attributes:
        peer: the address at the other end.
        transport: what carries the connection.
        active_at: when it was accepted or last answered, by `perf_counter`.
        write_paused: whether the peer takes answers slower than they come.
    """

    transport: asyncio.Transport

    def __init__(self, site: "Site", state: ServerState, loop: asyncio.AbstractEventLoop) -> None:
        self._site, self._turn, self._first_lines = site, site.turn, site.first_lines
        self._state, self._loop = state, loop
        self._states = States()
        self._receiver = Receiver(self, site.find, site.limits, self._states)
        self.peer = ""
        self.active_at = 0.0
        self.write_paused = False
        self._read_paused = False
        self._current: Due | None = None
        self._again: Again | None = None  # what repeats its answer
        self._exchange: Exchange | None = None  # the request that is answered, if its route streams
        self._due: deque[Due] = deque()
        self._early = b""  # came before the answer to what came before it was out
        self._answered = 0
        self._half_closes = True  # whether the peer may go on when we have said all
        self._early_word = Event.EARLY_WORD

    def take(self, due: Due) -> None:
        """Answer a request, once all before it are answered; see `receiving.Owner`."""
        if self._current is None and not self.write_paused:
            self._start(due)
        else:
            self._due.append(due)

    def invite(self) -> None:
        """Ask for the body of a request, once all before it are answered; see `receiving.Owner`."""
        raise NotImplementedError

    def hold(self) -> None:
        """Receive nothing more for now; see `streaming.Peer`."""
        self._pause_reading()

    def go_on_reading(self) -> None:
        """Receive again; see `streaming.Peer`."""
        if not self._early:
            self._resume_reading()

    def send_continue(self) -> None:
        """Ask for the body; see `streaming.Peer`."""
        self._write(CONTINUE)

    def refuse(self, status: HTTPStatus) -> None:
        """End the connection for what cannot be read; see `receiving.Owner`."""
        raise NotImplementedError

    def abort(self) -> None:
        """Cut the connection."""
        self._states.advance(Event.CUT)
        self.transport.abort()

    def owing(self) -> Owing:
        """Return what the peer is owed."""
        if self._current is not None or self._due:
            return Owing.ANSWER
        return Owing.NOTHING if self._receiver.incoming is None else Owing.BODY

    def _start(self, due: Due) -> None:
        self._current = due
        asked, body, fault, _ = due
        self._again = None if body or fault is not None else asked.again(self.peer)
        if asked.endpoint.quick or self._again is not None:
            turn = self._turn
            turn.waiting.append(self)
            if not turn.due:
                turn.ask()
        else:
            self._answer_in_task(due)

    def run(self, started: float) -> None:
        """Answer the request that is due, in the turn; see `Turn`."""
        due = self._current
        if due is None:
            return
        asked, body, fault, _ = due
        endpoint = asked.endpoint
        again = self._again
        if again is not None:
            try:
                value = again()
                answer = None if value is None else endpoint.answer_again(value)
            except Exception:  # noqa: BLE001  whatever it is, the verb says it properly when it is asked
                answer = None
            if answer is not None:
                self._finish(due, answer, started)
                return
            asked.forget(self.peer)
        if not endpoint.quick:
            self._answer_in_task(due)
            return
        answering = endpoint.answer(asked.kept_head or asked.head, self, asked.fields, body, fault)
        # In a context of its own, as a task has it.
        context = copy_context()
        try:
            waits_for = context.run(answering.send, None)
        except StopIteration as ended:
            self._finish(due, ended.value, started)
        except BaseException:  # what ends the process, as `SystemExit`
            self._finish(due, _last_resort(), started, last=True)
            raise
        else:
            self._wait(Waiting(due, answering, started, context), waits_for)

    def _wait(self, waiting: Waiting, waits_for: Any) -> None:
        """Go on with a verb when what it waits for is done.

        A future of asyncio's is taken from the verb as a task would take it, and is among the server's tasks: the
        server waits for it when it ends, and cancels it when that takes too long. For anything else, as the turn of
        the loop that `asyncio.sleep(0)` asks for, the verb gets a task.
        """
        if type(waits_for) is asyncio.Future and waits_for._asyncio_future_blocking:  # noqa: SLF001  its protocol
            waits_for._asyncio_future_blocking = False  # noqa: SLF001
            self._state.tasks.add(waits_for)  # type: ignore[arg-type]  # what a task and a future share is used
            waits_for.add_done_callback(partial(self._resume, waiting), context=waiting.context)
        else:
            follow = self._follow(waiting.due, resume(waiting.answering, waits_for), waiting.started)
            self._spawn(follow, waiting.context)

    def _resume(self, waiting: Waiting, waited_for: "asyncio.Future[Any]") -> None:
        """Go on with the verb; called by the loop, in the verb's context."""
        self._state.tasks.discard(waited_for)
        try:
            waits_for = waiting.answering.send(None)
        except StopIteration as ended:
            self._finish(waiting.due, ended.value, waiting.started)
        except BaseException:  # as above
            self._finish(waiting.due, _last_resort(), waiting.started, last=True)
            raise
        else:
            self._wait(waiting, waits_for)

    def _answer_streaming(self, due: Due) -> None:
        """Answer a request of a route that streams; see `stream_responder`."""
        raise NotImplementedError

    def _answer_in_task(self, due: Due) -> None:
        asked, body, fault, _ = due
        if asked.endpoint.streams:
            self._answer_streaming(due)
            return
        answering = asked.endpoint.answer(asked.kept_head or asked.head, self, asked.fields, body, fault)
        self._spawn(self._follow(due, answering, perf_counter()))

    def _spawn(
        self, coroutine: Coroutine[Any, Any, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine, context=context)
        self._state.tasks.add(task)
        return task

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

    def _finish(
        self, due: Due, answer: Answer, started: float, *, last: bool = False, said: bytes | None = None
    ) -> None:
        asked, body, _, began = due
        endpoint, status = asked.endpoint, answer.reply.status
        self._current = None
        if due is self._receiver.premature:
            self._receiver.premature = None
        self._answered += 1
        state = self._state
        state.total_requests += 1
        saying = self._states.saying
        close = answer.fixed.closes or asked.closes or last or (saying is not _OPEN and not self._due)
        turn = self._turn
        if saying < _MUTE:
            lines = self._first_lines
            if lines.headers is not state.default_headers:
                lines.change(state.default_headers)
            first = lines.by_status.get(status) or lines.add(status)
            said = (
                message_of(first, answer, close=close, bodiless=endpoint.bodiless) if said is None else said
            )
            turn.outbox.append((self.transport, said))
            if not turn.due:
                turn.due = True
                turn.call_soon(turn.run)
        self.active_at = now = perf_counter()
        tally = endpoint.tallies.get(status) if answer.error is None else None
        if tally is not None:
            tally.seconds.append(now - (began or started))
        else:
            endpoint.record(answer, now - (began or started))
        if saying >= _MUTE:
            return
        if close:
            self._end_with_answer()
            return
        call = answer.call
        if call is not None and call.cached_answer is not None and not body and endpoint.again:
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

    def _pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._read_paused:
            self._read_paused = False
            self.transport.resume_reading()

    # Writing.

    def _write(self, data: bytes) -> None:
        turn = self._turn
        turn.outbox.append((self.transport, data))
        if not turn.due:
            turn.ask()

    def end(self, event: Event) -> None:
        """End the connection as far as `event` wants it and no answer is owed."""
        states = self._states
        states.advance(event)
        if states.saying is Saying.LAST and self.owing() is Owing.NOTHING:
            states.advance(Event.LAST_WORD)
        if states.saying is Saying.CLOSED:
            self._turn.flush()
            self.transport.close()
        elif states.saying is Saying.MUTE and event is Event.EARLY_WORD:
            # Closing at once would reset the line under a caller who still writes, and take the answer with it.
            self._turn.flush()
            if not self.transport.is_closing():
                self.transport.write_eof()
                self._resume_reading()

    def _end_with_answer(self) -> None:
        unread = self._states.reading in {Reading.HEAD, Reading.BODY}
        self._due.clear()
        self._receiver.incoming = None
        self._early = b""
        self.end(self._early_word if unread else Event.LAST_WORD)


def _last_resort() -> Answer:
    return Answer(LAST_RESORT, fixed_of(LAST_RESORT), new_trace_id(), None)
