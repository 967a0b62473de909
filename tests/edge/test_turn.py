"""The turn of the loop: quick verbs need no task, nor do those that wait for a future."""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.wire import Call
from lingpai.edge.app import create_app
from lingpai.edge.turn import Turn, resume
from tests.edge.running_edge import FALLBACK, request, route, running

seen: ContextVar[str] = ContextVar("seen", default="")


async def steps(*waits: Any) -> list[Any]:
    """Awaits each of `waits`; what came of them."""
    found = []
    for each in waits:
        try:
            found.append(await each)
        except ValueError as error:
            found.append(type(error))
    return found


def begin(coroutine: Coroutine[Any, Any, Any]) -> tuple[Any, Any, Context]:
    """Run a coroutine until it ends or waits: what it returned, what it waits for, its context."""
    context = copy_context()
    try:
        return None, context.run(coroutine.send, None), context
    except StopIteration as ended:
        return ended.value, None, context


async def gone_on(coroutine: Any) -> Any:
    value, waits_for, context = begin(coroutine)
    if value is not None:
        return value
    return await asyncio.get_running_loop().create_task(resume(coroutine, waits_for), context=context)


async def test_what_waits_goes_on_in_a_task() -> None:
    loop = asyncio.get_running_loop()
    first, second, failed = loop.create_future(), loop.create_future(), loop.create_future()
    loop.call_soon(first.set_result, 1)
    second.set_result(2)
    loop.call_later(0, failed.set_exception, ValueError())
    assert await gone_on(steps(first, second, failed, asyncio.sleep(0, 3))) == [1, 2, ValueError, 3]
    assert await gone_on(steps(asyncio.sleep(0, 4))) == [4]


async def test_a_task_may_ask_for_itself_once_it_has_waited() -> None:
    async def limited() -> str:
        await asyncio.sleep(0)
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
        return "never"

    with pytest.raises(TimeoutError):
        await gone_on(limited())


async def test_a_cancellation_reaches_what_waits() -> None:
    async def heed() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "heeded"
        return "never"

    coroutine = heed()
    _, waits_for, context = begin(coroutine)
    task = asyncio.get_running_loop().create_task(resume(coroutine, waits_for), context=context)
    await asyncio.sleep(0)
    task.cancel()
    assert await task == "heeded"


async def test_each_has_a_context_of_its_own() -> None:
    async def note(value: str) -> str:
        before = seen.get()
        seen.set(value)
        await asyncio.sleep(0)
        return before + seen.get()

    assert [*await asyncio.gather(gone_on(note("a")), gone_on(note("b")))] == ["a", "b"]
    assert not seen.get()


class Runner:
    """Runs in a turn, and writes to itself."""

    def __init__(self, turn: Turn, done: list[str], name: str) -> None:
        self.turn, self.done, self.name = turn, done, name

    def run(self, started: float) -> None:
        assert started > 0
        self.done.append(f"run {self.name}")
        self.turn.outbox.append((self, self.name.encode()))
        if self.name == "broken":
            raise KeyError(self.name)
        if self.name == "twice":
            self.name = "again"
            self.turn.waiting.append(self)

    def is_closing(self) -> bool:
        return self.name == "closed"

    def write(self, data: bytes) -> None:
        self.done.append(f"send {data.decode()}")
        if self.name == "broken":
            raise KeyError(self.name)


async def test_all_run_then_all_is_sent_and_a_broken_one_harms_no_other() -> None:
    turn, done = Turn(asyncio.get_running_loop().call_soon), list[str]()
    for name in ("one", "broken", "closed", "twice"):
        turn.waiting.append(Runner(turn, done, name))
    turn.ask()
    assert (done, turn.due) == ([], True)
    await asyncio.sleep(0)
    first = ["run one", "run broken", "run closed", "run twice", "send one", "send broken", "send twice"]
    assert (done, turn.due) == (first, True)
    await asyncio.sleep(0)
    assert (done[7:], turn.due) == (["run again", "send again"], False)
    await asyncio.sleep(0)
    assert len(done) == 9


