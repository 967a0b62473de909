"""What the worker processes of the supervisor's tests run; a module, because processes import it.

Started as a program it is the supervisor: `python -m tests.edge.workers <mode> <workers>`.
"""

import asyncio
import contextlib
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from lingpai.edge.listening import bind, url_of
from lingpai.edge.logs import configure_logging
from lingpai.edge.metrics import Exposition
from lingpai.edge.server import Listener, ServerOptions, run
from lingpai.edge.supervisor import SupervisorOptions, serve_workers
from lingpai.edge.worker_process import Worker, WorkerContext
from tests.edge.running_edge import FALLBACK, MAIN, ROUTES, route

RELOADED = "LINGPAI_TEST_RELOADED"
"""Path of a file with the mode that workers have after a reload; an empty one lets them stay. Reading removes it."""


async def pid(_params: Any, _call: Call) -> int:
    return os.getpid()


async def slow(_params: Any, _call: Call) -> int:
    await asyncio.sleep(1.0)
    return os.getpid()


async def stuck(_params: Any, _call: Call) -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


def work(mode: str, context: WorkerContext) -> None:
    configure_logging()
    if mode == "broken":
        raise SystemExit(7)
    routes = [
        *ROUTES,
        route("/pid", pid),
        route("/slow", slow),
        route("/stuck", stuck),
        Exposition().route(MAIN),
    ]
    app = create_app(routes, FALLBACK)
    run(
        [Listener(app, context.sockets)],
        ServerOptions(grace=5),
        ready=context.ready,
        lifeline=context.lifeline,
    )


def _reload() -> Worker | None:
    file = Path(os.environ[RELOADED])
    mode = file.read_text("utf-8")
    file.unlink()
    return partial(work, mode) if mode else None


def main(mode: str, count: int) -> int:
    configure_logging()
    bound = bind("127.0.0.1", 0)
    print(url_of(bound), flush=True)  # noqa: T201  the test reads it
    options = SupervisorOptions(grace=2.0 if mode == "impatient" else 15.0, first_delay=0.05)
    with bound:
        return serve_workers(
            partial(work, mode), count, [bound], options, _reload if RELOADED in os.environ else None
        )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], int(sys.argv[2])))
