"""The ASGI app: Falcon finds the route, the rest is prepared at the start (DESIGN §8)."""

import asyncio
import types
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import falcon
import falcon.asgi
import structlog
from falcon.asgi import Request, Response
from falcon.constants import COMBINED_METHODS

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Route, Shape
from lingpai.edge.answering import QUERY, RECEIVE, Answerer, Responder
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions

Hook = Callable[[], Awaitable[None]]
UNROUTED = "unrouted"
OTHER_METHOD = "OTHER"  # methods that the parser knows and Falcon does not
_NO_BODY_YET = {"type": "http.request", "body": b"", "more_body": True}
log = structlog.get_logger("lingpai.edge")


async def _no_body_yet() -> dict[str, Any]:
    return _NO_BODY_YET


class EdgeApp(falcon.asgi.App[Request, Response]):
    """Falcon's app, told nothing of query and body, which are read by the route that wants them."""

    async def __call__(  # type: ignore[override]  # Falcon's own ASGI app overrides its WSGI app like this
        self, scope: dict[str, Any], receive: Any, send: Any
    ) -> None:
        """See ASGI 3.0."""
        if scope["type"] == "http":
            scope = {**scope, QUERY: scope["query_string"], RECEIVE: receive, "query_string": b""}
            receive = _no_body_yet
        await super().__call__(scope, receive, send)


class _Lifespan:
    def __init__(
        self, meter: RequestMeter, on_start: Sequence[Hook], on_stop: Sequence[Hook], stop_timeout: float
    ) -> None:
        self._meter = meter
        self._on_start = on_start
        self._on_stop = on_stop
        self._stop_timeout = stop_timeout
        self._publishing: asyncio.Task[None] | None = None

    async def process_startup(self, _scope: Any, _event: Any) -> None:
        self._publishing = asyncio.create_task(self._meter.publish())
        try:
            for start in self._on_start:
                await start()
        except Exception as crash:
            log.exception("start_failed")
            # The server prints what it is told; the cause with all it may quote stays in our log.
            raise RuntimeError(f"start failed: {type(crash).__name__}") from None

    async def process_shutdown(self, _scope: Any, _event: Any) -> None:
        for stop in self._on_stop:
            try:
                async with asyncio.timeout(self._stop_timeout):
                    await stop()
            except Exception:  # the others must be stopped too
                log.exception("stop_failed")
        if self._publishing is not None:
            self._publishing.cancel()


def _options_responder(allow: tuple[str, ...]) -> Responder:
    async def on_options(_req: Request, resp: Response, **_path: str) -> None:
        resp.status = 204
        resp.set_header("allow", ", ".join(allow))

    return on_options


def _responders(answerer: Answerer, path: str, routes: Sequence[Route]) -> dict[str, Responder]:
    """A responder for every method that Falcon knows, so that none is left to its own answers."""
    by_method: dict[str, Route] = {}
    for route in routes:
        for method in route.methods:
            if by_method.setdefault(method, route) is not route:
                raise ValueError(f"{method} {path} is declared twice")
    if "GET" in by_method:
        by_method.setdefault("HEAD", by_method["GET"])
    allow = tuple(sorted(by_method.keys() | {"OPTIONS"}))
    not_allowed = answerer.refusal(
        routes[0].shape,
        path,
        lambda: LingpaiError(Kind.METHOD_NOT_ALLOWED, "this method is not allowed here", allow=allow),
    )
    responders = dict.fromkeys((*COMBINED_METHODS, OTHER_METHOD), not_allowed)
    responders["OPTIONS"] = _options_responder(allow)
    return responders | {method: answerer.responder(route, method) for method, route in by_method.items()}


class _Fallbacks:
    """The shape for a path that no route has: the longest prefix wins."""

    def __init__(self, answerer: Answerer, fallback: Iterable[tuple[str, Shape]]) -> None:
        def not_found() -> LingpaiError:
            return LingpaiError(Kind.NOT_FOUND, "there is nothing here")

        ordered = sorted(fallback, key=lambda entry: -len(entry[0]))
        if not ordered or ordered[-1][0]:
            raise ValueError('fallback needs a default, the shape of ""')
        self._table = [
            (prefix, shape, answerer.refusal(shape, UNROUTED, not_found)) for prefix, shape in ordered
        ]

    def find(self, path: str) -> tuple[Shape, Responder]:
        return next((shape, refuse) for prefix, shape, refuse in self._table if path.startswith(prefix))

    async def sink(self, req: Request, resp: Response | None, **_groups: str) -> None:
        await self.find(req.path)[1](req, resp)


def create_app(
    routes: Sequence[Route],
    fallback: Sequence[tuple[str, Shape]],
    options: EdgeOptions | None = None,
    *,
    on_start: Sequence[Hook] = (),
    on_stop: Sequence[Hook] = (),
) -> EdgeApp:
    """An ASGI app that answers `routes`, and everything else in the right shape.

    `HEAD` is answered as `GET` without its body, `OPTIONS` with 204 and `Allow` unless a route declares it.

    Args:
        routes: what is declared; several routes may share a path when their methods differ.
        fallback: path prefix to shape for unrouted paths; the longest prefix wins, `""` is the default and
            must be there.
        options: limits and trust; the defaults when None.
        on_start: called in order, in the loop that serves, before the first request; a failure ends the start.
        on_stop: called in order after the last request; each may take `options.stop_timeout` seconds.

    Raises:
        ValueError: a method is declared twice for one path, or there is no default shape.
    """
    options = options or EdgeOptions()
    meter = RequestMeter(options.name)
    answerer = Answerer(options, meter)
    fallbacks = _Fallbacks(answerer, fallback)
    app = EdgeApp(middleware=[_Lifespan(meter, on_start, on_stop, options.stop_timeout)])
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, []).append(route)
    others: dict[str, Responder] = {}
    for path, group in by_path.items():
        responders = _responders(answerer, path, group)
        others[path] = responders.pop(OTHER_METHOD)
        methods = {f"on_{method.lower()}": responder for method, responder in responders.items()}
        app.add_route(path, types.SimpleNamespace(**methods))
    app.add_sink(fallbacks.sink, prefix="")

    async def on_falcon_error(req: Request, resp: Response, _error: Exception, _params: Any) -> None:
        # The one that is left: a method that Falcon does not know is a bad request to it.
        refuse = others.get(req.uri_template or "", fallbacks.sink)
        await refuse(req, resp)

    async def on_crash(req: Request, resp: Response, error: Exception, _params: Any) -> None:
        group = by_path.get(req.uri_template or "")
        shape = group[0].shape if group else fallbacks.find(req.path)[0]
        answerer.crash(req, resp, shape, req.uri_template or UNROUTED, error)

    app.add_error_handler(falcon.HTTPError, on_falcon_error)
    app.add_error_handler(Exception, on_crash)
    return app
