"""Running the service in production: one process, or several workers that share the embedded store."""

import asyncio
import contextlib
import functools
import gc
import math
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import uvloop

from lingpai.core.logs import structlog
from lingpai.edge.app import EdgeApp
from lingpai.edge.listening import PRIVATE_MODE, bind, bound_unix, passed_sockets, port_of
from lingpai.edge.logs import allow, configure_logging
from lingpai.edge.server import Listener, ServerOptions, serve
from lingpai.edge.supervisor import SupervisorOptions, serve_workers
from lingpai.edge.tls import Certificate
from lingpai.edge.worker_process import Worker, WorkerContext
from lingpai.service import demand_addresses, open_keeper, open_service
from lingpai.settings import Settings, SettingsError
from lingpai.settings.sections import UNIX
from lingpai.settings.trust import trusted_twice
from lingpai.store.address import Address
from lingpai.store.opening import answers

log: structlog.stdlib.BoundLogger = structlog.get_logger("lingpai.serving")
allow("network", "proxy", "settings")

ONE_WRITER: Final = (
    "The embedded store has one writer at a time: more workers answer more reads, but all of them together write less "
    "than one alone. Use one worker where most calls write, or PostgreSQL."
)
_ASK_EVERY: Final = 1.0
"""Seconds between attempts to reach a database that does not answer."""
_SAY_EVERY: Final = 60.0
"""Seconds after which it is said again that there is none."""
_STOP_SECONDS = 7.0
"""Seconds that a worker may need beyond the drain and an upstream's last answer: storing that, closing the store."""
_MOST_DESCRIPTORS: Final = 65_536
_COLLECT_AFTER: Final = (10_000, 20, 20)
"""Python's own is 700 objects, which a few requests at a time reach; see `gc.set_threshold`."""


_FIXED: Final = ("host", "port", "unix_socket", "workers", "data", "store", "key_ring")
"""Settings that need a restart: what the sockets are bound to, and whose store it is."""


def serve_production(settings: Settings, load: Callable[[], Settings] | None = None) -> int:
    """Serve until a signal; returns the exit code for this process.

    Args:
        settings: the settings.
        load: reads them again at SIGHUP, which replaces the workers one after the other; when there is one process
            only, or when None, SIGHUP changes nothing.

    Raises:
        OSError: the address cannot be bound.
        KeyRingError: the key ring does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    configure_logging(settings.log_level, json_lines=settings.log_json)
    if settings.workers > 1 and settings.store_address.dsn is None:
        log.warning("workers_share_one_writer", detail=ONE_WRITER, workers=settings.workers)
    _outlive_hangups()
    _raise_descriptor_limit()
    for network, proxy in trusted_twice(settings):
        log.warning("trusted_proxy_in_trusted_network", network=network, proxy=proxy)
    asyncio.run(wait_for_store(settings.store_address, settings.store_wait))
    with _listening(settings) as sockets, admin_listening(settings) as admin_sockets:
        settings = settings.model_copy(update={"port": port_of(sockets, settings.port)})  # the real one
        server_options(settings)  # a certificate that cannot be read ends it here rather than in every worker
        if settings.workers == 1:
            _run(settings, sockets, admin_sockets, None)
            return 0
        asyncio.run(_prepare(settings))
        options = SupervisorOptions(grace=settings.drain + settings.longest_call + _STOP_SECONDS)
        work = functools.partial(_work, settings, len(admin_sockets))
        reload = functools.partial(_reload, settings, load, len(admin_sockets)) if load is not None else None
        return serve_workers(work, settings.workers, [*sockets, *admin_sockets], options, reload)


def _reload(settings: Settings, load: Callable[[], Settings], admin_sockets: int) -> Worker | None:
    """Read the settings again; return what new workers do, or None when these settings are unusable."""
    try:
        fresh = load()
        kept = {name: getattr(settings, name) for name in _FIXED}
        kept["admin"] = fresh.admin.model_copy(update={"listen": settings.admin.listen})
        fixed = [name for name in _FIXED if name != "port" and getattr(fresh, name) != kept[name]]
        fresh = fresh.model_copy(update=kept)
        server_options(fresh)
    except SettingsError as error:
        log.error("reload_refused", detail="; ".join(error.problems))  # noqa: TRY400  no bug: no traceback
        return None
    except OSError as error:
        log.error("reload_refused", detail=str(error))  # noqa: TRY400  likewise
        return None
    if fixed:
        log.warning("settings_need_a_restart", settings=fixed)
    configure_logging(fresh.log_level, json_lines=fresh.log_json)
    return functools.partial(_work, fresh, admin_sockets)


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Listen while the block runs: on what systemd passes, else on the Unix socket, else on host and port.

    Raises:
        OSError: it is not possible there.
    """
    passed = passed_sockets()
    with contextlib.ExitStack() as stack:
        if passed:
            yield [stack.enter_context(each) for each in passed]
        elif settings.unix_socket is not None:
            yield [stack.enter_context(bound_unix(settings.unix_socket))]
        else:
            yield [stack.enter_context(bind(settings.host, settings.port))]


