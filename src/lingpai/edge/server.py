"""Serving: uvicorn on sockets that we bound, one server or several in one loop, ended within a bounded time."""

import asyncio
import contextlib
import dataclasses
import functools
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection as Pipe
from time import perf_counter
from typing import Any, cast

import uvicorn
import uvloop
from typing_extensions import override

from lingpai.core.logs import structlog
from lingpai.edge.admission import Admission, ConnectionLimits
from lingpai.edge.connection import Connection
from lingpai.edge.endpoint import Application
from lingpai.edge.limits import ProtocolLimits
from lingpai.edge.listening import BACKLOG, url_of
from lingpai.edge.site import Site
from lingpai.edge.tls import HANDSHAKE_SECONDS, Certificate

TICKS_PER_SECOND = 10
TICK = 1 / TICKS_PER_SECOND  # seconds
FIRST_REQUEST_SECONDS = 0.3
"""Seconds after the end began in which a connection that was just accepted may send its first request."""
END_LOOKS = 0.01  # seconds between looks whether all connections have ended
LAST_WORDS = 1.0  # seconds for what was cancelled to say so
START_FAILED = 3  # the exit code, as uvicorn has it
log = structlog.get_logger("lingpai.edge")


@dataclasses.dataclass(frozen=True, slots=True)
class ServerOptions:
    """Options of the server.

    Attributes:
        limits: of each connection.
        grace: seconds that requests under way may take to end after the signal.
        connections: how many may be open at the same time, of all apps together.
        certificate: for TLS on all sockets; plain HTTP when None.
    """

    limits: ProtocolLimits = dataclasses.field(default_factory=ProtocolLimits)
    grace: int = 20
    connections: ConnectionLimits = dataclasses.field(default_factory=ConnectionLimits)
    certificate: Certificate | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Listener:
    """An application and the bound sockets on which it is served.

    Attributes:
        app: the application.
        sockets: bound and listening.
        apart: whether its TLS is its own: `certificate`, or none, and not that of the options.
        certificate: for TLS, when it is apart.
    """

    app: Application
    sockets: Sequence[socket.socket]
    apart: bool = False
    certificate: Certificate | None = None

    def certificate_of(self, options: "ServerOptions") -> Certificate | None:
        """Return the certificate with which it is served; None for plain HTTP."""
        return self.certificate if self.apart else options.certificate


class StartFailedError(Exception):
    """An app's start failed; the log says why."""


class _Server(uvicorn.Server):
    """uvicorn's server, without its own signal handlers, that watches over its connections' deadlines."""

    def __init__(
        self, config: uvicorn.Config, app: Application, admission: Admission, certificate: Certificate | None
    ) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._ending = asyncio.Event()
        self._app = app
        self._admission = admission
        self._certificate = certificate

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await self._app.start()
        except Exception as crash:
            log.exception("start_failed")
            # The caller prints it; the cause, with all it may quote, stays in our log.
            raise StartFailedError(f"start failed: {type(crash).__name__}") from None
        self._admission.fit_descriptors()
        await self._listen(sockets or [])
        self.up.set()

    async def _listen(self, sockets: Sequence[socket.socket]) -> None:
        """Accept connections, as `uvicorn.Server.startup` does, which knows no limit of a handshake's time."""
        loop, certificate = asyncio.get_running_loop(), self._certificate
        tls: dict[str, Any] = {}
        if certificate is not None:
            tls = {"ssl": certificate.context, "ssl_handshake_timeout": HANDSHAKE_SECONDS}

        def connection() -> Connection:
            return Connection(self.config, self.server_state, {}, loop)

        self.servers = [
            await loop.create_server(connection, sock=each, backlog=BACKLOG, **tls) for each in sockets
        ]
        self.started = True

    def end(self, *, now: bool) -> None:
        """Begin to end."""
        self.should_exit = True
        self.force_exit = self.force_exit or now
        self._ending.set()

    @override
    async def main_loop(self) -> None:
        """As uvicorn's, but an end need not wait for the next tick."""
        ending = asyncio.create_task(self._ending.wait())
        counter = 0
        try:
            while not await self.on_tick(counter):
                counter += 1
                await asyncio.wait((ending,), timeout=TICK)
        finally:
            ending.cancel()

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, without its pauses; and requests that are cut off get an answer."""
        self._app.end()
        await self._wait_for_first_requests()
        for each in sockets or ():
            each.close()
        for connection in self._connections():
            connection.shutdown()
        tasks = self.server_state.tasks
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._wait_for_last_answers()
        except TimeoutError:
            log.warning("requests_cut_off", count=len(tasks))
            for task in list(tasks):
                task.cancel()
        if self.force_exit:
            for task in list(tasks):
                task.cancel()
        else:
            for connection in self._connections():
                connection.give_up()
            if tasks:
                await asyncio.wait(tasks, timeout=LAST_WORDS)
        await self._app.stop()
        self._admission.end()

    async def _wait_for_first_requests(self) -> None:
        """Accept no more, and let what was accepted last send its request.

        Another worker would have answered it: closing the connection would lose it.
        """
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        until = loop.time() + FIRST_REQUEST_SECONDS
        await asyncio.sleep(0)  # what the loop has accepted becomes a connection
        for connection in self._connections():
            if not connection.is_fresh():
                connection.shutdown()
        while not self.force_exit and loop.time() < until and self._has_fresh():  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(FIRST_REQUEST_SECONDS / 30)

    async def _wait_for_last_answers(self) -> None:
        """Wait until every connection has ended, and every request."""
        await asyncio.sleep(0)  # those that owed nothing are gone after it
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(END_LOOKS)
        for server in self.servers:
            await server.wait_closed()

    def _has_fresh(self) -> bool:
        return any(connection.is_fresh() for connection in self._connections())

    def _connections(self) -> list[Connection]:
        return cast("list[Connection]", list(self.server_state.connections))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`: two servers in one loop would fight for them."""
        yield

    @override
    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            self._admission.look(perf_counter())
            if self._certificate is not None:
                self._certificate.reload()
            now = asyncio.get_running_loop().time()
            for connection in self._connections():
                connection.enforce(now)
        return await super().on_tick(counter)


