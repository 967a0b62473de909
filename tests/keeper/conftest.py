import io
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from lingpai.edge.logs import configure_logging
from tests.keeper.harness import Harness, staged


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are read from the working directory, which must not be the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    """A harness on which nothing is configured."""
    async with staged(tmp_path) as made:
        yield made


@pytest.fixture
async def own(harness: Harness) -> Harness:
    """A harness with the sample app and the sample corp configured."""
    await harness.add_app()
    await harness.add_corp()
    return harness


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that the service logs, as it does in production, down to debug."""
    root, kept = logging.getLogger(), structlog.get_config()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    lines = io.StringIO()
    configure_logging("debug", stream=lines, json_lines=True)
    # A logger that is remembered would go on writing for the tests that come after.
    structlog.configure(cache_logger_on_first_use=False)
    # And one that an earlier test left remembered would drop what that test's level dropped.
    monkeypatch.setattr("lingpai.keeper.audit._log", structlog.get_logger("lingpai.audit"))
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.raiseExceptions = raises
    logging.captureWarnings(capture=False)
    structlog.configure(**kept)
