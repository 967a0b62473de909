"""From a declared route to what answers it: read, call the verb, write, count, log.

Everything that does not depend on the request is looked up once, when the responder is made: requests are many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.trace import new_trace_id
from lingpai.core.wire import Call, Reply, Route, Shape
from lingpai.edge import replying
from lingpai.edge.bodies import Receive
from lingpai.edge.heads import Head
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions
from lingpai.edge.peers import peer_reader
from lingpai.edge.reading import Reader
from lingpai.edge.refusing import refusal, shape_for
from lingpai.edge.replying import Fixed, RawHeader, Send, fixed_of

Scope = Mapping[str, Any]
Fields = Mapping[str, str]
Responder = Callable[[Scope, Receive, Send, Fields], Awaitable[None]]
SAFE_METHODS = frozenset({"GET", "HEAD"})
BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
log = structlog.get_logger("lingpai.edge")


class Answer:
    """What a request is answered with, and what there is to count and to log of it."""

    __slots__ = ("call", "error", "fixed", "reply", "trace_id")

    def __init__(
        self, reply: Reply, fixed: Fixed, trace_id: str, call: Call | None, error: LingpaiError | None = None
    ) -> None:
        self.reply = reply
        self.fixed = fixed
        self.trace_id = trace_id
        self.call = call
        self.error = error


class Answerer:
    """Makes responders that share options, meter and trust."""

    def __init__(self, options: EdgeOptions, meter: RequestMeter) -> None:
        self.options = options
        self.meter = meter
        self.peer_of = peer_reader(options.trusted_proxies)

    def responder(self, route: Route, method: str) -> "RouteResponder":
        """What answers `method` on `route`."""
        return RouteResponder(self, route, method)

    def refuser(self, shape: Shape, label: str, error: LingpaiError) -> Responder:
        """What answers requests that no declared route and method takes, always with `error`."""
        meter, by_method = self.meter, dict[str, Callable[[int, float], None]]()

        async def refuse(scope: Scope, _receive: Receive, send: Send, _path: Fields) -> None:
            started = perf_counter()
            trace_id = new_trace_id()
            reply, fixed = refusal(shape, error, trace_id)
            head = replying.head(fixed, trace_id, reply.body)
            if any(name == b"expect" for name, _ in scope["headers"]):
                _close(head)
            await replying.send_reply(send, reply.status, head, reply.body)
            method = scope["method"]
            observe = by_method.get(method)
            if observe is None:
                observe = by_method[method] = meter.bind(label, method)
            seconds = perf_counter() - started
            observe(reply.status, seconds)
            log_request(label, method, reply.status, seconds, trace_id, error=error)

        return refuse


class RouteResponder:
    """Answers one method of one route. An ASGI app but for the path's fields, which the router found."""

    def __init__(self, answerer: Answerer, route: Route, method: str) -> None:
        reader = Reader(route.params, route.sources, answerer.options)
        self._read_head, self._read, self._whole_reader = reader.read_head, reader.read, reader.whole_reader
        self._with_body = reader.takes_body and method not in BODILESS_METHODS
        self._safe = method in SAFE_METHODS
        self._verb, self._shape, self._page = route.verb, route.shape, route.page
        self._success = route.shape.success
        self._peer_of, self._meter = answerer.peer_of, answerer.meter
        self._observe = answerer.meter.bind(route.path, method)
        self._path, self._method = route.path, method
        self.logs_successes = answerer.options.log_successes

    async def __call__(self, scope: Scope, receive: Receive, send: Send, fields: Fields) -> None:
        """Answer a request that came by ASGI."""
        started = perf_counter()
        head = Head(scope["query_string"], scope["headers"])
        client = scope.get("client")
        answer = await self.answer(head, client[0] if client else "", fields, b"", receive)
        reply = answer.reply
        lines = replying.head(answer.fixed, answer.trace_id, reply.body)
        if b"expect" in head.headers:
            _close(lines)
        await replying.send_reply(send, reply.status, lines, reply.body)
        self.tell(answer, perf_counter() - started)

    async def answer(
        self, head: Head, socket_peer: str, fields: Fields, body: bytes, receive: Receive | None = None
    ) -> Answer:
        """The answer to a request, whatever its verb does, and also when its task is cancelled.

        Args:
            head: of the request.
            socket_peer: the address at the other end of the line.
            fields: of the path, decoded.
            body: all of it, when `receive` is None.
            receive: the ASGI channel that brings it, else.
        """
        trace_id = new_trace_id()
        call: Call | None = None
        meter = self._meter
        meter.in_flight += 1
        try:
            call = _call(head, self._peer_of(socket_peer, head.lines), trace_id, safe=self._safe)
            if not self._with_body:
                params = self._read_head(head.query, fields)
            elif receive is None:
                if head.read_body is None:
                    head.read_body = self._whole_reader(head.query, fields, head.headers)
                params = head.read_body(body)
            else:
                params = await self._read(head.query, fields, head.headers, receive)
            value = await self._verb(params, call)
            reply = value if type(value) is Reply else self._success(value, trace_id)
            return Answer(reply, fixed_of(reply), trace_id, call)
        except LingpaiError as refused:
            error = refused
        except asyncio.CancelledError:  # the server ends, or what the verb waits for did
            error = LingpaiError(
                Kind.STORE_UNAVAILABLE, "the server is ending; try again", detail="cancelled", retry_after=1
            )
        except Exception:  # whatever a verb does, the caller gets this route's shape
            log.exception("crash", route=self._path, trace_id=trace_id)
            error = LingpaiError(Kind.INTERNAL, "internal error")
        finally:
            meter.in_flight -= 1
        return Answer(
            *refusal(shape_for(call, self._shape, self._page), error, trace_id), trace_id, call, error
        )

    def answer_again(self, value: Any) -> Answer:
        """The answer when the verb need not be asked; see `Call.again`."""
        trace_id = new_trace_id()
        reply = value if type(value) is Reply else self._success(value, trace_id)
        return Answer(reply, fixed_of(reply), trace_id, None)

    def tell(self, answer: Answer, seconds: float) -> None:
        """Count and log an answer that took `seconds`."""
        status = answer.reply.status
        self._observe(status, seconds)
        if answer.error is not None or self.logs_successes:
            log_request(
                self._path,
                self._method,
                status,
                seconds,
                answer.trace_id,
                error=answer.error,
                call=answer.call,
            )


def _call(head: Head, peer: str, trace_id: str, *, safe: bool) -> Call:
    if head.authorized_twice:
        raise LingpaiError(
            Kind.REPEATED_PARAMETER, "the Authorization header is repeated", parameter="authorization"
        )
    call = Call(trace_id, peer, head.bearer, head.if_none_match, accepts_html=head.accepts_html, safe=safe)
    call.headers = head.headers
    return call


def _close(head: list[RawHeader]) -> None:
    # A body that was announced by Expect may be on its way or never come; only closing tells which (RFC 9110 §10.1.1).
    head.append((b"connection", b"close"))


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
    """The one line of a request: the route's template, never the path or the query (attacks.md G71)."""
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
