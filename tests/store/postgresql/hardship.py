"""Things that happen to databases, and what the engine has to say to them."""

import asyncio
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from lingpai.core.errors import Kind, LingpaiError
from lingpai.store.postgresql.engine import Engine
from tests.helpers.postgres_server import Server

ADD = """
WITH given AS (SELECT * FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS g (number, text, place)),
     added AS (INSERT INTO t (n, text) SELECT number, text FROM given RETURNING n)
SELECT given.place, added.n FROM added JOIN given ON given.number = added.n
"""
READ = """
SELECT g.place, t.n, t.text FROM unnest($1::bigint[]) WITH ORDINALITY AS g (number, place) JOIN t ON t.n = g.number
"""


_fresh = itertools.count(1_000_000)


async def run(dsn: str, *statements: str) -> list[Any]:
    """Rows of the last of some statements, each on its own, by a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        rows: list[Any] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def refused(attempt: Coroutine[Any, Any, object]) -> LingpaiError:
    with pytest.raises(LingpaiError) as raised:
        await attempt
    assert raised.value.kind is Kind.STORE_UNAVAILABLE
    assert raised.value.retry_after is not None
    assert raised.value.retry_after > 0
    assert raised.value.detail
    return raised.value


async def add(engine: Engine, number: int, text: str = "") -> int:
    rows = await engine.call(ADD, number, text)
    added: int = rows[0][0]
    return added


async def all_of(engine: Engine) -> list[int]:
    return [number for (number,) in await engine.rows("SELECT n FROM t ORDER BY n")]


async def until(happened: Callable[[], Awaitable[object]]) -> None:
    """Come back as soon as it has; whoever calls sets a limit."""
    while not await happened():  # noqa: ASYNC110  what happens is not ours, and tells nobody
        await asyncio.sleep(0.05)


async def grow(acknowledged: list[int], by: int) -> None:
    enough = len(acknowledged) + by

    async def has_grown() -> bool:
        return len(acknowledged) >= enough

    async with asyncio.timeout(30):
        await until(has_grown)


async def well_again(engine: Engine, seconds: float = 10.0) -> None:
    """Come back once the engine reads and writes, by itself."""
    give_up = time.monotonic() + seconds
    for number in _fresh:
        try:
            assert await add(engine, number) == number
            assert await engine.read(READ, number) == [(number, "")]
        except LingpaiError:
            assert time.monotonic() < give_up, "it did not recover"
        else:
            return


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server and all its processes stand still: connections stay, nothing is answered."""
    process = psutil.Process(server.pid)
    pids = [server.pid, *(child.pid for child in process.children(recursive=True))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def small_disk(owner: str | None) -> Iterator[Path | None]:
    """A file system of a megabyte that belongs to `owner`; None where we may not mount."""
    with tempfile.TemporaryDirectory(prefix="lingpai-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "tmpfs", folder]
        if (
            shutil.which("mount") is None
            or subprocess.run(command, check=False, capture_output=True).returncode
        ):
            yield None
            return
        try:
            if owner is not None:
                shutil.chown(folder, owner)
            yield Path(folder)
        finally:
            # Some versions still hold files that are gone for a while.
            subprocess.run(["umount", "--lazy", folder], check=True)
