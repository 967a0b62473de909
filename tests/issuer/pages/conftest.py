from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.engines import WIRE_ENGINES, ready_engine
from tests.issuer.pages.stage import Browser, Stage, serving


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=WIRE_ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return ready_engine(request)


@pytest.fixture
async def stage(engine_name: str, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Stage]:
    async with serving(tmp_path, clock, engine_name) as opened:
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
