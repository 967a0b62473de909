"""Receivers that misbehave, of webhooks and of relayed messages: each attempt ends in time, and others do not wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from lingpai.core.hooks import Hook
from lingpai.issuer.fetcher import MAX_BODY
from lingpai.keeper.deliveries import Deliveries
from lingpai.keeper.hooks import new_secret
from lingpai.operating.environment_posts import reaching
from lingpai.operating.hook_posts import posting
from tests.keeper.environments import (
    LOCAL,
    copying,
    environment,
    push,
    receiving,
    relayed,
    text,
)
from tests.keeper.harness import HELD, Harness, staged

NETWORKS = ("127.0.0.0/8",)
WAIT = 20.0
SECONDS = 0.3
"""For an attempt, where one that never ends is waited for."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
Manner = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def _drip(writer: asyncio.StreamWriter, head: bytes, drop: bytes) -> None:
    """Send a drop now and then, for as long as anybody is there."""
    writer.write(head)
    while not writer.transport.is_closing():
        writer.write(drop)
        await writer.drain()
        await asyncio.sleep(0.01)


async def never(_writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drips_its_head(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, b"HTTP/1.1 200 OK\r\nx-", b"a")


async def drips_its_body(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, HEAD + b"Content-Length: 60000\r\n\r\n", b"a")


async def has_no_end(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"a" * 0x4000 + b"\r\n")


async def has_headers_without_end(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, HEAD, b"x-more: " + b"a" * 8192 + b"\r\n")


async def goes_on_with_100(writer: asyncio.StreamWriter) -> None:
    await _drip(writer, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


class Stubborn:
    """A server that reads a request and then behaves in its manner; `called` counts the requests."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self.called = 0
        self.url = ""
        self._changed = asyncio.Condition()

    async def until(self, count: int) -> None:
        """Come back once so many requests came."""
        async with asyncio.timeout(WAIT), self._changed:
            await self._changed.wait_for(lambda: self.called >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._changed:
            self.called += 1
            self._changed.notify_all()
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                await self._manner(writer)
        finally:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def stubborn(manner: Manner) -> AsyncIterator[Stubborn]:
    made = Stubborn(manner)
    tasks = set[asyncio.Task[None]]()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield made
    server.close()
    for task in tuple(tasks):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await asyncio.sleep(0)  # what was aborted is closed in the next turn


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Harness]:
    async with staged(tmp_path, keeper=LOCAL) as harness:
        await harness.add_app()
        yield harness


@contextlib.asynccontextmanager
async def delivering(harness: Harness, seconds: float) -> AsyncIterator[None]:
    running = asyncio.create_task(Deliveries(harness.keeper, posting(NETWORKS, seconds)).run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def hooked(harness: Harness, name: str, url: str) -> None:
    assert await harness.keeper.store.add_hook(Hook(name=name, secret=new_secret(), url=url))


async def hook_after(harness: Harness, name: str, wanted: Callable[[Hook], bool]) -> Hook:
    async with asyncio.timeout(WAIT):
        while True:
            hook = await harness.keeper.store.find_hook(name)
            assert hook is not None
            if wanted(hook):
                return hook
            await asyncio.sleep(0.01)


async def problem_of(harness: Harness, name: str) -> str:
    """Why an environment was not reached, once that is written down."""
    async with asyncio.timeout(WAIT):
        while True:
            found = await harness.keeper.store.find_environment(name)
            assert found is not None
            if found.failures:
                return found.problem
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("manner", [never, drips_its_head, has_headers_without_end, goes_on_with_100])
async def test_a_webhook_whose_answer_has_no_end_has_failed(own: Harness, manner: Manner) -> None:
    async with stubborn(manner) as server, delivering(own, SECONDS):
        await hooked(own, "ops", server.url)
        await own.token()
        failed = await hook_after(own, "ops", lambda each: each.failures > 0)
    assert (failed.position, failed.failures) == (0, 1)
    assert failed.problem == "it took too long" or failed.problem.startswith("it cannot be reached")


@pytest.mark.parametrize("manner", [drips_its_body, has_no_end])
async def test_the_body_of_a_webhooks_answer_is_not_waited_for(own: Harness, manner: Manner) -> None:
    async with stubborn(manner) as server, delivering(own, WAIT):
        await hooked(own, "ops", server.url)
        await own.token()
        taken = await hook_after(own, "ops", lambda each: each.position == 1)
    assert (taken.failures, server.called) == (0, 1)


async def test_webhooks_of_one_host_do_not_wait_for_each_other(own: Harness) -> None:
    """Behind one gateway, as many that hang as no limit by host may count."""
    async with stubborn(never) as hanging, receiving() as good, delivering(own, WAIT * 2):
        for number in range(8):
            await hooked(own, f"a{number}", f"{hanging.url}{number}")
        await own.token()
        await hanging.until(8)
        await hooked(own, "good", good.url)
        await own.get(HELD, kind="jsapi_ticket")
        taken = await hook_after(own, "good", lambda each: each.position == 2)
    assert (taken.failures, len(good.got)) == (0, 2)


async def test_environments_of_one_host_do_not_wait_for_each_other(own: Harness) -> None:
    """Each of them has several messages on their way, and none of those is answered."""
    own.keeper.reach = reaching(NETWORKS, WAIT * 2)
    await relayed(own)
    async with stubborn(never) as hanging, receiving() as good:
        for number in range(4):
            await environment(own, f"a{number}", None, url=f"{hanging.url}{number}")
        for number in range(8):
            await push(own, text(str(number)))
        async with copying(own):
            await hanging.until(4 * 8)
            await environment(own, "good", good)
            await push(own, text("for all"))
            await good.until(1)
    assert good.contents == ["for all"]


@pytest.mark.parametrize(
    "manner",
    [never, drips_its_head, drips_its_body, has_no_end, has_headers_without_end, goes_on_with_100],
)
async def test_a_primary_whose_answer_has_no_end_gets_it_later(own: Harness, manner: Manner) -> None:
    own.keeper.reach = reaching(NETWORKS, SECONDS)
    await relayed(own)
    async with stubborn(manner) as server, receiving() as dev:
        await environment(own, "prod", None, url=server.url, primary=True)
        await environment(own, "dev", dev)
        assert (await push(own, text("one"))).text == "success"
        waiting = await own.keeper.store.waiting_copies()
        assert {name: each.count for name, each in waiting.items()} == {"prod": 1, "dev": 1}
        async with copying(own):
            await dev.until(1)
            own.clock.advance(30)
            if manner in (drips_its_body, has_no_end):  # nobody waits for it now: its status is enough
                async with asyncio.timeout(WAIT):
                    while await own.keeper.store.waiting_copies():  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            else:
                assert await problem_of(own, "prod")
                assert (await own.keeper.store.waiting_copies())["prod"].count == 1
    assert dev.contents == ["one"]


async def test_an_answer_may_be_as_long_as_the_limit_and_no_longer(own: Harness) -> None:
    async with receiving() as prod:
        await relayed(own)
        await environment(own, "prod", prod, primary=True)
        prod.answer = lambda _body: "a" * MAX_BODY
        assert (await push(own, text())).text == "a" * MAX_BODY
        prod.answer = lambda _body: "a" * (MAX_BODY + 1)
        assert (await push(own, text())).text == "success"


@pytest.mark.parametrize(
    "kind", ["text/xml\r\n\tx-more: 1", "text/\xe9", "\x01", "a" * 300, "text/xml\r\nset-cookie: a=1"]
)
async def test_a_primary_adds_nothing_to_the_head_of_our_answer(own: Harness, kind: str) -> None:
    """Of its headers the platform gets the content type alone, where that is one."""

    async def answers(writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: " + kind.encode("latin-1") + b"\r\n\r\nhi"
        )
        await writer.drain()

    await relayed(own)
    async with stubborn(answers) as server:
        await environment(own, "prod", None, url=server.url, primary=True)
        answer = await push(own, text())
    assert (answer.status_code, answer.text in {"hi", "success"}) == (200, True)
    assert answer.headers["x-more"] is None
    assert answer.headers["set-cookie"] is None
    assert answer.headers["content-type"].startswith("text/")
