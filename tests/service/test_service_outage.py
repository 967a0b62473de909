"""`serve` and a database that is away: it is waited for at the start, and an outage is logged in lines, not pages."""

import asyncio
import collections
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingpai import serving
from lingpai.core.errors import LingpaiError
from lingpai.serving import wait_for_store
from lingpai.store.address import Address
from tests.helpers.postgres import make_template
from tests.helpers.postgres_server import Server, start_server
from tests.store.postgresql.hardship import run, until
from tests.strength.services import Heard, ask

NOWHERE = "http://127.0.0.1:1"
MOST_BYTES = 8_192
"""Bytes of lines about an unavailable store in one outage, of two workers."""


@pytest.fixture(scope="module")
def _own() -> Iterator[Server]:
    with start_server() as own:
        asyncio.run(make_template(own))
        asyncio.run(run(own.dsn("postgres"), "CREATE DATABASE lingpai TEMPLATE lingpai_template"))
        yield own


@pytest.fixture
def server(_own: Server) -> Iterator[Server]:
    """A server that a test may stop; it runs again afterwards."""
    yield _own
    if not _own.running:
        _own.start()


def test_an_outage_from_before_the_start_to_its_end(server: Server, tmp_path: Path) -> None:
    server.stop()
    service = Heard(tmp_path / "data", NOWHERE, workers=2, STORE=server.dsn("lingpai"), LOG_LEVEL="info")
    try:
        give_up = time.monotonic() + 30
        while not service.events("waiting_for_store"):
            assert time.monotonic() < give_up
            assert service.process.poll() is None, "it waits instead of ending"
            time.sleep(0.05)
        server.start()
        url = service.url
        assert ask(f"{url}/health/ready")[0] == 200
        assert service.events("workers_share_one_writer") == []
        [said] = service.events("waiting_for_store")
        assert "Error: " in said["detail"]
        assert "[redacted]" not in said["detail"]
        before = len(service.lines)
        asked = _outage(server, url)
        answer = service.lines[before:]
        assert [each for each in answer if "exception" in each] == []
        kinds = collections.Counter(each["event"] for each in answer)
        requests = kinds.pop("request", 0)
        assert requests <= asked
        refused = [each for each in answer if each.get("error") == "store_unavailable"]
        assert len(json.dumps(refused)) < MOST_BYTES, refused
        give_up = time.monotonic() + 30
        while not service.events("store_available_again"):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        [again, *_] = service.events("store_available_again")
        assert again["count"] > 0
        assert sum(kinds.values()) < 60, kinds
    finally:
        service.stop()


def _outage(server: Server, url: str) -> int:
    """Stop the database under requests for some seconds; returns how many were asked."""
    stop, asked = threading.Event(), [0] * 4

    def ask_on(place: int) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                ask(f"{url}/AccessToken/getXcx?appid=wx{place}&secret=unknown")
            asked[place] += 1
            time.sleep(0.02)

    threads = [threading.Thread(target=ask_on, args=(place,)) for place in range(len(asked))]
    for each in threads:
        each.start()
    time.sleep(0.5)
    server.stop()
    time.sleep(3)
    status, found = ask(f"{url}/health/ready")
    assert status == 503
    assert "Error: " in found["reasons"][0]["problem"]
    server.start()
    give_up = time.monotonic() + 30
    while ask(f"{url}/health/ready")[0] != 200:
        assert time.monotonic() < give_up
        time.sleep(0.1)
    stop.set()
    for each in threads:
        each.join()
    return sum(asked) + 400  # and the questions after readiness


async def test_a_database_that_refuses_is_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_ASK_EVERY", 0.05)
    address = Address(Path("none"), server.dsn("lingpai"))
    await asyncio.to_thread(server.stop)
    waiting = asyncio.ensure_future(wait_for_store(address, 60.0))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(waiting, 10)


async def test_a_database_that_takes_no_writes_yet_is_waited_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that is about to be promoted looks so."""
    monkeypatch.setattr(serving, "_ASK_EVERY", 0.05)
    dsn = server.dsn("lingpai")
    await run(dsn, "ALTER DATABASE lingpai SET default_transaction_read_only = on")
    waiting = asyncio.ensure_future(wait_for_store(Address(Path("none"), dsn), 60.0))

    async def has_asked() -> bool:
        await asyncio.sleep(0.3)
        return True

    await until(has_asked)
    assert not waiting.done()
    await run(server.dsn("postgres"), "ALTER DATABASE lingpai RESET default_transaction_read_only")
    await asyncio.wait_for(waiting, 10)


async def test_waiting_has_an_end(server: Server) -> None:
    await asyncio.to_thread(server.stop)
    with pytest.raises(LingpaiError) as raised:
        await wait_for_store(Address(Path("none"), server.dsn("lingpai")), 0.0)
    assert "Error: " in (raised.value.detail or "")


@pytest.mark.parametrize("change", [("/lingpai?", "/nowhere?"), ("lingpai@", "nobody@")])
async def test_what_waiting_does_not_mend_ends_it(server: Server, change: tuple[str, str]) -> None:
    with pytest.raises(LingpaiError):
        await asyncio.wait_for(
            wait_for_store(Address(Path("none"), server.dsn("lingpai").replace(*change)), 600.0), 30
        )


async def test_an_embedded_store_is_not_waited_for(tmp_path: Path) -> None:
    await wait_for_store(Address(tmp_path / "lingpai.db"), 600.0)
