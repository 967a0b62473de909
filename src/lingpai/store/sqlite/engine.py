"""The mechanism of the engine, which knows no table: reads on the event loop, writes in a thread, long reads apart."""

import asyncio
import contextlib
from collections.abc import Awaitable
from functools import partial
from pathlib import Path
from typing import TypeVar

from lingpai.store.sqlite.checkpointer import PATIENCE, Checkpointer
from lingpai.store.sqlite.connect import WRITER_PATIENCE, Connection, connect
from lingpai.store.sqlite.faults import FAULTS, unavailable
from lingpai.store.sqlite.reads import Reads
from lingpai.store.sqlite.space import Floor
from lingpai.store.sqlite.watch import Watch
from lingpai.store.sqlite.writer import Job, Writer

T = TypeVar("T")


class Engine(Reads):
    """One database file, used from one event loop. Made and used on that loop; `close` it.

    Args:
        path: the file, which exists and has its schema.
        floor: bytes of free space below which nothing is added; see `add`.

    Attributes:
        writer: commits changes; see `write`.
    """

    def __init__(self, path: Path, floor: int = 0) -> None:
        self._watch = watch = Watch(self.look)
        super().__init__(path, watch.waiting, watch.wake)
        self._floor = Floor(path, floor)
        self._checkpointer = Checkpointer(partial(connect, path, PATIENCE))
        self.writer = Writer(self._connect_writer, watch.waiting, watch.wake)

    def write(self, job: Job[T]) -> Awaitable[T]:
        """Return the result of `job` once that is committed and durable. See `Job` for what a job may be.

        Raises:
            LingpaiError: STORE_UNAVAILABLE, and whatever `job` raises, when it is awaited.
        """
        return self.writer.submit(job)

    def add(self, job: Job[T]) -> Awaitable[T]:
        """As `write`, for what strangers or growth bring: refused while the disk is fuller than the floor.

        Raises:
            LingpaiError: STORE_UNAVAILABLE, at once.
        """
        self._floor.demand()
        return self.writer.change("", (), None, job)

    async def scan(self, read: Job[T]) -> T:
        """Return the result of `read`, run in a thread on a connection of its own: for long reads.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        return await asyncio.to_thread(self._scan, read)

    async def wait_change(self, seconds: float) -> None:
        """Come back once anybody has committed since this engine's last read, or after `seconds` of real time.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        await self._watch.wait(seconds)

    async def close(self) -> None:
        """Commit what is waiting, then close every connection and end every thread. Safe to call twice."""
        self._closed = True
        await self.writer.close()
        self._watch.close()
        self._drop_reader()
        await self._checkpointer.close()

    def _connect_writer(self) -> Connection:
        connection = connect(self.path, WRITER_PATIENCE)
        connection.set_wal_hook(self._checkpointer.notice)
        return connection

    def _scan(self, read: Job[T]) -> T:
        try:
            with contextlib.closing(connect(self.path, WRITER_PATIENCE, reads_only=True)) as connection:
                return read(connection)
        except FAULTS as fault:
            raise unavailable(fault) from fault
