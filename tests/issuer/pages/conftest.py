from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.pages.stage import Browser, Stage, serving


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def stage(tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Stage]:
    async with serving(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[Browser]:
    opened = Browser(stage.url)
    yield opened
    await opened.close()


@pytest.fixture
async def other(stage: Stage) -> AsyncIterator[Browser]:
    """Somebody else's browser."""
    opened = Browser(stage.url)
    yield opened
    await opened.close()
