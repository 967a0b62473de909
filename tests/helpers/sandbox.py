"""A sandbox on a free port, in a thread of its own, for any test that needs an upstream."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lingpai.core.clock import Clock, SystemClock
from lingpai.sandbox import SandboxOptions
from lingpai.sandbox.serve import address_of, bind, make_server


@contextmanager
def running_sandbox(
    options: SandboxOptions | None = None, *, clock: Clock | None = None, state_file: Path | None = None
) -> Iterator[str]:
    """Serve a sandbox while the block runs; gives its base URL.

    With a ``VirtualClock`` the lifetimes follow it; only faults (``slow``, ``timeout``) take real time.
    """
    server = make_server(options or SandboxOptions(), clock or SystemClock(), state_file)
    sock = bind("127.0.0.1", 0)
    url = address_of(sock)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="sandbox", daemon=True)
    thread.start()
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the sandbox did not stop"
