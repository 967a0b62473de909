"""A sandbox on a free port, in a thread of its own, for any test that needs an upstream."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lingpai.core.clock import Clock
from lingpai.edge.listening import bind, url_of
from lingpai.sandbox import SandboxOptions
from lingpai.sandbox.serve import running
from lingpai.sandbox.world import Others


@contextmanager
def running_sandbox(
    options: SandboxOptions | None = None,
    *,
    clock: Clock | None = None,
    state_file: Path | None = None,
    others: Others | None = None,
) -> Iterator[str]:
    """Serve a sandbox while the block runs; gives its base URL.

    With a ``VirtualClock`` the lifetimes follow it; only faults (``slow``, ``timeout``) take real time.
    """
    with (
        bind("127.0.0.1", 0) as bound,
        running(options or SandboxOptions(), bound, clock, state_file, others),
    ):
        yield url_of(bound)
