from collections.abc import AsyncIterator

import pytest_asyncio

from tests.edge.world import World, app_of, running


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with running(app_of()) as world:
        yield world
