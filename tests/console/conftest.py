"""The console in this process, on either engine, and a browser without a screen."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lingpai.admin_app import admin_app
from lingpai.core.clock import VirtualClock
from lingpai.service import issuers_of, open_keeper
from lingpai.settings import Settings
from tests.console.surfing import Desk
from tests.helpers.direct import Direct
from tests.helpers.postgres import database_at


@pytest.fixture(params=["sqlite", "postgresql"])
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("postgres_place")
    return name


async def desk_at(folder: Path, store: str, **changes: Any) -> AsyncIterator[Desk]:
    settings = Settings(data=folder / "data", store=SecretStr(store), **changes)
    clock = VirtualClock()
    async with open_keeper(settings, clock) as keeper:
        app = admin_app(settings, keeper, await issuers_of(settings, keeper, disabled=True))
        yield Desk(keeper, settings, Direct(app), clock)


@pytest.fixture
async def desk(engine_name: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """On both engines."""
    store = await database_at(tmp_path) if engine_name == "postgresql" else ""
    async for each in desk_at(tmp_path, store):
        yield each


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Desk]:
    """For what depends on no engine."""
    async for each in desk_at(tmp_path, ""):
        yield each
