"""The lines themselves: each way to cut one does what it says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.nodes.lines import DROP, LOSE, REFUSE, STALL, Line, Lines, lines

SOON = 10.0
WHILE = 0.2


class Echo:
    """A server that answers with what it got."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                self.heard.append(data)
                writer.write(data)
                await writer.drain()


@pytest.fixture
def made() -> Iterator[Lines]:
    with lines() as opened:
        yield opened


@pytest.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Echo]:
    echo = Echo()
    server = await asyncio.start_unix_server(echo.serve, tmp_path / "socket")
    yield echo
    server.close()


@pytest.fixture
async def line(made: Lines, echo: Echo, tmp_path: Path) -> Line:
    return await asyncio.to_thread(made.open, tmp_path / "socket")


class Caller:
    """One connection over a line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, words: bytes) -> bytes:
        """What comes back; nothing from a connection that is closed."""
        self.writer.write(words)
        return await self.answer()

    async def answer(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(100), SOON)
        return b""


@contextlib.asynccontextmanager
async def calling(line: Line) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_line_carries_both_ways(line: Line) -> None:
    async with calling(line) as one, calling(line) as other:
        assert await one.ask(b"one") == b"one"
        assert await other.ask(b"other") == b"other"


async def test_refused_connections_are_reset_and_new_ones_fail_until_it_is_mended(line: Line) -> None:
    async with calling(line) as before:
        assert await before.ask(b"1") == b"1"
        line.cut(REFUSE)
        assert await before.answer() == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", line.port)
    line.mend()
    async with calling(line) as after:
        assert await after.ask(b"2") == b"2"


async def test_what_is_stalled_arrives_late(line: Line, echo: Echo) -> None:
    async with calling(line) as caller:
        assert await caller.ask(b"1") == b"1"
        line.cut(STALL)
        waiting = asyncio.create_task(caller.ask(b"late"))
        async with calling(line) as new:  # it is taken, and hears nothing either
            silent = asyncio.create_task(new.ask(b"new"))
            assert await asyncio.wait({waiting, silent}, timeout=WHILE) == (set(), {waiting, silent})
            assert line.holds(b"late")
            assert echo.heard == [b"1"]
            line.mend()
            assert await waiting == b"late"
            assert await silent == b"new"
    assert not line.holds(b"late")


async def test_dropped_connections_are_reset_and_new_ones_are_good(line: Line) -> None:
    async with calling(line) as before:
        assert await before.ask(b"1") == b"1"
        line.cut(DROP)
        assert await before.answer() == b""
    async with calling(line) as after:
        assert await after.ask(b"2") == b"2"


async def test_a_lost_answer_was_asked_for(line: Line, echo: Echo) -> None:
    async with calling(line) as before:
        assert await before.ask(b"1") == b"1"
        line.cut(LOSE)
        assert await before.ask(b"2") == b""
        assert echo.heard == [b"1", b"2"]
        async with calling(line) as after:
            assert await after.ask(b"3") == b"3"
    line.mend()
