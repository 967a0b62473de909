"""SIGTERM in the middle of a classic renewal: nothing that is dead is given out as alive after it (threat K86)."""

from pathlib import Path
from typing import Any

import pytest

from tests.strength.harness import CLASSIC, CLASSIC_APP, CLEAR_XCX, HELD, XCX, Harness, open_harness, token_of
from tests.strength.phases import renewing, wait_until
from tests.strength.services import Json, Service, ending

SLOWLY = 3.0
"""Seconds that the upstream takes for its answer: more than requests under way are given."""

ENDINGS: dict[str, dict[str, Any]] = {
    "the answer comes in time": {},
    "the answer never comes": {"UPSTREAM_TIMEOUT": SLOWLY / 2},
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("case", ENDINGS)
@pytest.mark.threat("K86")
def test_sigterm_in_the_middle_of_a_renewal(own_folder: Path, store: str, case: str, workers: int) -> None:
    with open_harness(own_folder, store=store, token_overlap=60) as harness:
        harness.add(CLASSIC_APP)
        service = harness.serve(workers=workers, DRAIN=0.1, KEEPER__CLEAR_APART=0.001, **ENDINGS[case])
        with ending(service):
            first = token_of(service.ask(XCX))
            held = _stopped_in_a_renewal(harness, service)
        assert harness.lives(held["value"])
        assert held["previous"] is None or harness.lives(held["previous"]["value"])
        if case == "the answer comes in time":
            assert harness.calls(CLASSIC) == 2
            assert held["previous"]["value"] == first
        else:
            assert harness.calls(CLASSIC) == 3
            assert not harness.lives(first)
        assert held["value"] == harness.newest()


def _stopped_in_a_renewal(harness: Harness, service: Service) -> Json:
    """What is held after a renewal that SIGTERM met, and the start after that."""
    assert service.ask(CLEAR_XCX)[1]["code"] == 0
    harness.fault(f"slow:{SLOWLY}", CLASSIC, after=True)
    with renewing(service):
        wait_until(lambda: harness.calls(CLASSIC) == 2)
        assert service.stop() == 0
    again = harness.serve()
    with ending(again):
        token_of(again.ask(XCX))
        wait_until(lambda: again.ask(HELD)[1]["value"] == harness.newest())
        status, held = again.ask(HELD)
        assert status == 200
        return held
