"""The machine's clock is set by an hour while callers ask: no dead token is handed out, nothing loops (K94)."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import uvloop

from lingpai.core.clock import SystemClock
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, Serving
from lingpai.service import open_service
from lingpai.settings import load_settings
from tests.strength.callers import calling
from tests.strength.harness import CLASSIC, CLASSIC_APP, MINI, STABLE, STABLE_MINI, XCX, Harness, open_harness

HOUR = 3600.0
LIFE = 6.0
STEPS = (HOUR, -HOUR, -HOUR, HOUR)
APART = 2.5
START_SECONDS = 20


class SteppedClock(SystemClock):
    """The machine's clock, whose wall time somebody sets."""

    step = 0.0

    def now(self) -> float:
        return super().now() + self.step


@pytest.mark.threat("K94")
def test_steps_of_an_hour_both_ways(own_folder: Path) -> None:
    clock = SteppedClock()
    with open_harness(own_folder, token_lifetime=LIFE) as harness:
        harness.add(CLASSIC_APP, STABLE_MINI)
        began = time.monotonic()
        with served(harness, clock) as url, calling(harness, [url + XCX, url + MINI]) as callers:
            for step in STEPS:
                time.sleep(APART)
                clock.step += step
            time.sleep(APART)
        lasted = time.monotonic() - began
        assert [caller.troubles for caller in callers] == [[], []]
        assert min(caller.answers for caller in callers) > lasted
        # Classic is renewed at half of a life, stable when the platform gives a new one; each may be asked twice.
        assert len(callers[0].tokens) <= harness.calls(CLASSIC) <= 2 * lasted / (LIFE / 2)
        assert len(callers[1].tokens) <= harness.calls(STABLE) <= 6 * lasted / LIFE
        assert min(len(caller.tokens) for caller in callers) >= lasted // LIFE


@contextlib.contextmanager
def served(harness: Harness, clock: SteppedClock) -> Iterator[str]:
    """The service's URL; it runs in a thread of this process, for its clock is ours to set."""
    started: Future[tuple[str, Serving, asyncio.AbstractEventLoop]] = Future()
    thread = threading.Thread(target=_run, args=(harness, clock, started), daemon=True)
    thread.start()
    url, serving, loop = started.result(START_SECONDS)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(serving.stop)
        thread.join(START_SECONDS)
        assert not thread.is_alive(), "the service did not stop"


def _run(harness: Harness, clock: SteppedClock, started: Future[Any]) -> None:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(harness, clock, started))
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
        raise


async def _serve(harness: Harness, clock: SteppedClock, started: Future[Any]) -> None:
    at = {"base_url": harness.upstream}
    settings = load_settings(data=harness.data, wechat=at, wecom=at)
    with bind("127.0.0.1", 0) as bound:
        async with open_service(settings, clock) as app:
            serving = Serving([Listener(app, [bound])])
            running = asyncio.get_running_loop()
            await serving.run(lambda: started.set_result((url_of(bound), serving, running)))
