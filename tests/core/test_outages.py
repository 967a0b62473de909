"""An outage of the store is a line of each kind and a count, however many requests come."""

from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from lingpai.core import outages
from lingpai.core.clock import VirtualClock
from lingpai.core.outages import AGAIN_AFTER, OutageLines


class Heard:
    """The lines that were written."""

    def __init__(self, clock: VirtualClock) -> None:
        self.outage = OutageLines(clock.steady)
        self.lines: list[dict[str, Any]] = []

    def say(self, error: str = "store_unavailable", **fields: Any) -> None:
        try:
            line = {"event": "request", "error": error} | fields
            self.lines.append(dict(self.outage.process(None, "info", line)))
        except structlog.DropEvent:
            return

    def end(self) -> list[Any]:
        with capture_logs() as said:
            self.outage.end()
        return [(line["event"], line["count"], line["seconds"]) for line in said]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    monkeypatch.setattr(outages, "_log", structlog.get_logger("test"))
    return Heard(VirtualClock())


def test_one_line_of_each_kind_and_a_count_at_the_end(heard: Heard) -> None:
    for _ in range(1000):
        for fields in ({"route": "/a"}, {"route": "/b"}, {"event": "background_paused"}):
            heard.say(**fields)
    assert len(heard.lines) == 3
    assert heard.end() == [("store_available_again", 3 * 999, 0.0)]
    assert heard.end() == []


def test_the_next_outage_is_written_again(heard: Heard) -> None:
    for _ in range(2):
        heard.say(route="/a")
        assert heard.end() == []
    assert [line["route"] for line in heard.lines] == ["/a", "/a"]


def test_other_refusals_are_never_left_out(heard: Heard) -> None:
    for _ in range(5):
        heard.say("forbidden", route="/a")
        heard.say(route="/a", detail="cancelled")
    assert len(heard.lines) == 10
    assert heard.end() == []


def test_a_long_outage_is_written_again_with_the_count_so_far() -> None:
    clock = VirtualClock()
    heard = Heard(clock)
    for _ in range(11):
        heard.say(route="/a")
    clock.advance(AGAIN_AFTER)
    heard.say(route="/a")
    assert [line.get("count") for line in heard.lines] == [None, 10]
