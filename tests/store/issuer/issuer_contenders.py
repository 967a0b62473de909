"""Processes that contend for codes, refresh tokens and quotas: rounds behind a barrier."""

import asyncio
import contextlib
import multiprocessing
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from lingpai.core.errors import LingpaiError
from lingpai.issuer.context import Issuer
from lingpai.issuer.verbs.apps import find_app
from lingpai.issuer.verbs.redeem import redeem
from lingpai.issuer.verbs.refresh import refresh
from tests.store.issuer.issuer_arena import APP_ID, LIMITED, open_issuer

CONTENDERS = 4
CALLERS = 16
"""Per process: 64 in all."""
PATIENCE = 60.0

Answer = tuple[str, str, str]
"""Access token, refresh token and "", or two blanks and the kind of the refusal."""


async def _call(issuer: Issuer, verb: str, handle: str) -> Answer:
    app = await find_app(issuer, APP_ID)
    try:
        tokens = await (redeem if verb == "redeem" else refresh)(issuer, app, handle)
    except LingpaiError as error:
        return "", "", error.kind.value
    return tokens.access_token, tokens.refresh_token, "repeated" if tokens.repeated else ""


async def _serve(engine: str, home: Path, pipe: Connection, barrier: Barrier) -> None:
    async with open_issuer(engine, home, LIMITED) as issuer:
        pipe.send("ready")
        while (order := pipe.recv()) is not None:
            verb, handles = order
            barrier.wait(PATIENCE)
            pipe.send(await asyncio.gather(*(_call(issuer, verb, handle) for handle in handles)))


def _contend(engine: str, home: Path, pipe: Connection, barrier: Barrier) -> None:
    asyncio.run(_serve(engine, home, pipe, barrier))


class Contest:
    """Four processes with the store open, which call a verb at the same time."""

    def __init__(self, engine: str, home: Path) -> None:
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(CONTENDERS)
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(CONTENDERS):
            ours, theirs = context.Pipe()
            process = context.Process(target=_contend, args=(engine, home, theirs, barrier), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            self._receive(pipe)

    def run(self, verb: str, handles: list[str]) -> list[Answer]:
        """Each process calls the verb for each handle; all answers."""
        for pipe in self._pipes:
            pipe.send((verb, handles))
        return [answer for pipe in self._pipes for answer in self._receive(pipe)]

    def close(self) -> None:
        """End the processes, each of which must have fared well."""
        for pipe in self._pipes:
            pipe.send(None)
        for process, pipe in zip(self._processes, self._pipes, strict=True):
            process.join(PATIENCE)
            pipe.close()
            assert process.exitcode == 0
            process.close()

    def _receive(self, pipe: Connection) -> Any:
        assert pipe.poll(PATIENCE)
        return pipe.recv()


@contextlib.contextmanager
def contest(engine: str, home: Path) -> Iterator[Contest]:
    """A contest that ends with the block."""
    opened = Contest(engine, home)
    try:
        yield opened
    finally:
        opened.close()
