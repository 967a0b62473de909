"""The ASGI app: finds the route for a request; all else is prepared at the start (DESIGN §8)."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import falcon.asgi
from falcon.routing import CompiledRouter

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.wire import Route, Shape
from lingpai.edge import replying
from lingpai.edge.answering import Answerer, Fields, Responder, RouteResponder
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions

Hook = Callable[[], Awaitable[None]]
UNROUTED = "unrouted"
_SLASHES = re.compile("/{2,}")
_NO_FIELDS: Fields = {}
log = structlog.get_logger("lingpai.edge")


class _Methods:
    """What answers each method of one path."""

    def __init__(self, by_method: dict[str, Responder], not_allowed: Responder) -> None:
        self.by_method = by_method
        self.not_allowed = not_allowed


class _Unrouted:
    """What answers for a path that no route has: the longest prefix wins."""

    def __init__(self, answerer: Answerer, fallback: Iterable[tuple[str, Shape]]) -> None:
        ordered = sorted(fallback, key=lambda entry: -len(entry[0]))
        if not ordered or ordered[-1][0]:
            raise ValueError('fallback needs a default, the shape of ""')
        error = LingpaiError(Kind.NOT_FOUND, "there is nothing here")
        self._table = [(prefix, answerer.refuser(shape, UNROUTED, error)) for prefix, shape in ordered]

    def find(self, path: str) -> Responder:
        meant = _SLASHES.sub("/", path)  # of clients whose base URL ends with a slash
        return next(responder for prefix, responder in self._table if meant.startswith(prefix))


class EdgeApp(falcon.asgi.App[Any, Any]):
    """Falcon's app with a shorter way for requests.

    Falcon compiles the paths with fields and runs the lifespan. Its Request and Response would take a third of the
    time of a small request, and they parse queries more leniently and read bodies less guardedly than `reading`
    does; so the responders of declared routes get the ASGI channel itself.

    Attributes:
        lean: whether plain requests may take the lean way.
        on_ending: called when no new connections are taken any more: whoever waits for something may be let go.
    """

    def __init__(
        self,
        plain: dict[str, _Methods],
        router: CompiledRouter,
        unrouted: _Unrouted,
        lifespan: "_Lifespan",
        options: EdgeOptions,
    ) -> None:
        super().__init__(middleware=[lifespan], router=router)
        self.lean = options.lean
        self.on_ending: Callable[[], None] = lambda: None
        self._plain = plain
        self._find_templated = router.find
        self._unrouted = unrouted

    async def __call__(  # type: ignore[override]  # Falcon's own ASGI app overrides its WSGI app like this
        self, scope: dict[str, Any], receive: Any, send: Any
    ) -> None:
        """See ASGI 3.0."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        path = scope["path"]
        methods, fields = self._methods(path)
        if methods is None:
            await self._unrouted.find(path)(scope, receive, send, fields)
            return
        responder = methods.by_method.get(scope["method"], methods.not_allowed)
        await responder(scope, receive, send, fields)

    def find(self, method: str, path: str) -> tuple[RouteResponder, Fields] | None:
        """What answers a declared route, and the path's fields; None for all else, and for `HEAD`."""
        methods, fields = self._methods(path)
        responder = methods.by_method.get(method) if methods is not None else None
        if method == "HEAD" or not isinstance(responder, RouteResponder):
            return None
        return responder, fields

    def _methods(self, path: str) -> tuple[_Methods | None, Fields]:
        methods = self._plain.get(path)
        if methods is not None:
            return methods, _NO_FIELDS
        found: Any = self._find_templated(path)
        return (None, _NO_FIELDS) if found is None else (found[0], found[2])


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
        self._publishing = asyncio.create_task(self._meter.keep_publishing())
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
        self._meter.publish()


def _options_responder(allow: tuple[str, ...]) -> Responder:
    headers = [(b"allow", ", ".join(allow).encode())]

    async def on_options(_scope: Any, _receive: Any, send: replying.Send, _path: Any) -> None:
        await replying.send_reply(send, replying.NO_CONTENT, headers, b"")

    return on_options


def _methods(answerer: Answerer, path: str, routes: Sequence[Route]) -> _Methods:
    by_method: dict[str, Route] = {}
    for route in routes:
        for method in route.methods:
            if by_method.setdefault(method, route) is not route:
                raise ValueError(f"{method} {path} is declared twice")
    if "GET" in by_method:
        by_method.setdefault("HEAD", by_method["GET"])
    allow = tuple(sorted(by_method.keys() | {"OPTIONS"}))
    error = LingpaiError(Kind.METHOD_NOT_ALLOWED, "this method is not allowed here", allow=allow)
    responders: dict[str, Responder] = {
        method: answerer.responder(route, method) for method, route in by_method.items()
    }
    responders.setdefault("OPTIONS", _options_responder(allow))
    return _Methods(responders, answerer.refuser(routes[0].shape, path, error))


def create_app(
    routes: Sequence[Route],
    fallback: Sequence[tuple[str, Shape]],
    options: EdgeOptions | None = None,
    *,
    on_start: Sequence[Hook] = (),
    on_stop: Sequence[Hook] = (),
) -> EdgeApp:
    """An ASGI app that answers `routes`, and everything else in the right shape.

    `HEAD` is answered as `GET` without its body, `OPTIONS` with 204 and `Allow` unless a route declares it. A path
    may have fields for whole segments, `/users/{id}`, or for all that is left, `/proxy/{rest:path}`.

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
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, []).append(route)
    plain: dict[str, _Methods] = {}
    router = CompiledRouter()
    for path, group in by_path.items():
        methods = _methods(answerer, path, group)
        if "{" in path:
            router.add_route(path, methods)
        else:
            plain[path] = methods
    lifespan = _Lifespan(meter, on_start, on_stop, options.stop_timeout)
    return EdgeApp(plain, router, _Unrouted(answerer, fallback), lifespan, options)
