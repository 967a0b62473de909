"""The sandbox as a server of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from lingpai.core.clock import Clock, SystemClock
from lingpai.edge.server import bind, url_of
from lingpai.sandbox.app import create_app
from lingpai.sandbox.options import SandboxOptions
from lingpai.sandbox.wire import OpenWire

_JOIN_SECONDS = 10


def make_server(options: SandboxOptions, clock: Clock, state_file: Path | None = None) -> uvicorn.Server:
    """A uvicorn server of a new sandbox, not yet started; give it bound sockets.

    Args:
        options: rules and accounts.
        clock: the platforms' time.
        state_file: see ``create_app``.
    """
    config = uvicorn.Config(
        create_app(options, clock, state_file),
        http=OpenWire,
        lifespan="on",
        access_log=False,  # its lines would carry tokens
        log_config=None,  # logging is the process's own business
        timeout_graceful_shutdown=1,
        server_header=False,
        proxy_headers=False,
    )
    return uvicorn.Server(config)


async def serve(
    options: SandboxOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    state_file: Path | None = None,
    listening: Callable[[str], None] | None = None,
) -> None:
    """Serve a sandbox until the process is told to stop.

    Args:
        options: rules and accounts.
        host: address to listen on.
        port: TCP port, 0 for a free one.
        state_file: see ``create_app``.
        listening: told the base URL once the port is bound.

    Raises:
        OSError: the address cannot be bound.
    """
    sock = bind(host, port)
    with sock:
        server = make_server(options, SystemClock(), state_file)
        if listening is not None:
            listening(url_of(sock))
        await server.serve(sockets=[sock])


@contextmanager
def running(
    options: SandboxOptions, bound: socket.socket, clock: Clock | None = None, state_file: Path | None = None
) -> Iterator[None]:
    """Serve a sandbox in a thread with a loop of its own while the block runs.

    Args:
        options: rules and accounts.
        bound: where.
        clock: the platforms' time; the system's when None.
        state_file: see ``create_app``.

    Raises:
        TimeoutError: it does not stop.
    """
    server = make_server(options, clock or SystemClock(), state_file)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="sandbox", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_JOIN_SECONDS)
    if thread.is_alive():
        raise TimeoutError("the sandbox did not stop")
