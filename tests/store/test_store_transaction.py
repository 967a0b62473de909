"""Verbs that both engines share run to their end where nothing waits."""

import asyncio

import pytest

from lingpai.store.transaction import finish


async def nothing() -> int:
    return 1


async def both(fails: bool) -> int:
    if fails:
        raise KeyError("no")
    return await nothing() + await nothing()


def test_what_never_waits_is_run_at_once() -> None:
    assert finish(both(False)) == 2
    with pytest.raises(KeyError):
        finish(both(True))


def test_what_waits_is_ended_and_refused() -> None:
    ended = []

    async def waits() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="waited"):
        finish(waits())
    assert ended == [True]
