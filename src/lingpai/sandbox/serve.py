"""The sandbox as a server of its own."""

import asyncio
import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from lingpai.core.clock import Clock, SystemClock
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, ServerOptions, Serving
from lingpai.sandbox.app import create_app
from lingpai.sandbox.options import SandboxOptions
from lingpai.sandbox.world import Others

_JOIN_SECONDS = 10
_OPTIONS = ServerOptions(grace=1)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(
    options: SandboxOptions,
    host: str = "127.0.0.1",
    port: int = 0,
    state_file: Path | None = None,
    listening: Callable[[str], None] | None = None,
    others: Others | None = None,
) -> None:
    """Serve a sandbox until the process is signalled to stop.

    Args:
        options: rules and accounts.
        host: address to listen on.
        port: TCP port, 0 for a free one.
        state_file: see ``create_app``.
        listening: called with the base URL once the port is bound.
        others: see ``create_app``.

    Raises:
        OSError: the address cannot be bound.
    """
    with bind(host, port) as bound:
        app = create_app(options, SystemClock(), state_file, others)
        if listening is not None:
            listening(url_of(bound))
        serving, loop = Serving([Listener(app, [bound])], _OPTIONS), asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, serving.stop)
        try:
            await serving.run()
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)


@contextmanager
def running(
    options: SandboxOptions,
    bound: socket.socket,
    clock: Clock | None = None,
    state_file: Path | None = None,
    others: Others | None = None,
    service_url: str = "",
) -> Iterator[None]:
    """Serve a sandbox in a thread with a loop of its own while the block runs.

    Args:
        options: rules and accounts.
        bound: where.
        clock: the platforms' time; the system's when None.
        state_file: see ``create_app``.
        others: see ``create_app``.
        service_url: see ``create_app``.

    Raises:
        TimeoutError: it does not stop.
    """
    app = create_app(options, clock or SystemClock(), state_file, others, service_url)
    ending: list[Callable[[], object]] = []
    up = threading.Event()

    async def run() -> None:
        serving = Serving([Listener(app, [bound])], _OPTIONS)
        ending.append(partial(asyncio.get_running_loop().call_soon_threadsafe, serving.stop))
        up.set()
        await serving.run()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="sandbox", daemon=True)
    thread.start()
    up.wait(_JOIN_SECONDS)
    try:
        yield
    finally:
        for end in ending:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                end()
        thread.join(_JOIN_SECONDS)
    if thread.is_alive():
        raise TimeoutError("the sandbox did not stop")
