"""The application: routes, what answers all else, and what runs with it; all is prepared at the start."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence

from typing_extensions import override

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.logs import structlog
from lingpai.core.wire import Page, Route, Shape
from lingpai.edge.endpoint import Application, Endpoint
from lingpai.edge.endpoints import Answerer
from lingpai.edge.metrics import RequestMeter
from lingpai.edge.options import EdgeOptions
from lingpai.edge.router import ENCODED_SLASH, NO_FIELDS, Fields, Router
from lingpai.edge.streaming import StreamEndpoint

Hook = Callable[[], Awaitable[None]]
UNROUTED = "unrouted"
_SLASHES = re.compile("/{2,}")
_ALL_OF_IT = "*"
"""The target of an `OPTIONS` request that asks about the server as such (RFC 9110 §9.3.7): a ping."""
log = structlog.get_logger("lingpai.edge")


class _Refusals:
    """Endpoints that refuse with one error, by method: metrics count each."""

    def __init__(
        self, answerer: Answerer, shape: Shape, label: str, error: LingpaiError, page: Page | None = None
    ) -> None:
        self._answerer = answerer
        self._what = shape, label, error
        self._page = page
        self._by_method: dict[str, Endpoint] = {}

    def of(self, method: str) -> Endpoint:
        """The one for `method`; the parser knows some forty."""
        endpoint = self._by_method.get(method)
        if endpoint is None:
            endpoint = self._by_method[method] = self._answerer.refuser(*self._what, method, self._page)
        return endpoint


class _Methods:
    """The endpoints of one path, by method."""

    def __init__(self, by_method: dict[str, Endpoint], not_allowed: _Refusals) -> None:
        self.by_method = by_method
        self.not_allowed = not_allowed


class EdgeApp(Application):
    """An application as a server serves it; see `create_app`.

    Attributes:
        on_ending: called when no new connections are taken any more: whoever waits for something may be let go.
        beside: an application that shares its state and has listeners of its own, or None.
    """

    def __init__(
        self,
        router: Router[_Methods],
        unrouted: Sequence[tuple[str, _Refusals]],
        meter: RequestMeter,
        options: EdgeOptions,
        hooks: tuple[Sequence[Hook], Sequence[Hook]],
    ) -> None:
        self.on_ending: Callable[[], None] = lambda: None
        self.beside: EdgeApp | None = None
        self._router = router
        self._unrouted = unrouted
        self._meter = meter
        self._stop_timeout = options.stop_timeout
        self._on_start, self._on_stop = hooks
        self._publishing: asyncio.Task[None] | None = None

    def find(self, method: str, path: str) -> tuple[Endpoint, Fields]:
        """Return the endpoint for a method and a decoded path, and the path's fields."""
        found = self._router.find(path)
        if found is None:
            meant = _SLASHES.sub(
                "/", path.replace(ENCODED_SLASH, "/")
            )  # of clients whose base URL ends with a slash
            refusals = next(each for prefix, each in self._unrouted if meant.startswith(prefix))
            return refusals.of(method), NO_FIELDS
        methods, fields = found
        return methods.by_method.get(method) or methods.not_allowed.of(method), fields

    @override
    async def start(self) -> None:
        self._publishing = asyncio.create_task(self._meter.keep_publishing())
        for start in self._on_start:
            await start()

    @override
    async def stop(self) -> None:
        """A step that fails or takes too long keeps no other from its work."""
        for stop in self._on_stop:
            try:
                async with asyncio.timeout(self._stop_timeout):
                    await stop()
            except Exception:  # the others must be stopped too
                log.exception("stop_failed")
        if self._publishing is not None:
            self._publishing.cancel()
        self._meter.publish()

    @override
    def end(self) -> None:
        self.on_ending()


def _endpoint(answerer: Answerer, route: Route, method: str) -> Endpoint:
    if route.streams is None:
        return answerer.endpoint(route, method)
    return StreamEndpoint(answerer, route, method, route.streams)


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
    endpoints: dict[str, Endpoint] = {
        method: _endpoint(answerer, route, method) for method, route in by_method.items()
    }
    endpoints.setdefault("OPTIONS", answerer.options_endpoint(allow))
    return _Methods(endpoints, _Refusals(answerer, routes[0].shape, path, error, routes[0].page))


def _unrouted(
    answerer: Answerer, fallback: Iterable[tuple[str, Shape]], page: Page | None
) -> list[tuple[str, _Refusals]]:
    """Return the refusals for paths that no route has: the longest prefix wins; browsers by `page`."""
    ordered = sorted(fallback, key=lambda entry: -len(entry[0]))
    if not ordered or ordered[-1][0]:
        raise ValueError('fallback needs a default, the shape of ""')
    error = LingpaiError(Kind.NOT_FOUND, "there is nothing here")
    return [(prefix, _Refusals(answerer, shape, UNROUTED, error, page)) for prefix, shape in ordered]


def create_app(
    routes: Sequence[Route],
    fallback: Sequence[tuple[str, Shape]],
    options: EdgeOptions | None = None,
    *,
    on_start: Sequence[Hook] = (),
    on_stop: Sequence[Hook] = (),
    page: Page | None = None,
) -> EdgeApp:
    """An application that answers `routes`, and everything else in the right shape.

    `HEAD` is answered as `GET` without its body, `OPTIONS` with 204 and `Allow` unless a route declares it; so is
    `OPTIONS *`. A path may have fields for whole segments, `/users/{id}`, or for all that is left,
    `/proxy/{rest:path}`.

    Args:
        routes: what is declared; several routes may share a path when their methods differ.
        fallback: path prefix to shape for unrouted paths; the longest prefix wins, `""` is the default and
            must be there.
        options: limits and trust; the defaults when None.
        on_start: called in order, in the loop that serves, before the first request; a failure ends the start.
        on_stop: called in order after the last request; each may take `options.stop_timeout` seconds.
        page: what a browser gets for an unrouted path, instead of data.

    Raises:
        ValueError: a method is declared twice for one path, or there is no default shape.
    """
    options = options or EdgeOptions()
    meter = RequestMeter(options.name)
    answerer = Answerer(options, meter)
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, []).append(route)
    router = Router[_Methods]()
    for path, group in by_path.items():
        router.add(path, _methods(answerer, path, group))
    unrouted = _unrouted(answerer, fallback, page)
    allow = tuple(sorted({method for route in routes for method in route.methods} | {"HEAD", "OPTIONS"}))
    router.add(_ALL_OF_IT, _Methods({"OPTIONS": answerer.options_endpoint(allow)}, unrouted[-1][1]))
    return EdgeApp(router, unrouted, meter, options, (on_start, on_stop))
