"""From a declared route to what answers it: read, call the verb, write, count, log.

Everything that does not depend on the request is looked up once, when the responder is made: requests are many.
"""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.trace import new_trace_id
from lingpai.core.wire import Call, Page, Reply, Route, Shape
from lingpai.edge import replying
from lingpai.edge.bodies import Receive
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions
from lingpai.edge.peers import peer_reader
from lingpai.edge.reading import Reader
from lingpai.edge.replying import RawHeader, Send

Scope = Mapping[str, Any]
Responder = Callable[[Scope, Receive, Send, Mapping[str, str]], Awaitable[None]]
BODILESS_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
log = structlog.get_logger("lingpai.edge")


def bearer_of(authorization: bytes) -> str | None:
    """The credential of `Authorization: Bearer`, or None (RFC 6750 §2.1; the scheme in any case)."""
    scheme, _, credential = authorization.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    return credential.strip().decode("latin-1") or None


class Answerer:
    """Makes responders that share options, meter and trust."""

    def __init__(self, options: EdgeOptions, meter: RequestMeter) -> None:
        self._options = options
        self._meter = meter
        self._peer_of = peer_reader(options.trusted_proxies)

    def _call(self, scope: Scope, headers: Mapping[bytes, bytes], trace_id: str) -> Call:
        call = Call(trace_id, self._peer_of(scope))
        call.headers = headers
        if b"authorization" in headers:
            if sum(name == b"authorization" for name, _ in scope["headers"]) > 1:
                raise LingpaiError(
                    Kind.REPEATED_PARAMETER, "the Authorization header is repeated", parameter="authorization"
                )
            call.bearer = bearer_of(headers[b"authorization"])
        if b"if-none-match" in headers:
            call.if_none_match = headers[b"if-none-match"].decode("latin-1")
        if b"accept" in headers:
            call.accepts_html = b"text/html" in headers[b"accept"]
        return call

    def responder(self, route: Route, method: str) -> Responder:
        """What answers `method` on `route`."""
        meter, call_of = self._meter, self._call
        reader = Reader(route.params, route.sources, self._options)
        read_head, read = reader.read_head, reader.read
        with_body = reader.takes_body and method not in BODILESS_METHODS
        verb, shape, success, page = route.verb, route.shape, route.shape.success, route.page
        observe = meter.bind(route.path, method)
        log_successes = self._options.log_successes
        make_head, send_reply = replying.head, replying.send_reply

        async def respond(scope: Scope, receive: Receive, send: Send, path: Mapping[str, str]) -> None:
            started = perf_counter()
            trace_id = new_trace_id()
            headers = dict(scope["headers"])
            error: LingpaiError | None = None
            call: Call | None = None
            meter.in_flight += 1
            try:
                call = call_of(scope, headers, trace_id)
                query = scope["query_string"]
                params = await read(query, path, headers, receive) if with_body else read_head(query, path)
                value = await verb(params, call)
                reply = value if type(value) is Reply else success(value, trace_id)
                head = make_head(reply, trace_id)
            except LingpaiError as refused:
                error = refused
                reply, head = refusal(_shape_for(call, shape, page), error, trace_id)
            except Exception:  # whatever a verb does, the caller gets this route's shape
                log.exception("crash", route=route.path, trace_id=trace_id)
                error = LingpaiError(Kind.INTERNAL, "internal error")
                reply, head = refusal(_shape_for(call, shape, page), error, trace_id)
            finally:
                meter.in_flight -= 1
            if b"expect" in headers:
                _close(head)
            await send_reply(send, reply.status, head, reply.body)
            seconds = perf_counter() - started
            observe(reply.status, seconds)
            if error is not None or log_successes:
                log_request(route.path, method, reply.status, seconds, trace_id, error=error, call=call)

        return respond

    def refuser(self, shape: Shape, label: str, error: LingpaiError) -> Responder:
        """What answers requests that no declared route and method takes, always with `error`."""
        meter, by_method = self._meter, dict[str, Callable[[int, float], None]]()

        async def refuse(scope: Scope, _receive: Receive, send: Send, _path: Mapping[str, str]) -> None:
            started = perf_counter()
            trace_id = new_trace_id()
            reply, head = refusal(shape, error, trace_id)
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


def _close(head: list[RawHeader]) -> None:
    # A body that was announced by Expect may be on its way or never come; only closing tells which (RFC 9110 §10.1.1).
    head.append((b"connection", b"close"))


class _Pages:
    """The shape of errors of one call of a browser."""

    def __init__(self, page: Page, call: Call, success: Callable[[Any, str], Reply]) -> None:
        self._page = page
        self._call = call
        self.success = success

    def error(self, error: LingpaiError, _trace_id: str) -> Reply:
        return self._page(error, self._call)


def _shape_for(call: Call | None, shape: Shape, page: Page | None) -> Shape:
    if page is None or call is None or not call.accepts_html:
        return shape
    return _Pages(page, call, shape.success)


def refusal(shape: Shape, error: LingpaiError, trace_id: str) -> tuple[Reply, list[RawHeader]]:
    """The reply for `error` and its headers; a shape that fails must not take the answer down with it."""
    try:
        reply = replying.error_reply(shape, error, trace_id)
        return reply, replying.head(reply, trace_id)
    except Exception:
        log.exception("shape_failed", kind=error.kind.value, trace_id=trace_id)
        return replying.LAST_RESORT, replying.head(replying.LAST_RESORT, trace_id)


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
    log.info("request", **fields)
