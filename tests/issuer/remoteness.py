"""A store that is far away, whatever engine it has: a read is under way for a while."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from lingpai.core.issuer_records import GrantView
from lingpai.store.issuer_port import IssuerStore

PATIENCE = 10.0


def _far_away(store: IssuerStore, monkeypatch: pytest.MonkeyPatch, begun: Callable[[int], object]) -> None:
    """Have every read of a grant begin at once and take a task; `begun` is called with the grant."""
    read_grant = store.read_grant

    def begin(grant: int) -> asyncio.Task[GrantView | None]:
        begun(grant)
        return asyncio.ensure_future(read_grant(grant))

    async def read(grant: int) -> GrantView | None:
        begun(grant)
        return await read_grant(grant)

    monkeypatch.setattr(store, "begin_read", begin)
    monkeypatch.setattr(store, "read_grant", read)


def note_reads(store: IssuerStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The grants that are read from now on, in order."""
    grants: list[int] = []
    _far_away(store, monkeypatch, grants.append)
    return grants


def demand_both_at_once(store: IssuerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on an app is found only while a grant is being read."""
    find_app, begun = store.find_app, asyncio.Event()
    _far_away(store, monkeypatch, lambda _grant: begun.set())

    async def find(realm: str, app_id: str) -> Any:
        await asyncio.sleep(0)  # a verb of a quick route has no task before it waits
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
        begun.clear()
        return await find_app(realm, app_id)

    monkeypatch.setattr(store, "find_app", find)
