"""Times on pages are in the zone of the setting `time_zone`, else in the machine's own, and say which."""

import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lingpai.issuer.pages.render import moment
from lingpai.issuer.pages.site import Site
from lingpai.settings import Settings

AT = 1_700_000_000  # 2023-11-14 22:13:20 UTC


@pytest.fixture
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine be in another zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Shanghai", "2023-11-15 06:13 UTC+8"),
        ("UTC", "2023-11-14 22:13 UTC"),
        ("Asia/Kolkata", "2023-11-15 03:43 UTC+5:30"),
        ("America/St_Johns", "2023-11-14 18:43 UTC-3:30"),
        ("America/New_York", "2023-11-14 17:13 UTC-5"),
    ],
)
def test_a_zone_that_is_set(zone: str, shown: str) -> None:
    answer = moment(Site(origin="", prefix="", zone=ZoneInfo(zone)), AT)
    assert answer == {"machine": "2023-11-14T22:13:20+00:00", "shown": shown}


def test_summer_time_counts() -> None:
    site = Site(origin="", prefix="", zone=ZoneInfo("Europe/Berlin"))
    assert moment(site, AT)["shown"].endswith("UTC+1")
    assert moment(site, AT - 120 * 86400)["shown"].endswith("UTC+2")


@pytest.mark.parametrize(
    ("machine_zone", "shown"),
    [("XYZ-3", "2023-11-15 01:13 UTC+3"), ("UTC0", "2023-11-14 22:13 UTC")],
    indirect=["machine_zone"],
)
@pytest.mark.usefixtures("machine_zone")
def test_the_machines_own_otherwise(shown: str) -> None:
    assert moment(Site(origin="", prefix=""), AT)["shown"] == shown


def test_the_setting_is_checked(tmp_path: Path) -> None:
    assert Settings(data=tmp_path).zone() is None
    assert Settings(data=tmp_path, time_zone="Asia/Shanghai").zone() == ZoneInfo("Asia/Shanghai")
    for wrong in ("Asia/Nowhere", "UTC+8", "../etc/passwd", "/etc/localtime", "Asia", "a\0b"):
        with pytest.raises(ValueError, match="no time zone of the IANA database"):
            Settings(data=tmp_path, time_zone=wrong)
