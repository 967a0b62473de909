"""What `serve` says of several workers on the embedded store, whose writes do not grow with them."""

from pathlib import Path

import pytest

from tests.strength.services import Heard, ending

NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_line_says_that_several_workers_share_one_writer(tmp_path: Path, workers: int) -> None:
    service = Heard(tmp_path / "data", NOWHERE, workers=workers)
    with ending(service):
        assert service.url
        said = service.events("workers_share_one_writer")
        assert said == service.lines[: workers - 1]
        assert all("less than one alone" in each["detail"] and each["level"] == "warning" for each in said)
