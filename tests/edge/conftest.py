from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lingpai.edge.protocol import guarded
from tests.edge.world import World, app_of, running


@pytest.fixture(params=[True, False], ids=["lean", "ordinary"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Run the test on the lean way and on the ordinary one; whether it is the lean one."""
    if not request.param:
        monkeypatch.setattr("lingpai.edge.server.lean", lambda limits, _find: guarded(limits))
    return bool(request.param)


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with running(app_of()) as world:
        yield world
