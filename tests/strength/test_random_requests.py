"""A million random requests (30,000 in the suite): no 5xx, no hang, and all is well afterwards (threat D48)."""

import asyncio
import collections
import json
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.helpers.effort import FULL
from tests.strength.harness import AGENT, APP, STABLE_MINI, XCX, open_harness, token_of
from tests.strength.loader import Seen, load
from tests.strength.services import Service, ending

Operation = schemathesis.APIOperation[Any, Any, Any, Any]

REQUESTS = 1_000_000 if FULL else 30_000
CONNECTIONS = 8
SEED = 20_240_607
EXAMPLES = 200 if FULL else 4
"""Of schemathesis, for each operation."""

WORKER_MIB = 110
GROWTH_MIB = 24
"""How much a worker may grow by 20,000 requests once it is warm: caches that fill up to their bounds, and no leak."""

QUIET: dict[str, Any] = {"LOG_LEVEL": "info", "KEEPER__ALLOW_UNCONFIGURED": "false"}


@pytest.mark.timeout(3600 if FULL else 120)
@pytest.mark.threat("D48")
def test_random_requests(own_folder: Path) -> None:
    with open_harness(own_folder) as harness:
        harness.add(APP, STABLE_MINI, AGENT)
        service = harness.serve(workers=2, **QUIET)
        with ending(service):
            token = token_of(service.ask(XCX))
            began = time.monotonic()
            seen = asyncio.run(_storm(service.url, REQUESTS, SEED))
            lasted = time.monotonic() - began
            tell(
                f"{sum(seen.sent.values())} requests in {lasted:.0f} s: {dict(seen.statuses)}, {dict(seen.sent)}"
            )
            assert not seen.offences, "\n".join(seen.offences[:20])
            assert sum(seen.sent.values()) >= REQUESTS
            assert len(seen.statuses) > 5, "the requests were not random"
            assert token_of(service.ask(XCX)) == token
            assert service.ask("/health/ready")[0] == 200
            assert service.ready == 2, "a worker died"
            assert service.stop() == 0


async def _storm(url: str, count: int, seed: int) -> Seen:
    at = urlsplit(url)
    assert at.hostname is not None
    assert at.port is not None
    seen = Seen(collections.Counter(), [], collections.Counter())
    share = count // CONNECTIONS
    await asyncio.gather(
        *(load(at.hostname, at.port, seed + each, share, seen) for each in range(CONNECTIONS))
    )
    return seen


@pytest.mark.timeout(3600 if FULL else 120)
@pytest.mark.threat("D48")
def test_schemathesis(own_folder: Path) -> None:
    with open_harness(own_folder) as harness:
        harness.add(APP, STABLE_MINI, AGENT)
        service = harness.serve(**QUIET)
        with ending(service):
            document = json.loads(_read(service.url + "/openapi.json"))
            schema = schemathesis.openapi.from_dict(document)
            operations = [_ok(found) for found in schema.get_all_operations()]
            assert len(operations) > 20
            for operation in operations:
                _examine(service, operation)
            assert token_of(service.ask(XCX))


def _ok(found: Any) -> Operation:
    operation: Operation = found.ok()
    return operation


def tell(figures: str) -> None:
    """For `pytest -s` and `-rP`."""
    sys.stdout.write(f"\n{figures}\n")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        content: bytes = answer.read()
    return content


def _examine(service: Service, operation: Operation) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def examine(data: st.DataObject) -> None:
        case = data.draw(operation.as_strategy())
        answer = case.call(base_url=service.url, timeout=30)
        assert answer.status_code < 500, f"{answer.status_code}: {case.as_curl_command()}"

    examine()


@pytest.mark.timeout(300)
def test_a_workers_memory_is_bounded(own_folder: Path) -> None:
    with open_harness(own_folder) as harness:
        harness.add(APP, STABLE_MINI, AGENT)
        service = harness.serve(**QUIET)
        with ending(service):
            token_of(service.ask(XCX))
            process = psutil.Process(service.process.pid)
            asyncio.run(_storm(service.url, 5_000, SEED + 100))
            warm = process.memory_info().rss
            asyncio.run(_storm(service.url, 20_000, SEED + 200))
            grown = process.memory_info().rss
            tell(f"{warm / 2**20:.1f} MiB warm, {grown / 2**20:.1f} MiB after 20,000 more")
            assert (grown - warm) / 2**20 < GROWTH_MIB
            assert grown / 2**20 < WORKER_MIB
