"""The sandbox as a server of its own."""

import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from lingpai.core.clock import Clock, SystemClock
from lingpai.sandbox.app import create_app
from lingpai.sandbox.options import SandboxOptions
from lingpai.sandbox.wire import OpenWire


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named: 40 ms a request otherwise.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen()  # who is told the address may call at once; the calls wait for the server
    except OSError:
        sock.close()
        raise
    return sock


def address_of(sock: socket.socket) -> str:
    """The base URL of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def make_server(options: SandboxOptions, clock: Clock, state_file: Path | None = None) -> uvicorn.Server:
    """A uvicorn server of a new sandbox, not yet started; give it sockets of ``bind``.

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
            listening(address_of(sock))
        await server.serve(sockets=[sock])
