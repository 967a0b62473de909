"""Processes of one service that die at a change of their store, and others beside them."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from tests.keeper.component import Provided
from tests.keeper.harness import Harness, played

CHANGES = (
    "keep_push",
    "claim_push",
    "postpone_push",
    "settle_push",
    "put_generation",
    "replace_account",
    "acquire_lease",
    "save_generation",
    "save_trouble",
    "release_lease",
)


class Killed(Exception):
    """The process is dead."""


def kill_at(harness: Harness, step: int, *, after: bool) -> None:
    """Let a process die at a change of its store: before it, or when it is committed and nobody has heard of it."""
    store, steps = harness.keeper.store, [0]

    def wrap(name: str) -> None:
        change = getattr(store, name)

        async def changing(*arguments: Any, **named: Any) -> Any:
            steps[0] += 1
            if steps[0] > step or (steps[0] == step and not after):
                raise Killed(name)
            result = await change(*arguments, **named)
            if steps[0] == step:
                raise Killed(name)
            return result

        setattr(store, name, changing)

    for name in CHANGES:
        wrap(name)


@contextlib.asynccontextmanager
async def another(made: Provided, tmp_path: Path, **changes: Any) -> AsyncIterator[Harness]:
    """Another process on the same store."""
    url = made.harness.upstream.url
    async with (
        aiohttp.ClientSession() as session,
        played(tmp_path, made.harness.clock, url, session, **changes) as harness,
    ):
        yield harness
