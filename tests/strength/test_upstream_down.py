"""The upstream is down for the whole life of a token but the last part: not one caller sees an error (K87)."""

import time
from pathlib import Path

import pytest

from tests.strength.callers import calling
from tests.strength.harness import AGENT, CLASSIC_APP, MINI, QYAPI, STABLE_MINI, XCX, open_harness
from tests.strength.services import ending

LIFE = 12.0
LAST = 2.5
"""Seconds before the end of the tokens in which the upstream is back."""

AFTER = 4.0
OUTAGE = ("reset", "http500", "html", "errcode:-1", "drop", "empty", "no_expires_in") * 30
CALLS_WHILE_DOWN = 40
"""At most, of three accounts: an outage is no reason to storm."""


@pytest.mark.threat("K87")
def test_upstream_down_for_all_but_the_last_part(own_folder: Path) -> None:
    with open_harness(own_folder, token_lifetime=LIFE) as harness:
        harness.add(CLASSIC_APP, STABLE_MINI, AGENT)
        service = harness.serve(workers=2)
        with ending(service):
            urls = [service.url + path for path in (XCX, MINI, QYAPI)]
            with calling(harness, urls) as callers:
                time.sleep(1)
                first = [caller.tokens[0] for caller in callers]
                ends = time.monotonic() + min(harness.rest(token) for token in first)
                for fault in OUTAGE:
                    harness.fault(fault)
                before = harness.calls()
                time.sleep(max(0.0, ends - LAST - time.monotonic()))
                while_down = harness.calls() - before
                assert [caller.tokens for caller in callers] == [[token] for token in first]
                harness.mend()
                time.sleep(LAST + AFTER)
            assert [caller.troubles for caller in callers] == [[], [], []]
            assert all(len(caller.tokens) > 1 for caller in callers)
            assert min(caller.answers for caller in callers) > LIFE / 2
            assert 1 <= while_down <= CALLS_WHILE_DOWN
