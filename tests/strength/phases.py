"""The phases of a renewal, each with a way to kill a worker just then, and without any hook in the service.

What holds the worker in its phase is from outside: a lock of the database that the test itself takes, or an
upstream that takes its time before it acts or after.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import apsw
import asyncpg

from tests.strength.harness import CLASSIC, XCX, Harness
from tests.strength.services import Service

SLOWLY = 0.4
"""Seconds that the upstream takes; below the service's timeout."""

DEADLINE = 10.0


class Phase(NamedTuple):
    """One way to die.

    Attributes:
        name: what the worker was doing.
        kill: has the victim renew and kills it in that phase.
        calls: how many upstream calls there are in the end: those of the victim, and one of whoever takes over.
        sent: the same where a database server may still do what it was asked by a worker that has died since.
    """

    name: str
    kill: Callable[[Harness, Service], None]
    calls: tuple[int, ...]
    sent: tuple[int, ...] = ()

    def expected(self, harness: Harness) -> tuple[int, ...]:
        """How many upstream calls there may be with the harness's store."""
        return self.calls + (self.sent if harness.store else ())


def wait_until(happened: Callable[[], bool]) -> None:
    """Come back as soon as it has."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"


@contextlib.contextmanager
def write_lock(harness: Harness) -> Iterator[None]:
    """No process can write to the database meanwhile."""
    if harness.store:
        with _connected(harness) as run:
            run("BEGIN")
            run("LOCK TABLE credentials IN EXCLUSIVE MODE")
            yield
            run("ROLLBACK")
        return
    with contextlib.closing(apsw.Connection(str(harness.database))) as connection:
        connection.set_busy_timeout(int(DEADLINE * 1000))
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def renewing(victim: Service) -> Iterator[None]:
    """A caller of the victim waits for what it renews."""
    at = urlsplit(victim.url)
    with socket.create_connection((at.hostname, at.port)) as caller:
        caller.sendall(f"GET {XCX} HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
        yield


@contextlib.contextmanager
def reading(harness: Harness, column: str) -> Iterator[Callable[[], object]]:
    """What a column of the one credential holds now."""
    query = f"SELECT {column} FROM credentials"
    if harness.store:
        with _connected(harness) as run:
            yield lambda: run(query)
        return
    with contextlib.closing(apsw.Connection(str(harness.database))) as connection:
        yield lambda: connection.execute(query).get


@contextlib.contextmanager
def _connected(harness: Harness) -> Iterator[Callable[[str], object]]:
    """Runs statements in the harness's PostgreSQL; gives the first value of the first row."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(harness.store))
        try:
            yield lambda statement: runner.run(connection.fetchval(statement))
        finally:
            runner.run(connection.close())


def catch_up(victim: Service) -> None:
    """The victim's loop has taken in all that had reached it before."""
    for _ in range(2):
        assert victim.ask("/health/live")[0] == 200


def before_the_lease(harness: Harness, victim: Service) -> None:
    with write_lock(harness), renewing(victim):
        catch_up(victim)
        victim.kill()


def after_the_lease(harness: Harness, victim: Service) -> None:
    harness.fault(f"slow:{SLOWLY}", CLASSIC)
    with reading(harness, "lease_holder") as holder, renewing(victim):
        wait_until(lambda: holder() is not None)
        victim.process.kill()
    victim.kill()
    harness.mend()


def call_under_way(harness: Harness, victim: Service) -> None:
    _while_slow(harness, victim, after=False)


def answer_under_way(harness: Harness, victim: Service) -> None:
    _while_slow(harness, victim, after=True)


def _while_slow(harness: Harness, victim: Service, *, after: bool) -> None:
    before = harness.calls(CLASSIC)
    harness.fault(f"slow:{SLOWLY}", CLASSIC, after=after)
    with renewing(victim):
        wait_until(lambda: harness.calls(CLASSIC) > before)
        victim.kill()


def before_the_save(harness: Harness, victim: Service) -> None:
    before, minted = harness.calls(CLASSIC), harness.newest()
    harness.fault(f"slow:{SLOWLY}", CLASSIC)
    with renewing(victim):
        wait_until(lambda: harness.calls(CLASSIC) > before)
        with write_lock(harness):
            wait_until(lambda: harness.newest() != minted)
            catch_up(victim)
            victim.kill()


def after_the_save(harness: Harness, victim: Service) -> None:
    with reading(harness, "version") as version:
        before = version()
        with renewing(victim):
            wait_until(lambda: version() != before)
            victim.kill()


PHASES = (
    Phase("before the lease", before_the_lease, (1,)),
    Phase("after the lease", after_the_lease, (1, 2)),
    Phase("the call is under way", call_under_way, (2,)),
    Phase("the answer is under way", answer_under_way, (2,)),
    Phase("before the save", before_the_save, (2,), sent=(1,)),
    Phase("after the save", after_the_save, (1,)),
)
