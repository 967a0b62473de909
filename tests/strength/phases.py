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

from tests.strength.arena import CLASSIC, XCX, Arena
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
        sent: the same where a database server may still do what it was told by a worker that has died since.
    """

    name: str
    kill: Callable[[Arena, Service], None]
    calls: tuple[int, ...]
    sent: tuple[int, ...] = ()

    def expected(self, arena: Arena) -> tuple[int, ...]:
        """How many upstream calls there may be with the arena's store."""
        return self.calls + (self.sent if arena.store else ())


def wait_until(happened: Callable[[], bool]) -> None:
    """Come back as soon as it has."""
    deadline = time.monotonic() + DEADLINE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"


@contextlib.contextmanager
def write_lock(arena: Arena) -> Iterator[None]:
    """No process can write to the database meanwhile."""
    if arena.store:
        with _connected(arena) as run:
            run("BEGIN")
            run("LOCK TABLE credentials IN EXCLUSIVE MODE")
            yield
            run("ROLLBACK")
        return
    with contextlib.closing(apsw.Connection(str(arena.database))) as connection:
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
def reading(arena: Arena, column: str) -> Iterator[Callable[[], object]]:
    """What a column of the one credential holds now."""
    query = f"SELECT {column} FROM credentials"
    if arena.store:
        with _connected(arena) as run:
            yield lambda: run(query)
        return
    with contextlib.closing(apsw.Connection(str(arena.database))) as connection:
        yield lambda: connection.execute(query).get


@contextlib.contextmanager
def _connected(arena: Arena) -> Iterator[Callable[[str], object]]:
    """Runs statements in the arena's PostgreSQL; gives the first value of the first row."""
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(arena.store))
        try:
            yield lambda statement: runner.run(connection.fetchval(statement))
        finally:
            runner.run(connection.close())


def catch_up(victim: Service) -> None:
    """The victim's loop has taken in all that had reached it before."""
    for _ in range(2):
        assert victim.ask("/health/live")[0] == 200


def before_the_lease(arena: Arena, victim: Service) -> None:
    with write_lock(arena), renewing(victim):
        catch_up(victim)
        victim.kill()


def after_the_lease(arena: Arena, victim: Service) -> None:
    arena.fault(f"slow:{SLOWLY}", CLASSIC)
    with reading(arena, "lease_holder") as holder, renewing(victim):
        wait_until(lambda: holder() is not None)
        victim.process.kill()
    victim.kill()
    arena.mend()


def call_under_way(arena: Arena, victim: Service) -> None:
    _while_slow(arena, victim, after=False)


def answer_under_way(arena: Arena, victim: Service) -> None:
    _while_slow(arena, victim, after=True)


def _while_slow(arena: Arena, victim: Service, *, after: bool) -> None:
    before = arena.calls(CLASSIC)
    arena.fault(f"slow:{SLOWLY}", CLASSIC, after=after)
    with renewing(victim):
        wait_until(lambda: arena.calls(CLASSIC) > before)
        victim.kill()


def before_the_save(arena: Arena, victim: Service) -> None:
    before, minted = arena.calls(CLASSIC), arena.newest()
    arena.fault(f"slow:{SLOWLY}", CLASSIC)
    with renewing(victim):
        wait_until(lambda: arena.calls(CLASSIC) > before)
        with write_lock(arena):
            wait_until(lambda: arena.newest() != minted)
            catch_up(victim)
            victim.kill()


def after_the_save(arena: Arena, victim: Service) -> None:
    with reading(arena, "version") as version:
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
