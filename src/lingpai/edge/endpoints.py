"""From a declared route to what answers it: read, call the verb, write, count, log.

Everything that does not depend on the request is looked up once, when the responder is made: requests are many.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.outages import CANCELLED
from lingpai.core.trace import new_trace_id
from lingpai.core.wire import JSON, Call, Page, Reply, Route, Shape, Streams
from lingpai.edge.durations import Tally
from lingpai.edge.endpoint import Answer, Endpoint, Line
from lingpai.edge.heads import Head
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions
from lingpai.edge.peers import peer_reader
from lingpai.edge.reading import Reader
from lingpai.edge.refusing import refusal, shape_for
from lingpai.edge.router import Fields
from lingpai.edge.writing import NO_CONTENT, USUAL, USUAL_HEADERS, Fixed, fixed_of

SAFE_METHODS = frozenset({"GET", "HEAD"})
LANGUAGE = b"accept-language"
BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ENDING = LingpaiError(
    Kind.STORE_UNAVAILABLE, "the server is ending; try again", detail=CANCELLED, retry_after=1
)
NO_STREAMS = Streams(0, 0)
_ANY_JSON = "application/json"
"""What the types of JSON begin with, whether they name a charset or not."""
log = structlog.get_logger("lingpai.edge")


class Answerer:
    """Makes endpoints that share options, meter and trust."""

    def __init__(self, options: EdgeOptions, meter: RequestMeter) -> None:
        self.options = options
        self.meter = meter
        self.peer_of = peer_reader(options.trusted_proxies, local=options.trusted_unix)

    def endpoint(self, route: Route, method: str) -> "RouteEndpoint":
        """Return the endpoint for `method` on `route`."""
        return RouteEndpoint(self, route, method)

    def refuser(
        self, shape: Shape, label: str, error: LingpaiError, method: str, page: Page | None = None
    ) -> "RefusingEndpoint":
        """Return the endpoint for requests that no route and method takes; always `error`, browsers by `page`."""
        return RefusingEndpoint(self, shape, label, error, method, page)

    def options_endpoint(self, allow: tuple[str, ...]) -> "OptionsEndpoint":
        """Return the endpoint for `OPTIONS` where no route declares it."""
        return OptionsEndpoint(self, allow)


class _Endpoint(Endpoint):
    """The common part of endpoints; see `endpoint.Endpoint`."""

    streams = False
    limits = NO_STREAMS
    declared = False
    quick = True
    bodiless = False
    again = False
    tallies: Mapping[int, Tally] = MappingProxyType({})

    def __init__(self, answerer: "Answerer") -> None:
        self.body_limit = answerer.options.body_limit
        self.body_timeout = answerer.options.body_timeout

    @override
    def wants_body(self, head: Head, fields: Fields) -> bool:
        del head, fields
        return False

    @override
    def answer_again(self, value: Any) -> Answer:
        """Nothing is kept of its answers."""
        raise NotImplementedError

    @override
    def record(self, answer: Answer, seconds: float) -> None: ...


class OptionsEndpoint(_Endpoint):
    """Says which methods a path has."""

    def __init__(self, answerer: Answerer, allow: tuple[str, ...]) -> None:
        super().__init__(answerer)
        self._reply = Reply(b"", NO_CONTENT, headers=(("allow", ", ".join(allow)),))
        self._fixed = fixed_of(self._reply)

    @override
    async def answer(
        self, head: Head, line: Line, fields: Fields, body: bytes, fault: LingpaiError | None = None
    ) -> Answer:
        del head, line, fields, body, fault
        return Answer(self._reply, self._fixed, new_trace_id(), None)


class RefusingEndpoint(_Endpoint):
    """Refuses requests."""

    def __init__(
        self,
        answerer: Answerer,
        shape: Shape,
        label: str,
        error: LingpaiError,
        method: str,
        page: Page | None,
    ) -> None:
        super().__init__(answerer)
        self.bodiless = method == "HEAD"
        self._shape, self._error, self._page = shape, error, page
        self._label, self._method = label, method
        self._tallies = answerer.meter.bind(label, method)

    @override
    async def answer(
        self, head: Head, line: Line, fields: Fields, body: bytes, fault: LingpaiError | None = None
    ) -> Answer:
        del fields, body, fault
        trace_id = new_trace_id()
        accept = head.headers.get(LANGUAGE)
        shape = self._shape
        if self._page is not None and head.accepts_html:
            safe = self._method in SAFE_METHODS
            call = Call(trace_id, line.peer, accepts_html=True, safe=safe, headers=head.headers)
            shape = shape_for(call, shape, self._page)
        return Answer(*refusal(shape, self._error, trace_id, accept), trace_id, None, self._error)

    @override
    def record(self, answer: Answer, seconds: float) -> None:
        status = answer.reply.status
        self._tallies.count(status, seconds)
        log_request(self._label, self._method, status, seconds, answer.trace_id, error=self._error)


class RouteEndpoint(_Endpoint):
    """Answers one method of one route."""

    declared = True

    def __init__(self, answerer: Answerer, route: Route, method: str) -> None:
        super().__init__(answerer)
        reader = Reader(route.params, route.sources, answerer.options)
        self._read_head, self._reader_after = reader.read_head, reader.reader_after
        self._with_body = reader.takes_body and method not in BODILESS_METHODS
        self._safe = method in SAFE_METHODS
        self._verb, self._shape, self._page = route.verb, route.shape, route.page
        self._success = route.shape.success
        self._headers: tuple[tuple[str, str], ...] = USUAL_HEADERS
        self._type = JSON
        self._fixed = USUAL
        self._peer_of, self._meter = answerer.peer_of, answerer.meter
        self._tallies = answerer.meter.bind(route.path, method)
        self._path, self._method = route.path, method
        self._logs_successes = answerer.options.log_successes
        self.quick = route.quick
        self.bodiless = method == "HEAD"
        self.again = not self._logs_successes and not self.bodiless
        if not self._logs_successes:
            self.tallies = self._tallies.by_status

    @override
    def wants_body(self, head: Head, fields: Fields) -> bool:
        """Not when the head alone is enough to refuse it."""
        if not self._with_body or head.authorized_twice:
            return False
        try:
            head.read_body = self._reader_after(head.query, fields, head.headers)
        except LingpaiError:  # found again by the answer, which has to say so
            return False
        return True

    @override
    async def answer(
        self, head: Head, line: Line, fields: Fields, body: bytes, fault: LingpaiError | None = None
    ) -> Answer:
        trace_id = new_trace_id()
        call: Call | None = None
        meter = self._meter
        meter.in_flight += 1
        try:
            if head.authorized_twice:
                raise LingpaiError(  # noqa: TRY301  answered as every refusal
                    Kind.REPEATED_PARAMETER, "the Authorization header is repeated", parameter="authorization"
                )
            peer = line.peer if self._peer_of is None else self._peer_of(line.peer, head.lines)
            call = Call(
                trace_id,
                peer,
                head.bearer,
                head.if_none_match,
                head.accepts_html,
                self._safe,
                head.headers,
            )
            if self.bodiless:
                call.bodiless = True
            if self.streams:
                self._streamed(head, call, body)
            if fault is not None:
                raise fault  # noqa: TRY301  as above
            if not self._with_body:
                params = self._read_head(head.query, fields)
            else:
                if head.read_body is None:
                    head.read_body = self._reader_after(head.query, fields, head.headers)
                params = head.read_body(body)
            value = await self._verb(params, call)
            reply = value if type(value) is Reply else self._success(value, trace_id)
            known = reply.headers == self._headers and reply.content_type == self._type
            return Answer(reply, self._fixed if known else self._fix(reply), trace_id, call)
        except LingpaiError as refused:
            error = refused
        except asyncio.CancelledError:  # the server ends, or what the verb waits for did
            error = ENDING
        except Exception:  # whatever a verb does, the caller gets this route's shape
            log.exception("crash", route=self._path, trace_id=trace_id)
            error = LingpaiError(Kind.INTERNAL, "internal error")
        finally:
            meter.in_flight -= 1
        shape = self._shape if call is None or call.shape is None else call.shape
        shape = shape_for(call, shape, self._page)
        return Answer(*refusal(shape, error, trace_id, head.headers.get(LANGUAGE)), trace_id, call, error)

    def _streamed(self, head: Head, call: Call, body: bytes) -> None:
        """Give the verb the request as it came; of routes that stream.

        Raises:
            LingpaiError: BODY_TOO_LARGE or UNSUPPORTED_MEDIA_TYPE.
        """
        raise NotImplementedError

    @override
    def answer_again(self, value: Any) -> Answer:
        trace_id = new_trace_id()
        reply = value if type(value) is Reply else self._success(value, trace_id)
        known = reply.headers == self._headers and reply.content_type == self._type
        return Answer(reply, self._fixed if known else self._fix(reply), trace_id, None)

    def _fix(self, reply: Reply) -> Fixed:
        """Return the checked headers of a reply, and keep those of JSON: the next reply mostly has the same."""
        fixed = fixed_of(reply)
        if reply.content_type.startswith(_ANY_JSON):
            self._headers, self._type, self._fixed = reply.headers, reply.content_type, fixed
        return fixed

    @override
    def record(self, answer: Answer, seconds: float) -> None:
        status = answer.reply.status
        self._tallies.count(status, seconds)
        if answer.error is not None or self._logs_successes:
            log_request(
                self._path,
                self._method,
                status,
                seconds,
                answer.trace_id,
                error=answer.error,
                call=answer.call,
            )


def log_request(
    route: str,
    method: str,
    status: int,
    seconds: float,
    trace_id: str,
    *,
    error: LingpaiError | None = None,
    call: Call | None = None,
) -> None:
    """The one line of a request: the route's template, never the path or the query."""
    fields: dict[str, Any] = {
        "route": route,
        "method": method,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "trace_id": trace_id,
    }
    if call is not None and call.caller:
        fields["caller"] = call.caller
    if error is None:
        log.debug("request", **fields)
        return
    fields["error"] = error.kind.value
    for name in ("parameter", "detail", "code"):
        value = getattr(error, name)
        if value:
            fields[name] = value
    if call is not None and call.noted:
        fields.update(call.noted)
    log.info("request", **fields)