@contextlib.contextmanager
def admin_listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Listen for the admin API while the block runs; on nothing when it is off.

    Raises:
        OSError: it is not possible there.
    """
    host, port = settings.admin.place() if settings.admin.listen else ("", 0)
    with contextlib.ExitStack() as stack:
        if not settings.admin.listen:
            yield []
        elif settings.admin.listen.startswith(UNIX):
            yield [stack.enter_context(bound_unix(Path(host), PRIVATE_MODE))]
        else:
            yield [stack.enter_context(bind(host, port))]


def admin_listeners(settings: Settings, app: EdgeApp, sockets: Sequence[socket.socket]) -> list[Listener]:
    """Return the listener of the admin API; none when it is off.

    Raises:
        OSError: its certificate or key cannot be used.
    """
    if app.beside is None or not sockets:
        return []
    files = settings.admin.files()
    certificate = Certificate(files) if files is not None else None
    return [Listener(app.beside, sockets, apart=True, certificate=certificate)]


def _outlive_hangups() -> None:
    """Go on when a terminal or a log rotation sends SIGHUP, which ends a process that does not handle it."""

    def on_hangup(_number: int, _frame: FrameType | None) -> None:
        log.info(
            "hangup_ignored", reason="one process: settings are read at the start; the log is standard error"
        )

    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, on_hangup)


def _raise_descriptor_limit() -> None:
    """Allow this process and its workers as many descriptors as the system lets it; each connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def wait_for_store(address: Address, seconds: float) -> None:
    """Come back once the database takes connections, as after a failover or a restart of everything; says so.

    Args:
        address: the store.
        seconds: at most; 0 asks once.

    Raises:
        LingpaiError: STORE_UNAVAILABLE: it did not in time, or waiting would not help.
    """
    until = time.monotonic() + seconds
    said, said_at = "", -math.inf
    while (error := await answers(address)) is not None:
        if time.monotonic() >= until:
            raise error
        problem = error.detail or error.reason
        if problem != said or time.monotonic() - said_at >= _SAY_EVERY:
            said, said_at = problem, time.monotonic()
            log.warning("waiting_for_store", detail=problem, seconds=round(until - said_at))
        await asyncio.sleep(_ASK_EVERY)
    if said:
        log.info("store_answers")


async def _prepare(settings: Settings) -> None:
    """Make key ring and schema once, and fail here rather than in every worker."""
    async with open_keeper(settings) as keeper:
        await demand_addresses(keeper)


def _work(settings: Settings, admin_sockets: int, context: WorkerContext) -> None:
    """Run a worker process; the last of its sockets are the admin API's."""
    configure_logging(settings.log_level, json_lines=settings.log_json)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor says it
    own = len(context.sockets) - admin_sockets
    _run(settings, context.sockets[:own], context.sockets[own:], context)


def _run(
    settings: Settings,
    sockets: Sequence[socket.socket],
    admin_sockets: Sequence[socket.socket],
    context: WorkerContext | None,
) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, sockets, admin_sockets, context))


async def _serve(
    settings: Settings,
    sockets: Sequence[socket.socket],
    admin_sockets: Sequence[socket.socket],
    context: WorkerContext | None,
) -> None:
    async with open_service(settings) as app:
        _spare_requests_collections()
        await serve(
            [Listener(app, sockets), *admin_listeners(settings, app, admin_sockets)],
            server_options(settings),
            ready=context.ready if context is not None else None,
            lifeline=context.lifeline if context is not None else None,
        )


def server_options(settings: Settings) -> ServerOptions:
    """Return how to serve, as the settings say.

    Raises:
        OSError: the certificate or its key cannot be used; the error names the file or the reason.
    """
    files = settings.tls.files()
    return ServerOptions(
        grace=math.ceil(settings.drain),
        connections=settings.connection_limits(),
        certificate=Certificate(files) if files is not None else None,
    )


def _spare_requests_collections() -> None:
    """Let the garbage collector pass by what lives as long as the process.

    To look through all modules, schemas and routes takes 25 ms, in which nobody is answered, several times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
