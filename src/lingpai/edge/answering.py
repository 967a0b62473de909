"""From a declared route to what Falcon calls: read, call the verb, write, count, log."""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import structlog
from falcon.asgi import Request, Response

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.trace import new_trace_id
from lingpai.core.wire import Call, Reply, Route, Shape
from lingpai.edge import replying
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions
from lingpai.edge.peers import peer_reader
from lingpai.edge.reading import Reader

# Falcon parses the query and may wait for the body before it routes. We do both ourselves, strictly and only
# where a route wants it, so the app hands Falcon an empty query and keeps the real ones under these names.
QUERY = "lingpai.query"
RECEIVE = "lingpai.receive"

Responder = Callable[..., Awaitable[None]]
log = structlog.get_logger("lingpai.edge")


def bearer_of(headers: Mapping[bytes, bytes]) -> str | None:
    """The credential of `Authorization: Bearer`, or None (RFC 6750 §2.1; the scheme in any case)."""
    scheme, _, credential = headers[b"authorization"].partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    return credential.strip().decode("latin-1") or None


class Answerer:
    """Builds responders that share options, meter and trust."""

    def __init__(self, options: EdgeOptions, meter: RequestMeter) -> None:
        self._options = options
        self._meter = meter
        self._peer_of = peer_reader(options.trusted_proxies)

    def _call(self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], trace_id: str) -> Call:
        call = Call(trace_id, self._peer_of(scope))
        if b"authorization" in headers:
            if sum(name == b"authorization" for name, _ in scope["headers"]) > 1:
                raise LingpaiError(
                    Kind.REPEATED_PARAMETER, "the Authorization header is repeated", parameter="authorization"
                )
            call.bearer = bearer_of(headers)
        if b"if-none-match" in headers:
            call.if_none_match = headers[b"if-none-match"].decode("latin-1")
        if b"accept" in headers:
            call.accepts_html = b"text/html" in headers[b"accept"]
        return call

    def responder(self, route: Route, method: str) -> Responder:
        """What answers `method` on `route`; nothing that it does depends on the request's luck."""
        options, meter, call_of = self._options, self._meter, self._call
        reader = Reader(route.params, route.sources, options)
        read_head, read = reader.read_head, reader.read
        with_body = reader.takes_body and method not in {"GET", "HEAD", "OPTIONS"}
        verb, shape, success = route.verb, route.shape, route.shape.success
        observe = meter.bind(route.path, method)
        log_successes = options.log_successes

        async def respond(req: Request, resp: Response, **path: str) -> None:
            started = perf_counter()
            trace_id = new_trace_id()
            scope = req.scope
            headers = dict(scope["headers"])
            error: LingpaiError | None = None
            call: Call | None = None
            meter.in_flight += 1
            try:
                try:
                    call = call_of(scope, headers, trace_id)
                    params = (
                        await read(scope[QUERY], path, headers, scope[RECEIVE])
                        if with_body
                        else read_head(scope[QUERY], path)
                    )
                    value = await verb(params, call)
                    reply = value if type(value) is Reply else success(value, trace_id)
                    replying.write(resp, reply, trace_id)
                except LingpaiError as refused:
                    error = refused
                    self._refuse(resp, shape, refused, trace_id)
                except Exception as crash:  # noqa: BLE001  whatever a verb does, the caller gets this route's shape
                    error = self._crashed(resp, shape, route.path, trace_id, crash)
            finally:
                meter.in_flight -= 1
            if b"expect" in headers:
                # The body may be on its way or never come; only closing tells which (RFC 9110 §10.1.1).
                resp.set_header("connection", "close")
            status = resp.status_code
            seconds = perf_counter() - started
            observe(status, seconds)
            if error is not None or log_successes:
                log_request(route.path, method, status, seconds, trace_id, error=error, call=call)

        return respond

    def refusal(self, shape: Shape, label: str, make: Callable[[], LingpaiError]) -> Responder:
        """What answers requests that no declared route and method takes."""
        observe_by_method: dict[str, Callable[[int, float], None]] = {}

        async def refuse(req: Request, resp: Response, **_path: str) -> None:
            started = perf_counter()
            trace_id = new_trace_id()
            error = make()
            self._refuse(resp, shape, error, trace_id)
            if req.get_header("expect"):
                resp.set_header("connection", "close")
            observe = observe_by_method.get(req.method)
            if observe is None:
                observe = observe_by_method[req.method] = self._meter.bind(label, req.method)
            seconds = perf_counter() - started
            observe(resp.status_code, seconds)
            log_request(label, req.method, resp.status_code, seconds, trace_id, error=error)

        return refuse

    def crash(self, req: Request, resp: Response, shape: Shape, label: str, crash: Exception) -> None:
        """Answer for an exception that escaped a responder or Falcon itself."""
        trace_id = new_trace_id()
        error = self._crashed(resp, shape, label, trace_id, crash)
        self._meter.bind(label, req.method)(resp.status_code, 0.0)
        log_request(label, req.method, resp.status_code, 0.0, trace_id, error=error)

    def _refuse(self, resp: Response, shape: Shape, error: LingpaiError, trace_id: str) -> None:
        try:
            replying.write(resp, replying.error_reply(shape, error, trace_id), trace_id)
        except Exception:  # a shape that fails must not take the answer down with it
            log.exception("shape_failed", kind=error.kind.value, trace_id=trace_id)
            replying.write(resp, replying.LAST_RESORT, trace_id)

    def _crashed(
        self, resp: Response, shape: Shape, label: str, trace_id: str, crash: Exception
    ) -> LingpaiError:
        log.error("crash", route=label, trace_id=trace_id, exc_info=crash)
        error = LingpaiError(Kind.INTERNAL, "internal error")
        self._refuse(resp, shape, error, trace_id)
        return error


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
