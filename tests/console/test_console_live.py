import asyncio

import pytest

from lingpai.console.counts import Counts
from lingpai.console.live import CHECKED, EVERY, Events, State, Watcher, read_state
from lingpai.core.audit import Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.counters import hits_of
from tests.console.surfing import ANN, Desk
from tests.console.tokens import hold, trouble_of

pytestmark = pytest.mark.asyncio


class Source:
    """A state that tests set, and a rest between two reads that they end."""

    def __init__(self) -> None:
        self.state = State(1, 1, 0, 0)
        self.fails = False
        self.rested = asyncio.Semaphore(0)
        self.rests: list[float] = []
        self.resting = asyncio.Event()
        self.watcher = Watcher(self.read, self.rest)

    async def read(self) -> State:
        if self.fails:
            raise LingpaiError(Kind.STORE_UNAVAILABLE, "gone")
        return self.state

    async def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.resting.set()
        await self.rested.acquire()

    def go_on(self) -> None:
        self.rested.release()


async def valid() -> bool:
    return True


async def test_one_reads_however_many_look_and_none_when_none_does() -> None:
    source = Source()
    streams = [Events(source.watcher, valid) for _ in range(20)]
    iterators = [aiter(each) for each in streams]
    for each in iterators:
        assert await anext(each) == b"retry: 2000\n\n"
    first = await asyncio.gather(*(anext(each) for each in iterators))
    assert set(first) == {b'data: {"tokens":1,"audit":1,"served":0,"asked":0}\n\n'}
    assert (source.watcher.looking, source.watcher.reads) == (20, 1)
    source.state = State(2, 1, 5, 1)
    source.go_on()
    second = await asyncio.gather(*(anext(each) for each in iterators))
    assert set(second) == {b'data: {"tokens":2,"audit":1,"served":5,"asked":1}\n\n'}
    assert source.watcher.reads == 2
    for stream in streams:
        await stream.aclose()
    assert source.watcher.looking == 0
    source.go_on()
    await asyncio.sleep(0)
    assert source.watcher.reads == 2
    assert set(source.rests) == {EVERY}


async def test_a_change_is_seen_within_one_and_a_half_seconds() -> None:
    """A rest, and the time of one read and one update of the page."""
    assert EVERY <= 1.0


async def test_a_session_that_ends_ends_its_stream_and_no_other() -> None:
    source, known = Source(), {"a"}

    async def known_still() -> bool:
        return "a" in known

    mine, other = Events(source.watcher, known_still), Events(source.watcher, valid)
    readers = [aiter(mine), aiter(other)]
    for each in readers:
        await anext(each)
        await anext(each)
    known.clear()
    source.state = State(1, 2, 0, 0)  # a sign-out is in the audit trail
    source.go_on()
    assert await anext(readers[0]) == b"event: ended\ndata: {}\n\n"
    with pytest.raises(StopAsyncIteration):
        await anext(readers[0])
    assert b'"audit":2' in await anext(readers[1])
    await other.aclose()


async def test_a_store_that_fails_and_comes_back() -> None:
    source = Source()
    source.fails = True
    stream = Events(source.watcher, valid)
    reader = aiter(stream)
    await anext(reader)
    waiting = asyncio.ensure_future(anext(reader))
    await source.resting.wait()
    source.fails = False
    source.go_on()
    assert b'"tokens":1' in await waiting
    await stream.aclose()


async def test_the_end_of_the_service_ends_every_stream() -> None:
    source = Source()
    reader = aiter(Events(source.watcher, valid))
    await anext(reader)
    await anext(reader)
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    source.watcher.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
    assert source.watcher.looking == 0


async def test_sessions_are_looked_at_though_nothing_changes() -> None:
    assert CHECKED <= 5.0


async def test_what_pages_show_changes_the_state(desk: Desk) -> None:
    counts = Counts()

    async def now() -> tuple[int, int]:
        state = await read_state(desk.keeper, counts)
        return state.tokens, state.audit

    seen = [await now()]
    await hold(desk, "wx1")
    seen.append(await now())
    await hold(desk, "wx2", trouble=trouble_of(desk))
    seen.append(await now())
    await desk.keeper.by(ANN).note(Change("caller.change", "shop"))
    seen.append(await now())
    assert len(set(seen)) == len(seen)
    assert await now() == seen[-1]


async def test_numbers_are_read_every_two_seconds_at_most() -> None:
    at = [100.0]
    counts = Counts(lambda: at[0])
    before = counts.read()
    hits_of("wechat", "access_token").count += 7
    assert counts.read() == before
    at[0] += 2
    assert counts.read().served == before.served + 7
