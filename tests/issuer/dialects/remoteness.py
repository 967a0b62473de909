"""A store that is far away: reads that can be under way at the same time have to be."""

import asyncio
from typing import Any

import pytest

from lingpai.store.issuer_port import IssuerStore

PATIENCE = 10.0


def demand_both_at_once(store: IssuerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on an app is found only while a grant is being read."""
    find_app, read_grant, begun = store.find_app, store.read_grant, asyncio.Event()

    async def read(grant: int) -> Any:
        begun.set()
        return await read_grant(grant)

    async def find(realm: str, app_id: str) -> Any:
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
        begun.clear()
        return await find_app(realm, app_id)

    monkeypatch.setattr(store, "remote", True, raising=False)
    monkeypatch.setattr(store, "find_app", find)
    monkeypatch.setattr(store, "read_grant", read)
