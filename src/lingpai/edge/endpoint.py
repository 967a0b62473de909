"""What a connection needs of an application: who answers a request, and what an answer is."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from lingpai.core.errors import LingpaiError
from lingpai.core.wire import Call, Reply
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
    """What a request is answered with, and what there is to count and to log of it.

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
        declared: whether a route was declared for it; heads of others are not kept.
        quick: whether `answer` may be run in the turn that serves all connections, see `Route.quick`.
        bodiless: whether its answers are sent without their body, as for `HEAD`.
        again: whether an answer may be given again (`Call.cached_answer`) without a log line.
        body_limit: bytes of a body that it takes.
        body_timeout: seconds in which a body must have arrived.
    """

    declared: bool
    quick: bool
    bodiless: bool
    again: bool
    body_limit: int
    body_timeout: float

    def wants_body(self, head: Head, fields: Fields) -> bool:
        """Whether the answer waits for the body that the head announces."""
        ...

    async def answer(
        self, head: Head, line: Line, fields: Fields, body: bytes, fault: LingpaiError | None = None
    ) -> Answer:
        """The answer to a request, whatever it does, and also when its task is cancelled.

        Args:
            head: of the request.
            line: that it came by.
            fields: of the path, decoded.
            body: all of it.
            fault: why there is no body, to be refused with.
        """
        ...

    def answer_again(self, value: Any) -> Answer:
        """The answer when the verb need not be asked; see `Call.cached_answer`."""
        ...

    def tell(self, answer: Answer, seconds: float) -> None:
        """Count and log an answer that took `seconds`."""
        ...


Find = Callable[[str, str], tuple[Endpoint, Fields]]
"""The endpoint for a method and a path, and the path's fields, decoded."""


class Application(Protocol):
    """What is served."""

    @property
    def find(self) -> Find:
        """Who answers what."""
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
