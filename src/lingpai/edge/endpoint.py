"""The interface between connections and an application: endpoints and answers."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Call, Reply, Streams
from lingpai.edge.durations import Tally
from lingpai.edge.heads import Head
from lingpai.edge.router import Fields
from lingpai.edge.writing import Fixed


class Line(Protocol):
    """The connection that a request came by, as endpoints may know it.

    Attributes:
        peer: the address at its other end, as text.
        transport: what carries it.
    """

    peer: str
    transport: Any


class Answer(msgspec.Struct):
    """An answer, with what is counted and logged of it.

    Attributes:
        reply: the answer itself.
        fixed: its headers.
        trace_id: of the request.
        call: what the verb was called with, if it was.
        error: what was refused, if anything.
    """

    reply: Reply
    fixed: Fixed
    trace_id: str
    call: Call | None
    error: LingpaiError | None = None


class Endpoint(Protocol):
    """Answers the requests of one method and path, or of many.

    Attributes:
        streams: whether it reads bodies as they come, see `Route.streams`; then its limits are there too.
        declared: whether a route was declared for it; heads of others are not kept.
        quick: whether `answer` may be run in the turn that serves all connections, see `Route.quick`.
        bodiless: whether its answers are sent without their body, as for `HEAD`.
        again: whether an answer may be given again (`Call.cached_answer`) without a log line.
        tallies: counts of its answers by status, for those that need no log line; `record` makes them.
        body_limit: bytes of a body that it takes.
        body_timeout: seconds in which a body must have arrived.
    """

    streams: bool
    limits: Streams
    declared: bool
    quick: bool
    bodiless: bool
    again: bool
    tallies: Mapping[int, Tally]
    body_limit: int
    body_timeout: float

    def wants_body(self, head: Head, fields: Fields) -> bool:
        """Return whether the answer waits for the body that the head announces."""
        ...

    async def answer(
        self, head: Head, line: Line, fields: Fields, body: bytes, fault: LingpaiError | None = None
    ) -> Answer:
        """Return the answer to a request, whatever the verb does, and also when its task is cancelled.

        Args:
            head: of the request.
            line: that it came by.
            fields: of the path, decoded.
            body: all of it.
            fault: why there is no body, to be refused with.
        """
        ...

    def answer_again(self, value: Any) -> Answer:
        """Return the answer for a value that `Call.cached_answer` gave."""
        ...

    def record(self, answer: Answer, seconds: float) -> None:
        """Count and log an answer that took `seconds`."""
        ...


Find = Callable[[str, str], tuple[Endpoint, Fields]]
"""The endpoint for a method and a path, and the path's fields, decoded."""


class Application(Protocol):
    """An application as a server serves it."""

    @property
    def find(self) -> Find:
        """Return the look-up of endpoints."""
        ...

    async def start(self) -> None:
        """Called in the loop that serves, before the first request; an exception ends the start."""
        ...

    async def stop(self) -> None:
        """Called after the last request."""
        ...

    def end(self) -> None:
        """Called when no new connections are taken any more: whoever waits for something may be let go."""
        ...
