"""Lingpai and its sandbox on free ports, as `lingpai dev` runs them, in threads of this process."""

import asyncio
import json
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import uvloop

from lingpai.core.clock import SystemClock
from lingpai.core.records import Caller
from lingpai.development import (
    Samples,
    add_samples,
    load_samples,
    sandbox_addresses,
    sandbox_options,
)
from lingpai.edge.listening import bind, url_of
from lingpai.edge.server import Listener, ServerOptions, Serving
from lingpai.edge.tls import Certificate
from lingpai.keeper.keys import KEY_PREFIX
from lingpai.keeper.platforms.imitation import Imitations
from lingpai.keeper.platforms.registry import platform_types
from lingpai.service import open_keeper, open_service
from lingpai.settings import Settings, load_settings
from tests.helpers.sandbox import running_sandbox

Json = dict[str, Any]
Add = Callable[[Settings], Awaitable[None]]
START_SECONDS = 20
WECOM_KEY = f"{KEY_PREFIX}for-the-first-agent-alone"
"""A caller key that covers one of the corp's two secrets, so that it says which is meant."""


class Stack(NamedTuple):
    """What a client needs to know.

    Attributes:
        url: of the service.
        sandbox: URL of the sandbox.
        samples: the accounts that both know, and a caller key for all of them.
    """

    url: str
    sandbox: str
    samples: Samples

    def held(self, platform: str, account: str, **query: str) -> str:
        """The value that Lingpai holds for an account, as its generic route tells it."""
        question = urlencode({"secret": self.samples.caller_key} | query)
        value = fetch(f"{self.url}/v1/tokens/{platform}/{account}?{question}")["value"]
        assert isinstance(value, str)
        return value

    def control(self, name: str, body: Json | None = None, **query: str) -> Json:
        """A control of the sandbox."""
        return fetch(f"{self.sandbox}/_sandbox/{name}?{urlencode(query)}", body)

    def fetches(self, account: str) -> int:
        """How many token calls of any kind the sandbox has seen for an account."""
        calls = self.control("calls", account=account)["calls"]
        paths = ("/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/gettoken")
        return sum(sum(calls.get(path, {}).values()) for path in paths)


def fetch(url: str, body: Json | None = None) -> Json:
    """The JSON answer of a GET, or of a POST when there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
        found: Json = json.load(answer)
    return found


@contextmanager
def running_stack(data: Path, add: Add | None = None, **settings_: Any) -> Iterator[Stack]:
    """Run both while the block runs; everything they keep is in `data`.

    Args:
        data: their folder.
        add: adds what a test needs before the service starts.
        settings_: further settings of the service.
    """
    samples = load_samples(data / "samples.json")
    others = Imitations(platform_types().values(), SystemClock(), 7200)
    with running_sandbox(sandbox_options(samples, 7200), others=others) as sandbox:
        platforms = sandbox_addresses(sandbox)
        settings = load_settings(data=data, **{**platforms, **settings_})
        started: Future[tuple[str, Serving, asyncio.AbstractEventLoop]] = Future()
        thread = threading.Thread(
            target=_run, args=(settings, samples, add, started), name="lingpai", daemon=True
        )
        thread.start()
        url, serving, loop = started.result(START_SECONDS)
        try:
            yield Stack(url, sandbox, samples)
        finally:
            loop.call_soon_threadsafe(serving.stop)
            thread.join(START_SECONDS)
            assert not thread.is_alive(), "the service did not stop"


def _run(settings: Settings, samples: Samples, add: Add | None, started: Future[Any]) -> None:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the service itself runs
            runner.run(_serve(settings, samples, add, started))
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
        raise


async def _serve(settings: Settings, samples: Samples, add: Add | None, started: Future[Any]) -> None:
    await add_samples(settings, samples)
    await _add_wecom_key(settings, samples)
    if add is not None:
        await add(settings)
    with bind("127.0.0.1", 0) as bound:
        files = settings.tls.files()
        certificate = None if files is None else Certificate(files)
        url = url_of(bound)
        reached = settings.model_copy(update={"public_url": settings.public_url or url})
        async with open_service(reached) as app:
            serving = Serving([Listener(app, [bound])], ServerOptions(certificate=certificate))
            loop = asyncio.get_running_loop()
            await serving.run(lambda: started.set_result((url, serving, loop)))


async def _add_wecom_key(settings: Settings, samples: Samples) -> None:
    async with open_keeper(settings) as keeper:
        caller = Caller(
            name="first agent",
            environment="test",
            apps=(f"wecom/{samples.corpid}/first",),
            created_at=keeper.clock.now(),
        )
        await keeper.store.add_caller(caller, keeper.digest_caller_key(WECOM_KEY))
