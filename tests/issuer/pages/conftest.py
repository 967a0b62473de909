from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lingpai.core.clock import VirtualClock
from tests.issuer.engines import WIRE_ENGINES, ready_engine
from tests.issuer.pages.harness import Browser, Harness, serving


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=WIRE_ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return ready_engine(request)


@pytest.fixture
async def harness(engine_name: str, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[Harness]:
    async with serving(tmp_path, clock, engine_name) as opened:
        yield opened


@pytest.fixture
async def browser(harness: Harness) -> AsyncIterator[Browser]:
    opened = Browser(harness.url)
    yield opened
    await opened.close()


@pytest.fixture
async def other(harness: Harness) -> AsyncIterator[Browser]:
    """Somebody else's browser."""
    opened = Browser(harness.url)
    yield opened
    await opened.close()