async def test_what_is_written_outside_a_turn_is_sent_in_the_next_or_before_a_line_is_closed() -> None:
    turn, done = Turn(asyncio.get_running_loop().call_soon), list[str]()
    turn.outbox.append((Runner(turn, done, "late"), b"late"))
    turn.ask()
    turn.flush()
    assert done == ["send late"]
    turn.outbox.append((Runner(turn, done, "later"), b"later"))
    await asyncio.sleep(0)
    assert (done[1:], turn.due) == (["send later"], False)


async def quick(params: Any, call: Call) -> Any:
    assert asyncio.current_task() is None
    return "quick"


async def waiting(params: Any, call: Call) -> Any:
    await asyncio.sleep(0)
    assert asyncio.current_task() is not None
    return "waited"


async def committing(params: Any, call: Call) -> Any:
    loop = asyncio.get_running_loop()
    seen.set(call.trace_id)
    for outcome in range(2):  # as a read and a write of the store
        future = loop.create_future()
        loop.call_soon(future.set_result, outcome)
        assert await future == outcome
        assert asyncio.current_task() is None
    assert seen.get() == call.trace_id
    broken = loop.create_future()
    loop.call_soon(broken.set_exception, LingpaiError(Kind.NOT_ALLOWED, "no"))
    with pytest.raises(LingpaiError):
        await broken
    await asyncio.shield(asyncio.sleep(0))  # a task of its own
    assert asyncio.current_task() is None
    await asyncio.sleep(0)
    assert asyncio.current_task() is not None
    return "committed"


async def crashing(params: Any, call: Call) -> Any:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.set_exception, KeyError())
    await future


async def refusing(params: Any, call: Call) -> Any:
    raise LingpaiError(Kind.NOT_FOUND, "no")


async def ending(params: Any, call: Call) -> Any:
    raise asyncio.CancelledError


QUICK = [
    route("/quick", quick, quick=True),
    route("/waiting", waiting, quick=True),
    route("/committing", committing, quick=True),
    route("/crashing", crashing, quick=True),
    route("/refusing", refusing, quick=True),
    route("/ending", ending, quick=True),
]


async def test_quick_routes_answer_in_order_whether_they_wait_or_not() -> None:
    async with running(create_app(QUICK, FALLBACK)) as edge, edge.wire() as wire:
        statuses = {
            "/quick": 200,
            "/waiting": 200,
            "/committing": 200,
            "/crashing": 500,
            "/refusing": 404,
            "/ending": 503,
        }
        paths = [*statuses, *reversed(statuses)]
        for _ in range(3):  # parsed, learnt, known
            await wire.send(b"".join(request("GET", path) for path in paths))
            answers = [await wire.answer() for _ in paths]
            assert [answer.status for answer in answers] == [statuses[path] for path in paths]
            for path, data in (("/quick", "quick"), ("/waiting", "waited"), ("/committing", "committed")):
                await wire.send(request("GET", path))
                assert (await wire.answer()).json["data"] == data


async def test_a_verb_goes_on_when_its_caller_has_gone_and_the_end_waits_for_it() -> None:
    loop, begun, done = asyncio.get_running_loop(), asyncio.Event(), list[str]()
    commit = loop.create_future()

    async def wait(params: Any, call: Call) -> str:
        begun.set()
        done.append(await commit)
        return "committed"

    app = create_app([route("/wait", wait, quick=True), *QUICK], FALLBACK)
    async with running(app, grace=10) as edge:
        async with edge.wire() as wire:
            line = wire.writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, no end
            await wire.send(request("GET", "/wait"))
            await begun.wait()
            connection, *_ = edge.connections()
        while connection in edge.connections():
            await edge.get("/quick")
        edge.serving.stop()
        loop.call_later(0.2, commit.set_result, "durable")
        await edge.ended
    assert done == ["durable"]


async def test_what_waits_delays_nobody_else() -> None:
    go_on = asyncio.Event()

    async def wait(params: Any, call: Call) -> str:
        await go_on.wait()
        return "waited"

    app = create_app([route("/wait", wait, quick=True), *QUICK], FALLBACK)
    async with running(app) as busy, busy.wire() as slow, busy.wire() as wire:
        await slow.send(request("GET", "/wait"))
        await wire.send(request("GET", "/quick"))
        assert (await wire.answer()).json["data"] == "quick"
        go_on.set()
        assert (await slow.answer()).json["data"] == "waited"
