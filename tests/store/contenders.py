"""Processes of their own that contend for one store; what they do is in `races`."""

import asyncio
import contextlib
import multiprocessing
from collections.abc import AsyncIterator, Callable, Coroutine
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, NamedTuple

from lingpai.core.clock import SystemClock
from lingpai.core.keyring import KeyRing
from lingpai.store.port import Store
from tests.store.conftest import ENGINES

PATIENCE = 60.0


class Harness(NamedTuple):
    """What a contender is given: which engine, where, who it is, and the line to start from together."""

    engine: str
    home: Path
    number: int
    barrier: Barrier


Race = Callable[[Harness, Store], Coroutine[Any, Any, Any]]


@contextlib.asynccontextmanager
async def open_harness(engine: str, home: Path) -> AsyncIterator[Store]:
    """The store of a harness, with a ring in a file, which all processes share."""
    ring = KeyRing.open_or_create(home / "keys" / "ring.json", 0.0)
    store = await ENGINES[engine](home, ring, SystemClock())
    try:
        yield store
    finally:
        await store.close()


async def _run(harness: Harness, race: Race) -> Any:
    harness.barrier.wait(PATIENCE)
    async with open_harness(harness.engine, harness.home) as store:
        harness.barrier.wait(PATIENCE)
        return await race(harness, store)


def _contend(pipe: Connection, number: int, barrier: Barrier) -> None:
    while (order := pipe.recv()) is not None:
        engine, home, race = order
        try:
            result = asyncio.run(_run(Harness(engine, home, number, barrier), race))
        except BaseException:
            barrier.abort()  # the others must not wait for us
            raise
        pipe.send(result)


class Contest:
    """A few processes that run the same race at the same time, as often as asked."""

    def __init__(self, size: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier = context.Barrier(size)
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_contend, args=(theirs, number, self._barrier), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def run(self, engine: str, home: Path, race: Race) -> list[Any]:
        """What `race` returned in each process."""
        for pipe in self._pipes:
            pipe.send((engine, home, race))
        for pipe in self._pipes:
            assert pipe.poll(PATIENCE)
        return [pipe.recv() for pipe in self._pipes]

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.join(PATIENCE)
            pipe.close()
            assert process.exitcode == 0
            process.close()
