"""Running the service in production: one process, or several workers that share the embedded store."""

import asyncio
import socket

import uvloop

from lingpai.edge.logs import configure_logging
from lingpai.edge.server import Listener, ServerOptions, bind, serve
from lingpai.service import open_service
from lingpai.settings import Settings


def serve_production(settings: Settings) -> None:
    """Serve until a signal.

    Raises:
        OSError: the address cannot be bound.
        KeyRingError: the key ring does not do.
        LingpaiError: STORE_UNAVAILABLE.
    """
    bound = bind(settings.host, settings.port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_on(settings, bound))


async def serve_on(settings: Settings, bound: socket.socket) -> None:
    """Serve on a bound socket in the running loop until a signal: what one worker does."""
    configure_logging(settings.log_level, json_lines=settings.log_json)
    async with open_service(settings) as app:
        await serve([Listener(app, [bound])], ServerOptions(grace=int(settings.drain)))
