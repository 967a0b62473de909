from collections.abc import AsyncIterator

import pytest_asyncio

from tests.edge.running_edge import Edge, app_of, running


@pytest_asyncio.fixture
async def edge() -> AsyncIterator[Edge]:
    async with running(app_of()) as edge:
        yield edge
