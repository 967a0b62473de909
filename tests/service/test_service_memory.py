"""Requests do not wait while the garbage collector looks through what lives as long as the process."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingpai import serving
from lingpai.settings import Settings


@pytest.fixture
def collector() -> Iterator[None]:
    """The collector of this process, given back as it was."""
    threshold = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("collector")
async def test_a_full_collection_of_a_service_looks_at_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[tuple[int, int]] = []

    async def serve(*_: object, **__: object) -> None:
        looked_at.append((len(gc.get_objects()), gc.get_freeze_count()))

    monkeypatch.setattr(serving, "serve", serve)
    await serving._serve(Settings(data=tmp_path), [], [], None)
    [(watched, spared)] = looked_at
    assert watched < spared / 20
