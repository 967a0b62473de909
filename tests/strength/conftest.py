import asyncio
import os
from pathlib import Path

import pytest

from tests.helpers.postgres import database_at


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings are read from the working folder, which must not be the checkout; services have one of their own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LINGPAI_")]:
        monkeypatch.delenv(name)
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, own_folder: Path) -> str:
    """The setting of each engine in turn."""
    if request.param == "sqlite":
        return ""
    request.getfixturevalue("postgres_place")
    return asyncio.run(database_at(own_folder))
