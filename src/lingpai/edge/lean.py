"""The lean way: plain requests answered without uvicorn's cycle, scope and channels.

A request that comes alone and whole, with a plain head (`plain`), needs none of them: its responder is called with what
the head says, and the answer goes out in one write. All else (bodies in pieces or chunks, pipelining, `HEAD`,
`Expect`, upgrades, what is malformed or belongs to no route) takes the ordinary way, with the same bytes. The switch is
made only between two messages, so both ways see the same messages on a line; the tests hold them to the same answers.

An answer that a verb could give again (`Call.again`) is not asked for in `data_received` but in the turn of the loop
after it, together with all that came meanwhile: only there do the store's reads see every commit that anybody was told
of before he asked (`store/sqlite/engine.py`).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from time import perf_counter
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from lingpai.core.trace import new_trace_id
from lingpai.edge.answering import Answer, RouteResponder
from lingpai.edge.corking import CorkedTransport, Outbox
from lingpai.edge.plain import Again, Find, PlainHead, PlainHeads
from lingpai.edge.protocol import GuardedProtocol, Phase, ProtocolLimits
from lingpai.edge.replying import LAST_RESORT, fixed_of, rest_of_message


class _Turn:
    """What waits for the next turn of the loop; one for all connections of a server."""

    def __init__(self) -> None:
        self._waiting: list[tuple[LeanProtocol, PlainHead, Again]] = []

    def add(self, protocol: "LeanProtocol", plain: PlainHead, again: Again) -> None:
        if not self._waiting:
            protocol.loop.call_soon(self._run)
        self._waiting.append((protocol, plain, again))

    def _run(self) -> None:
        started = perf_counter()
        waiting, self._waiting = self._waiting, []
        for protocol, plain, again in waiting:
            protocol.answer_again(plain, again, started)


class _FirstLines:
    """Status line and the server's own headers, which change once a second."""

    def __init__(self) -> None:
        self._headers: Sequence[tuple[bytes, bytes]] | None = None
        self._by_status: dict[int, bytes] = {}

    def of(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._headers:
            self._headers = headers
            self._by_status.clear()
        lines = self._by_status.get(status)
        if lines is None:
            own = (b"%b: %b\r\n" % header for header in headers)
            lines = self._by_status[status] = STATUS_LINE[status] + b"".join(own)
        return lines


class LeanProtocol(GuardedProtocol):
    """`GuardedProtocol` with the lean way before it."""

    heads: PlainHeads
    turn: _Turn
    first_lines: _FirstLines

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answering = False
        self._task: asyncio.Task[None] | None = None
        self._early = b""  # came before the answer to what came before it was out
        self._last = False  # whether the line ends with this answer
        self._peer = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._corked: CorkedTransport = cast("CorkedTransport", self.transport)
        self._peer = self.client[0] if self.client else ""

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._answering:
            self._early += data
            self.flow.pause_reading()
            return
        phase = self._phase
        if self._between_messages and (phase is Phase.IDLE or (phase is Phase.HEAD and not self._fed)):
            matched = self.heads.match(data)
            if matched is not None:
                self._take(*matched)
                return
        super().data_received(data)

    def shutdown(self) -> None:
        """See uvicorn's protocol: called when the server ends."""
        if self._answering:
            self._last = True
        else:
            super().shutdown()

    def answer_again(self, plain: PlainHead, again: Again, started: float) -> None:
        """Answer what was answered before, or ask the verb anew.

        Args:
            plain: the head, which has no body.
            again: tells the answer, or None.
            started: when the turn began, by `perf_counter`.
        """
        responder: RouteResponder = plain.responder
        try:
            value = None if self.flow.write_paused else again()
            answer = None if value is None else responder.answer_again(value)
        except Exception:  # noqa: BLE001  whatever it is, the verb says it properly when it is asked
            answer = None
        if answer is None:
            plain.forget(self._peer)
            self._start(plain, b"")
            return
        self._finish(answer)
        responder.tell(answer, perf_counter() - started)
        self._go_on()

    def _take(self, plain: PlainHead, body: bytes) -> None:
        self._phase = Phase.BUSY
        self._answering = True
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        again = plain.again(self._peer)
        if again is None:
            self._start(plain, body)
        else:
            self.turn.add(self, plain, again)

    def _start(self, plain: PlainHead, body: bytes) -> None:
        self._task = self.loop.create_task(self._answer(plain, body))
        self.tasks.add(self._task)

    async def _answer(self, plain: PlainHead, body: bytes) -> None:
        started = perf_counter()
        responder: RouteResponder = plain.responder
        try:
            answer = await responder.answer(plain.head, self._peer, plain.fields, body)
            if self.flow.write_paused:
                with contextlib.suppress(asyncio.CancelledError):  # the server ends: said, whoever hears it
                    await self.flow.drain()
            self._finish(answer)
            responder.tell(answer, perf_counter() - started)
        except BaseException:
            if self._answering:  # what ends the process, as `SystemExit`
                self._last = True
                self._finish(Answer(LAST_RESORT, fixed_of(LAST_RESORT), new_trace_id(), None))
            raise
        finally:
            # Not by a callback of the task: that would cost a call of the loop for each request.
            self.tasks.discard(cast("asyncio.Task[None]", self._task))
        call = answer.call
        if call is not None and call.again is not None and not body and not responder.logs_successes:
            plain.keep(self._peer, call.again)
        self._go_on()

    def _finish(self, answer: Answer) -> None:
        self._answering = False
        if self._corked.is_closing():
            return
        self.server_state.total_requests += 1
        reply, status = answer.reply, answer.reply.status
        close = self._last or answer.fixed.closes
        first = self.first_lines.of(status, self.server_state.default_headers)
        rest = rest_of_message(answer.fixed, status, answer.trace_id, reply.body, close=close)
        self._corked.write(first + rest)
        if close:
            self._corked.close()
            return
        self._phase, self._since = Phase.IDLE, None

    def _go_on(self) -> None:
        if self._early and not self._corked.is_closing():
            early, self._early = self._early, b""
            self.flow.resume_reading()
            self.data_received(early)


def lean(limits: ProtocolLimits, find: Find) -> type[LeanProtocol]:
    """The protocol class with these limits, for one app.

    Args:
        limits: of each connection.
        find: what answers a method and a path; see `EdgeApp.find`.
    """
    made = {"heads": PlainHeads(find, limits.head_bytes), "turn": _Turn(), "first_lines": _FirstLines()}
    return type("LeanProtocol", (LeanProtocol,), {"limits": limits, "outbox": Outbox(), **made})
