"""Passwords as argon2id (RFC 9106), hashed in threads, few at a time."""

import asyncio
import contextlib
import unicodedata
from collections import deque
from collections.abc import AsyncIterator

import argon2

from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.foreign_hashes import UnknownHashError, read_hash

MAX_PASSWORD = 1024
"""Most characters of a password, so that hashing cannot be used to overload the service."""
WAITING = 20
"""Most waiters of one queue: with two hashes at a time, of 150 ms each, the last one waits for 1.5 seconds."""
LONGEST_WAIT = 4.0
"""Longest wait in seconds: hashing takes many times as long where processors are slow or busy."""
_OWN = "$argon2id$"
RETRY_AFTER = 5.0
"""Seconds after which a login that was refused for a full queue may be tried again."""


class PrioritySemaphore:
    """A semaphore with two queues of waiters, of which the first has priority.

    Args:
        at_once: the number of turns at a time.
        waiting: most waiters of one queue.
        longest: longest wait in seconds.
    """

    def __init__(self, at_once: int, waiting: int = WAITING, longest: float = LONGEST_WAIT) -> None:
        self._free = at_once
        self._waiting = waiting
        self._longest = longest
        self._queues: tuple[deque[asyncio.Future[None]], ...] = (deque(), deque())

    @contextlib.asynccontextmanager
    async def turn(self, *, first: bool, bounded: bool = True) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block.

        Args:
            first: whether to wait in the queue with priority.
            bounded: whether to fail when the queue is full or the wait is too long.

        Raises:
            LingpaiError: BUSY, with `retry_after` in seconds.
        """
        try:
            async with asyncio.timeout(self._longest if bounded else None):
                await self._enter(self._queues[not first], bounded=bounded)
        except TimeoutError:
            raise _busy() from None
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, queue: deque[asyncio.Future[None]], *, bounded: bool) -> None:
        if self._free:
            self._free -= 1
            return
        if bounded and len(queue) >= self._waiting:
            raise _busy()
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in queue:
                queue.remove(turn)
            elif not turn.cancelled():  # the turn was granted at the same time
                self._leave()
            raise

    def _leave(self) -> None:
        for queue in self._queues:
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1


def _busy() -> LingpaiError:
    return LingpaiError(Kind.BUSY, "Too many logins at the moment; try again.", retry_after=RETRY_AFTER)


class Passwords:
    """Hashes and checks passwords without holding up the event loop.

    Args:
        hasher: argon2id with its costs; the library's defaults (RFC 9106, low memory) when not given.
        at_once: how many may be hashed at the same time; each takes 64 MiB and a thread.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._hashing = PrioritySemaphore(at_once)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Return the password's hash, with its salt and costs.

        Raises:
            ValueError: when it is longer than `MAX_PASSWORD`.
        """
        if len(password) > MAX_PASSWORD:
            raise ValueError(f"A password may have {MAX_PASSWORD} characters at most.")
        async with self._hashing.turn(first=True, bounded=False):
            return await self.hash_now(password)

    async def hash_now(self, password: str) -> str:
        """Return the password's hash, as `hash`, within a turn that one has."""
        return await asyncio.to_thread(self._hasher.hash, _bytes(normal(password)))

    def turn(self, *, known: bool) -> contextlib.AbstractAsyncContextManager[None]:
        """Wait for a turn to check a password with `verify`, which lasts as long as the block.

        Args:
            known: whether the browser or the network has logged in to the account before: they go first.

        Raises:
            LingpaiError: BUSY, with `retry_after` in seconds, when too many wait already.
        """
        return self._hashing.turn(first=known)

    async def verify(self, password_hash: str, password: str) -> bool:
        """Return whether the password matches. Takes the same time when there is no hash ("")."""
        right = await asyncio.to_thread(self._verify, password_hash, password[:MAX_PASSWORD])
        return right and len(password) <= MAX_PASSWORD

    def _verify(self, password_hash: str, password: str) -> bool:
        if not password_hash:
            if self._nobody is None:
                self._nobody = self._hasher.hash("nobody's")
            self._fits(self._nobody, password)
            return False
        return self._fits(password_hash, password)

    def _fits(self, password_hash: str, password: str) -> bool:
        """Return whether the password matches in its normal form, or unchanged, as earlier releases hashed it."""
        readings = dict.fromkeys((normal(password), password))
        fits = [
            self._matches(password_hash, reading) for reading in readings
        ]  # compare all of them, whichever matches
        return any(fits)

    async def renewed(self, password_hash: str, password: str) -> str:
        """Return a hash of our own in place of one that another system or weaker costs made; "" when it is current.

        For a password that was just verified, within the same turn.
        """
        if password_hash.startswith(_OWN) and not self._hasher.check_needs_rehash(password_hash):
            return ""
        return await self.hash_now(password)

    def _matches(self, password_hash: str, password: str) -> bool:
        try:
            return read_hash(password_hash).matches(_bytes(password))
        except UnknownHashError:
            return False


def normal(password: str) -> str:
    """Return the normal form of a password, which is hashed (NFKC; NIST SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _bytes(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")
