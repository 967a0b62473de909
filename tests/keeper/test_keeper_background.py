"""The owner of background tasks, and one task for all who want the same: cancellation, shutdown, failures."""

import asyncio
import gc

import pytest

from lingpai.keeper.background import Background
from lingpai.keeper.platforms.platform import ACCESS_TOKEN
from lingpai.keeper.renewal import renew_due
from lingpai.keeper.single_flight import SingleFlight
from tests.keeper.harness import CLASSIC, STABLE, Harness


class Work:
    """Work in two steps, each of which ends when the test says so."""

    def __init__(self, background: Background, *, uninterrupted: bool = False) -> None:
        self._background = background
        self._uninterrupted = uninterrupted
        self.begun = asyncio.Event()
        self.first, self.second = asyncio.Event(), asyncio.Event()
        self.done: list[str] = []

    async def run(self) -> str:
        if self._uninterrupted:
            with self._background.uninterrupted():
                await self._step("first", self.first)
        else:
            await self._step("first", self.first)
        await self._step("second", self.second)
        return "result"

    async def _step(self, name: str, event: asyncio.Event) -> None:
        self.begun.set()
        await event.wait()
        self.done.append(name)


async def turns(count: int = 5) -> None:
    """Let the loop run what is ready."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_shutdown_cancels_a_task_at_once() -> None:
    background = Background()
    work = Work(background)
    task = background.start(work.run())
    await work.begun.wait()
    await background.shutdown(patience=1000)
    assert task.cancelled()
    assert work.done == []


async def test_shutdown_awaits_a_task_that_must_finish_however_long() -> None:
    background = Background()
    work = Work(background)
    task = background.start(work.run(), finish=True)
    ending = asyncio.create_task(background.shutdown(patience=0))
    await turns()
    assert not ending.done()
    work.first.set()
    work.second.set()
    await ending
    assert task.result() == "result"


async def test_shutdown_lets_an_uninterrupted_block_end_and_then_cancels() -> None:
    background = Background()
    work = Work(background, uninterrupted=True)
    task = background.start(work.run())
    await work.begun.wait()
    ending = asyncio.create_task(background.shutdown(patience=1000))
    await turns()
    assert not ending.done()
    work.first.set()
    await ending
    assert work.done == ["first"]
    assert task.cancelled()


async def test_shutdown_keeps_the_result_of_a_task_that_ends_with_its_uninterrupted_block() -> None:
    background = Background()
    work = Work(background, uninterrupted=True)
    work.second.set()  # its second step does not wait
    task = background.start(work.run())
    await work.begun.wait()
    ending = asyncio.create_task(background.shutdown(patience=1000))
    await turns()
    work.first.set()
    await ending
    assert task.result() == "result"


async def test_shutdown_cancels_an_uninterrupted_block_when_its_patience_is_over() -> None:
    background = Background()
    work = Work(background, uninterrupted=True)
    task = background.start(work.run())
    await work.begun.wait()
    await background.shutdown(patience=0)
    assert task.cancelled()
    assert work.done == []


async def test_nested_uninterrupted_blocks_end_with_the_outermost() -> None:
    background, left, go = Background(), asyncio.Event(), asyncio.Event()

    async def nested() -> str:
        with background.uninterrupted():
            with background.uninterrupted():
                pass
            left.set()
            await go.wait()
        return "result"

    task = background.start(nested())
    await left.wait()
    ending = asyncio.create_task(background.shutdown(patience=1000))
    await turns()
    go.set()
    await ending
    assert task.result() == "result"


async def test_a_task_started_during_the_shutdown_is_ended_too() -> None:
    background = Background()
    late: list[asyncio.Task[str]] = []

    async def starts_another() -> None:
        with background.uninterrupted():
            late.append(background.start(Work(background).run()))
            await turns()

    background.start(starts_another())
    await turns(1)
    await background.shutdown(patience=1000)
    assert [task.cancelled() for task in late] == [True]
    await background.settle()


async def test_tasks_may_be_started_after_a_shutdown() -> None:
    background = Background()
    await background.shutdown(patience=0)
    work = Work(background, uninterrupted=True)
    work.first.set()
    work.second.set()
    assert await background.start(work.run()) == "result"


async def test_a_failure_that_nobody_awaits_is_not_logged_by_asyncio(
    caplog: pytest.LogCaptureFixture,
) -> None:
    background = Background()

    async def fail() -> None:
        raise RuntimeError("nobody awaits this")

    background.start(fail())
    await background.settle()
    gc.collect()
    assert caplog.records == []


async def test_one_task_for_all_who_want_the_same_and_another_afterwards() -> None:
    background = Background()
    flights: SingleFlight[str, str] = SingleFlight(background)
    works: list[Work] = []

    async def run(key: str) -> str:
        made = Work(background)
        works.append(made)
        return await made.run()

    waiting = [asyncio.create_task(flights.run("a", lambda: run("a"))) for _ in range(3)]
    other = asyncio.create_task(flights.run("b", lambda: run("b")))
    await turns()
    assert len(works) == 2
    waiting[0].cancel()
    await turns()
    for made in works:
        made.first.set()
        made.second.set()
    assert await asyncio.gather(*waiting[1:], other) == ["result"] * 3
    assert waiting[0].cancelled()
    assert flights.start("a", lambda: run("a")) not in waiting
    assert len(works) == 2  # the new task has not run yet
    await background.shutdown(patience=0)


async def test_all_who_wait_get_the_failure_of_the_one_task() -> None:
    flights: SingleFlight[str, None] = SingleFlight(Background())

    async def fail() -> None:
        await turns()
        raise RuntimeError("refused")

    outcomes = await asyncio.gather(*(flights.run("a", fail) for _ in range(3)), return_exceptions=True)
    assert [str(each) for each in outcomes] == ["refused"] * 3
    assert len({id(each) for each in outcomes}) == 1


async def test_a_renewal_is_one_task(harness: Harness) -> None:
    """From the look for what is due to the saved token: nothing of it runs in a task of its own."""
    own = harness
    await own.add_app(mode="classic")
    await own.token()
    await own.fall_due()
    await own.upstream.fault(CLASSIC, "slow:0.3")
    before = asyncio.all_tasks()
    looking = asyncio.create_task(renew_due(own.keeper))
    while await own.upstream.calls(CLASSIC) == 1:
        assert not looking.done()
    ours = {
        task
        for task in asyncio.all_tasks() - before - {looking}
        if "Credentials" in getattr(task.get_coro(), "__qualname__", "")
    }
    assert len(ours) == 1
    await looking
    assert (await own.held()).version == 2


async def test_a_fetch_for_callers_is_one_task(own: Harness) -> None:
    await own.upstream.fault(STABLE, "slow:0.3")
    callers = [asyncio.create_task(own.token()) for _ in range(4)]
    while not await own.upstream.calls(STABLE):
        assert not callers[0].done()
    running = [
        task for task in asyncio.all_tasks() if "Credentials" in getattr(task.get_coro(), "__qualname__", "")
    ]
    assert len(running) == 1
    assert len(set(await asyncio.gather(*callers))) == 1


async def test_a_renewal_that_waits_for_its_lease_ends_at_once_with_the_service(own: Harness) -> None:
    """Nothing was sent yet, so nothing is lost: a shutdown does not wait for the other holder."""
    key = own.app_of().key(ACCESS_TOKEN)
    attempt = await own.keeper.store.acquire_lease(key, "another", 0, own.keeper.options.lease)
    assert attempt.lease is not None
    waiting = asyncio.create_task(own.keeper.credentials.fetch_once(own.app_of(), ACCESS_TOKEN))
    await turns(20)
    async with asyncio.timeout(5):
        await own.keeper.close(patience=1000)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await own.upstream.calls(STABLE) == 0
