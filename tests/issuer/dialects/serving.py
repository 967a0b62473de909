"""Serves a dialect's routes on a real port, in the loop of the test."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from lingpai.core.wire import Route, Shape
from lingpai.edge.app import EdgeApp, create_app
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, Serving

Fallback = tuple[tuple[str, Shape], ...]


@contextlib.asynccontextmanager
async def serving(routes: tuple[Route, ...], fallback: Fallback) -> AsyncIterator[str]:
    """Serve routes on a free port; gives the base URL."""
    with bind("127.0.0.1", 0) as bound:
        async with serving_app(create_app(routes, fallback), bound):
            yield url_of(bound)


@contextlib.asynccontextmanager
async def serving_app(app: EdgeApp, bound: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a bound socket."""
    server = Serving([Listener(app, [bound])])
    ready = asyncio.Event()
    running = asyncio.create_task(server.run(ready.set))
    try:
        await ready.wait()
        yield
    finally:
        server.stop()
        await running