def _server(listener: Listener, options: ServerOptions, admission: Admission) -> _Server:
    config = uvicorn.Config(
        cast(
            "Any", Site(listener.app, options.limits, admission)
        ),  # what `http` is given; uvicorn itself calls no app
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=options.grace,
    )
    return _Server(config, listener.app, admission, listener.certificate_of(options))


class Serving:
    """Servers that run in one loop and end together."""

    def __init__(self, listeners: Sequence[Listener], options: ServerOptions | None = None) -> None:
        self._listeners = listeners
        options = options or ServerOptions()
        admission = Admission(options.connections)
        self._servers = [_server(listener, options, admission) for listener in listeners]

    def stop(self, *, now: bool = False) -> None:
        """Take no more connections, let what is under way end, then return from `run`.

        Args:
            now: do not even wait for what is under way.
        """
        for server in self._servers:
            server.end(now=now)

    async def run(self, ready: Callable[[], None] | None = None) -> None:
        """Serve until `stop`.

        Args:
            ready: called once all servers take requests.

        Raises:
            StartFailedError: an app's start failed; the others have been stopped.
        """
        tasks = [
            asyncio.create_task(server.serve(sockets=list(listener.sockets)))
            for server, listener in zip(self._servers, self._listeners, strict=True)
        ]
        announce = asyncio.create_task(self._announce(ready))
        try:
            # One that ends, for whatever reason, ends them all.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            announce.cancel()
            self.stop()
            await asyncio.wait(tasks)
            for bound in (bound for listener in self._listeners for bound in listener.sockets):
                bound.close()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _announce(self, ready: Callable[[], None] | None) -> None:
        for server in self._servers:
            await server.up.wait()
        if ready is not None:
            ready()


async def serve(
    listeners: Sequence[Listener],
    options: ServerOptions | None = None,
    *,
    ready: Callable[[], None] | None = None,
    lifeline: Pipe | None = None,
) -> None:
    """Serve in the running loop until SIGTERM or SIGINT; a second SIGINT does not wait for requests under way.

    Args:
        listeners: apps and their sockets.
        options: the defaults when None.
        ready: called once all servers take requests.
        lifeline: the other end is our supervisor's; when that is gone we end too.

    Raises:
        StartFailedError: an app's start failed.
    """
    serving = Serving(listeners, options)
    interrupts = 0

    def on_signal(number: signal.Signals) -> None:
        nonlocal interrupts
        interrupts += number is signal.SIGINT
        serving.stop(now=interrupts > 1)  # first: whoever reads the log may be gone
        log.info("stopping", signal=number.name)

    def on_orphaned(pipe: Pipe) -> None:
        loop.remove_reader(pipe.fileno())
        serving.stop()
        log.error("supervisor_gone")

    def on_ready() -> None:
        for listener in listeners:
            scheme = "http" if listener.certificate_of(options or ServerOptions()) is None else "https"
            log.info("serving", urls=[url_of(bound, scheme) for bound in listener.sockets])
        if ready is not None:
            ready()

    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT)
    for number in handled:
        loop.add_signal_handler(number, functools.partial(on_signal, number))
    if lifeline is not None:
        loop.add_reader(lifeline.fileno(), on_orphaned, lifeline)
    try:
        await serving.run(on_ready)
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline.fileno())
        for number in handled:
            loop.remove_signal_handler(number)


def run(
    listeners: Sequence[Listener],
    options: ServerOptions | None = None,
    *,
    ready: Callable[[], None] | None = None,
    lifeline: Pipe | None = None,
) -> None:
    """Serve in a loop of our own (uvloop), in the main thread, until a signal; see `serve`.

    Raises:
        SystemExit: with `START_FAILED` when an app's start failed.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(listeners, options, ready=ready, lifeline=lifeline))
        except StartFailedError:
            raise SystemExit(START_FAILED) from None
