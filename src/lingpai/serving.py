"""Running the service in production: one process, or several workers that share the embedded store."""

import asyncio
import functools
import gc
import math
import socket
from collections.abc import Sequence
from typing import Final

import uvloop

from lingpai.core.logs import structlog
from lingpai.edge.logs import allow, configure_logging
from lingpai.edge.protocol import ProtocolLimits
from lingpai.edge.server import Listener, ServerOptions, bind, serve
from lingpai.edge.supervisor import Seat, SupervisorOptions, serve_workers
from lingpai.service import demand_addresses, open_keeper, open_service
from lingpai.settings import Settings
from lingpai.settings_trust import trusted_twice

log = structlog.get_logger("lingpai.serving")
allow("network", "proxy")

_STOP_SECONDS = 7.0
"""What a worker may need beyond the drain and an upstream's last answer: keeping that, closing the store."""
_CUT_SECONDS: Final = 5.0
"""How long after the time of a body its line is cut."""
_COLLECT_AFTER: Final = (10_000, 20, 20)
"""Python's own is 700 objects, which a few requests at a time reach; see `gc.set_threshold`."""


def serve_production(settings: Settings) -> int:
    """Serve until a signal; returns the exit code for this process.

    Raises:
        OSError: the address cannot be bound.
        KeyRingError: the key ring does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    configure_logging(settings.log_level, json_lines=settings.log_json)
    for network, proxy in trusted_twice(settings):
        log.warning("trusted_proxy_in_trusted_network", network=network, proxy=proxy)
    with bind(settings.host, settings.port) as bound:
        settings = settings.model_copy(
            update={"port": bound.getsockname()[1]}
        )  # the real one, if any would do
        if settings.workers == 1:
            _run(settings, [bound], None)
            return 0
        asyncio.run(_prepare(settings))
        options = SupervisorOptions(grace=settings.drain + settings.upstream_timeout + _STOP_SECONDS)
        return serve_workers(functools.partial(_work, settings), settings.workers, [bound], options)


async def _prepare(settings: Settings) -> None:
    """Make key ring and schema once, and fail here rather than in every worker."""
    async with open_keeper(settings) as keeper:
        await demand_addresses(keeper)


def _work(settings: Settings, seat: Seat) -> None:
    """What a worker process does."""
    configure_logging(settings.log_level, json_lines=settings.log_json)
    _run(settings, seat.sockets, seat)


def _run(settings: Settings, sockets: Sequence[socket.socket], seat: Seat | None) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, sockets, seat))


async def _serve(settings: Settings, sockets: Sequence[socket.socket], seat: Seat | None) -> None:
    async with open_service(settings) as app:
        _spare_requests_collections()
        await serve(
            [Listener(app, sockets)],
            server_options(settings),
            ready=seat.ready if seat is not None else None,
            lifeline=seat.lifeline if seat is not None else None,
        )


def server_options(settings: Settings) -> ServerOptions:
    """How to serve, as the settings say."""
    # A body that is late is answered 408 in its route's shape; only then is the line cut.
    limits = ProtocolLimits(body_timeout=settings.edge.body_timeout + _CUT_SECONDS)
    return ServerOptions(limits, grace=math.ceil(settings.drain))


def _spare_requests_collections() -> None:
    """Let the garbage collector pass by what lives as long as the process.

    To look through all modules, schemas and routes takes 25 ms, in which nobody is answered, several times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
