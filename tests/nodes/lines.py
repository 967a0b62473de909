"""The line between a node and its database: TCP that a test can cut in the ways in which networks are cut."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

CHUNK = 64 * 1024
LONGEST = 10.0

REFUSE = "refuse"
"""Connections are reset, and new ones refused: the machine is there, the port is not."""
STALL = "stall"
"""Nothing arrives any more, nobody is notified, and it all arrives late when the line is mended: a network's hole."""
DROP = "drop"
"""Connections are reset, once: a load balancer was restarted."""
LOSE = "lose"
"""What the node sends arrives and is done, but its connection is reset in place of the answer; new ones are good."""
WAYS = (REFUSE, STALL, DROP, LOSE)


class Line:
    """One line. Made by `Lines.open`; its methods may be called from any thread but its own."""

    def __init__(self, lines: "Lines", target: Path) -> None:
        self.port = 0
        self._lines = lines
        self._target = str(target)
        self._server: asyncio.Server | None = None
        self._held: list[bytes] = []
        self._losing: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self, way: str) -> None:
        """Cut it, in one of `WAYS`."""
        self._lines.run(self._cut(way))

    def mend(self) -> None:
        """Have it carry everything again."""
        self._lines.run(self._mend())

    def holds(self, words: bytes) -> bool:
        """Whether something with these words in it waits for the line to be mended."""
        return any(words in data for data in self._held)

    async def listen(self) -> None:
        """Take connections, always on the same port."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Reset what there is and take nothing more."""
        await self._cut(REFUSE)
        self._flows.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self, way: str) -> None:
        self._losing = set(self._writers) if way == LOSE else set()
        if way == STALL:
            self._flows.clear()
        if way in (STALL, LOSE):
            return
        if way == REFUSE and self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:  # that of the node's side: the other one follows
            writer.transport.abort()

    async def _mend(self) -> None:
        self._losing = set()
        self._flows.set()
        if self._server is None:
            await self.listen()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with self._kept(writer), contextlib.suppress(OSError):
            await self._flows.wait()
            there, back = await asyncio.open_unix_connection(self._target)
            with contextlib.closing(back.transport):
                await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    @contextlib.contextmanager
    def _kept(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if writer in self._losing:
                    writer.transport.abort()
                    return
                await self._pass(data)
                writer.write(data)
                await writer.drain()
        await self._flows.wait()
        writer.close()

    async def _pass(self, data: bytes) -> None:
        if self._flows.is_set():
            return
        self._held.append(data)
        await self._flows.wait()
        self._held.remove(data)


class Lines:
    """Where lines run: a loop in a thread of its own. Made by `lines`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._opened: list[Line] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST)

    def open(self, target: Path) -> Line:
        """A new line to a Unix socket."""
        line = Line(self, target)
        self.run(line.listen())
        self._opened.append(line)
        return line

    def close(self) -> None:
        """Close all lines."""
        for line in self._opened:
            self.run(line.close())


@contextlib.contextmanager
def lines() -> Iterator[Lines]:
    """Lines while the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="lines", daemon=True)
    thread.start()
    made = Lines(loop)
    try:
        yield made
    finally:
        made.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(LONGEST)
        assert not thread.is_alive(), "the lines did not close"
        loop.close()
