"""kill -9 at any moment: no account is lost, no second token is in use, nothing storms (threats K86, K95)."""

import os
import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.helpers.effort import FULL
from tests.strength.harness import CLASSIC, CLASSIC_APP, CLEAR_XCX, HELD, XCX, Harness, open_harness, token_of
from tests.strength.phases import PHASES, Phase, reading
from tests.strength.services import Service, ending

ROUNDS = 100 if FULL else 12
SERVICES = 3
LEASE = 1.2
QUIET = 2.0
"""Seconds without a caller after which a storm would have shown."""

FAST: dict[str, Any] = {
    "KEEPER__LEASE": LEASE,
    "UPSTREAM_TIMEOUT": 1.0,
    "KEEPER__CLEAR_APART": 0.001,
    "KEEPER__CLEARS_A_DAY": 10**6,
}


@pytest.mark.timeout(900 if FULL else 120)
@pytest.mark.threat("K86")
def test_kill_in_each_phase_of_a_renewal(own_folder: Path, store: str) -> None:
    with open_harness(own_folder, store=store, token_overlap=60, classic_quota=10**6) as harness:
        harness.add(CLASSIC_APP)
        services = [harness.serve(**FAST) for _ in range(SERVICES)]
        expected = _first(services[0], harness)
        try:
            for number in range(ROUNDS):
                context = number % SERVICES
                survivors = [service for service in services if service is not services[context]]
                calls = _round(harness, PHASES[number % len(PHASES)], services[context], survivors)
                expected += calls
                services[context] = harness.serve(**FAST)
            tokens = {token_of(service.ask(XCX)) for service in services}
            time.sleep(QUIET)
            assert len(tokens) == 1
            assert harness.calls(CLASSIC) == expected
        finally:
            for service in services:
                service.kill()


def _first(service: Service, harness: Harness) -> int:
    token_of(service.ask(XCX))
    return harness.calls(CLASSIC)


def _round(harness: Harness, phase: Phase, victim: Service, survivors: list[Service]) -> int:
    """One death and what comes after it; how many upstream calls it cost."""
    urls = [service.url for service in survivors]
    assert all(urls)
    before = harness.calls(CLASSIC)
    assert survivors[0].ask(CLEAR_XCX)[1]["code"] == 0
    phase.kill(harness, victim)
    token = token_of(survivors[0].ask(XCX))
    assert token == token_of(survivors[1].ask(XCX)), phase.name
    assert token == harness.newest(), f"{phase.name}: not the upstream's newest, which outlives all others"
    with reading(harness, "count(*)") as credentials:
        assert credentials() == 1, phase.name
    calls = harness.calls(CLASSIC) - before
    assert calls in phase.expected(harness), f"{phase.name}: {calls} upstream calls"
    held = survivors[0].ask(HELD)[1]
    assert held["previous"] is None or harness.lives(held["previous"]["value"]), phase.name
    return calls


@pytest.mark.threat("K95")
def test_workers_killed_under_a_supervisor_are_replaced_without_a_refetch(
    own_folder: Path, store: str
) -> None:
    with open_harness(own_folder, store=store) as harness:
        harness.add(CLASSIC_APP)
        service = harness.serve(workers=2)
        with ending(service):
            token = token_of(service.ask(XCX))
            for killed in range(1, 3):
                os.kill(_workers(service)[0], signal.SIGKILL)
                service.wait_ready(2 + killed)
                assert token_of(service.ask(XCX)) == token
            assert len(_workers(service)) == 2
            assert service.stop() == 0
        again = harness.serve()
        with ending(again):
            assert token_of(again.ask(XCX)) == token
            assert harness.calls() == 1


def _workers(service: Service) -> list[int]:
    """Process ids of a supervisor's workers, without Python's own resource tracker."""
    children = psutil.Process(service.process.pid).children()
    return [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
