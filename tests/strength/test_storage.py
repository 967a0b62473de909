"""The disk is full, the database is gone, locked or not one: what lives is served, the rest gets an error (K95, G73).

Everything happens to a service that runs, and it has to recover without a restart.
"""

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import psutil
import pytest

from lingpai.sandbox import SAMPLE_CORP
from lingpai.sandbox.options import SAMPLE_CONTACTS
from tests.strength.harness import (
    APP,
    CLASSIC,
    GETTOKEN,
    STABLE,
    STABLE_MINI,
    XCX,
    Harness,
    open_harness,
    token_of,
)
from tests.strength.phases import wait_until
from tests.strength.services import Service, ending

UNHELD = f"/AccessToken/getQyapi?corpid={SAMPLE_CORP.corpid}&secret={SAMPLE_CONTACTS.secret}"
"""What has to be written down to be answered: nobody has asked for it before."""

UNHELD_DROPIN = f"/cgi-bin/gettoken?corpid={SAMPLE_CORP.corpid}&corpsecret={SAMPLE_CONTACTS.secret}"
STORE_UNAVAILABLE = 503

Hardship = Callable[[Harness, Service], contextlib.AbstractContextManager[None]]


def _processes(service: Service) -> list[int]:
    process = psutil.Process(service.process.pid)
    return [process.pid, *(child.pid for child in process.children(recursive=True))]


@contextlib.contextmanager
def file_size_limit(harness: Harness, service: Service) -> Iterator[None]:
    """No file can grow or be written any more: each write fails, as on a full disk, for root as well."""
    pids = _processes(service)
    before = [resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids]
    for pid, (_, most) in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, most))
    yield
    for pid, limits in zip(pids, before, strict=True):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextlib.contextmanager
def moved_away(harness: Harness, service: Service) -> Iterator[None]:
    """The database's files are not where they were; what has them open can still read them."""
    away = harness.data / "away"
    away.mkdir()
    files = list(harness.data.glob("lingpai.db*"))
    assert files
    for file in files:
        file.rename(away / file.name)
    yield
    for file in harness.data.glob("lingpai.db*"):
        file.unlink()
    for file in away.iterdir():
        file.rename(harness.data / file.name)


@contextlib.contextmanager
def locked(harness: Harness, service: Service) -> Iterator[None]:
    """Somebody else holds the write lock and does not let go."""
    with contextlib.closing(apsw.Connection(str(harness.database))) as connection:
        connection.set_busy_timeout(30_000)  # until a write of the service that is under way has ended
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


HARDSHIPS: dict[str, Hardship] = {"disk full": file_size_limit, "database locked": locked}


@pytest.mark.parametrize(
    ("hardship", "workers"), [("disk full", 1), ("disk full", 2), ("database locked", 2)]
)
@pytest.mark.threat("K95")
def test_what_lives_is_served_and_the_rest_recovers(own_folder: Path, hardship: str, workers: int) -> None:
    with open_harness(own_folder) as harness:
        harness.add(APP, STABLE_MINI)
        service = harness.serve(workers=workers)
        with ending(service):
            token = token_of(service.ask(XCX))
            wait_until(lambda: harness.calls() == 2)  # the background has fetched the other one
            with HARDSHIPS[hardship](harness, service):
                _suffer(service, token)
            _recover(harness, service, token)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.threat("K95")
def test_the_database_is_gone_and_comes_back(own_folder: Path, workers: int) -> None:
    with open_harness(own_folder) as harness:
        harness.add(APP, STABLE_MINI)
        service = harness.serve(workers=workers)
        with ending(service):
            token = token_of(service.ask(XCX))
            wait_until(lambda: harness.calls() == 2)
            with moved_away(harness, service):
                # What has the file open goes on with it; what has not says so. Nobody hands out another token.
                for _ in range(10):
                    status, found = service.ask(XCX)
                    assert (status, found["data"].get("access_token")) in (
                        (200, token),
                        (STORE_UNAVAILABLE, None),
                    )
                    assert service.ask(UNHELD)[0] in (200, STORE_UNAVAILABLE)
            _recover(harness, service, token)


def _recover(harness: Harness, service: Service, token: str) -> None:
    wait_until(lambda: service.ask(UNHELD)[0] == 200)
    assert token_of(service.ask(XCX)) == token
    assert token_of(service.ask(UNHELD))
    wait_until(lambda: service.ask("/health/ready")[0] == 200)
    assert harness.calls(CLASSIC, STABLE, GETTOKEN) == 3, "an account was fetched twice, or lost"
    assert service.stop() == 0
    again = harness.serve()
    with ending(again):
        assert token_of(again.ask(XCX)) == token
        assert harness.calls(CLASSIC, STABLE, GETTOKEN) == 3


def _suffer(service: Service, token: str) -> None:
    paths = (XCX, UNHELD, UNHELD_DROPIN, "/health/ready", "/health/live", XCX)
    service.wait_ready(1)
    with ThreadPoolExecutor(len(paths)) as callers:  # a locked store is waited for: side by side
        held, seed, dropin, ready, live, again = callers.map(service.ask, paths)
    assert {token_of(held), token_of(again)} == {token}
    assert (seed[0], seed[1]["code"], seed[1]["data"]) == (STORE_UNAVAILABLE, STORE_UNAVAILABLE, {})
    assert seed[1]["msg"]
    assert (dropin[0], dropin[1]["errcode"]) == (STORE_UNAVAILABLE, -1)
    assert (live[0], ready[0]) == (200, STORE_UNAVAILABLE)
    assert token_of(service.ask(XCX)) == token


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own, of a megabyte."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def may_mount() -> bool:
    """Whether this process may mount anything: root on a machine of its own, not in every container."""
    command = "mount -t tmpfs tmpfs /mnt && umount /mnt"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", command], check=False, capture_output=True)
    return done.returncode == 0


@pytest.mark.threat("K95")
def test_a_disk_without_a_byte_left(own_folder: Path) -> None:
    if shutil.which("unshare") is None or not may_mount():
        pytest.skip("no right to mount a small disk here; the limit on file sizes is tested above")
    with small_disk(own_folder), open_harness(own_folder) as harness:
        harness.add(APP)
        service = harness.serve()
        with ending(service):
            token = token_of(service.ask(XCX))
            ballast = own_folder / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            _exhaust(harness, service)
            _suffer(service, token)
            ballast.unlink()
            wait_until(lambda: service.ask(UNHELD)[0] == 200)
            assert token_of(service.ask(XCX)) == token
            assert harness.calls() == 2
            assert service.stop() == 0


def _exhaust(harness: Harness, service: Service) -> None:
    """Use up what the log of the database has left in blocks that it owns already."""
    for number in range(200):
        if service.ask(f"/AccessToken/getXcx?appid=wx{number:016d}&secret={number:032d}")[0] != 200:
            return
    raise AssertionError("a full disk was not felt")
