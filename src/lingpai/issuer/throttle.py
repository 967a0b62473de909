"""Counting wrong guesses: in the store where a right one would pay, in the process where no guess ever is right."""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable

from lingpai.core.clock import Clock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.networks import network_of
from lingpai.issuer.policy import DAY, Throttling
from lingpai.store.issuer_port import IssuerStore, Owner

MAX_SUBJECTS = 10_000
FRESH = 1.0
"""Seconds for which a process believes that nobody failed; it meets the failures of other processes that much later."""
NO_LIMIT = 2**62
PROVEN = 90 * DAY
"""Seconds for which a network is remembered from which an app showed the right secret."""
MOST_MARKS = 32
"""How many networks and browsers of one owner are remembered."""

Digest = Callable[..., bytes]


def too_many(retry_after: float) -> LingpaiError:
    """What anybody is told who failed too often. `retry_after` is in seconds."""
    return LingpaiError(
        Kind.TOO_MANY_REQUESTS, "Too many failed attempts; try again later.", retry_after=retry_after
    )


class Guesses:
    """Refuses who guessed a secret wrongly too often, per (name, source) and per source, on every node alike.

    A name is never shut out as such, so nobody can shut out who comes from elsewhere. Of what one source does under
    other names, nobody is refused who showed the right secret from there before.

    The verb asks `admit`, then decides without waiting for anything, then says `fail` or `succeed`: so of guesses that
    come at the same time, no more are looked at than of those that come one by one.

    Args:
        kind: what is guessed.
        store: where failures are counted.
        clock: its steady time says how long a look into the store is good for.
        now: the issuer's time in seconds.
        digest: keyed digest of several texts.
        limits: how many failures are borne, and for how long they are held against somebody.
    """

    def __init__(
        self,
        kind: str,
        store: IssuerStore,
        clock: Clock,
        *,
        now: Callable[[], int],
        digest: Digest,
        limits: Callable[[], Throttling],
    ) -> None:
        self._kind = kind
        self._store = store
        self._clock = clock
        self._now = now
        self._digest = digest
        self._limits = limits
        self._clean: dict[tuple[str, ...], float] = {}
        self._failing: Counter[tuple[str, ...]] = Counter()
        self._proven: dict[tuple[int, str], bool] = {}

    async def admit(self, name: str, source: str, owner: int | None = None) -> bool:
        """Let pass who may try.

        Args:
            name: whose secret it is said to be.
            source: where the guess comes from, such as a network.
            owner: row of the app of this name, if there is one.

        Returns:
            Whether failures of this name from there count, which `succeed` is to forget.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS, with `retry_after` in seconds; STORE_UNAVAILABLE.
        """
        steady = self._clock.steady()
        pair, whole = (name, source), (source,)
        if self._clean.get(pair, -math.inf) > steady and self._clean.get(whole, -math.inf) > steady:
            return False
        limits, now = self._limits(), self._now()
        found = await self._store.read_attempts(self._subjects(name, source), now)
        for key, limit, attempts in zip((pair, whole), (limits.pair, limits.address), found, strict=True):
            used = attempts.used + self._failing[key]
            if used >= limit and not (key == whole and await self._is_proven(owner, source)):
                raise too_many(attempts.ends_at - now if attempts.ends_at else limits.seconds)
            if not used and owner is not None:  # so that invented names take no memory
                self._note_clean(key, steady + FRESH)
        return found[0].used > 0

    async def fail(self, name: str, source: str) -> None:
        """Count a wrong guess.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        keys = ((name, source), (source,))
        for key in keys:
            self._clean.pop(key, None)
            self._failing[key] += 1  # so that it counts before it is written
        try:
            now = self._now()
            taken = [(subject, NO_LIMIT) for subject in self._subjects(name, source)]
            await self._store.take_attempts(taken, now, now + self._limits().seconds)
        finally:
            self._failing -= Counter(keys)  # keeps none that came to nothing

    async def succeed(self, name: str, source: str, owner: int | None = None, *, failed: bool) -> None:
        """Forget the failures of a name at a source: the secret is known there. For `failed`, see `admit`.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if failed:
            await self._store.forget_attempts(self._subjects(name, source)[:1])
        if owner is None:
            return
        written = self._proven.get((owner, source))
        if written is None:
            _bound(self._proven)
            self._proven[owner, source] = False
        if (
            not written and (source,) not in self._clean
        ):  # others fail there, so it may be needed after a restart
            ends_at = self._now() + PROVEN
            await self._store.keep_marks(Owner.APP, owner, [self._mark(source)], ends_at, MOST_MARKS)
            self._proven[owner, source] = True

    async def _is_proven(self, owner: int | None, source: str) -> bool:
        if owner is None:
            return False
        if (owner, source) not in self._proven:
            mark = self._mark(source)
            if mark not in await self._store.find_marks(Owner.APP, owner, [mark], self._now()):
                return False
            _bound(self._proven)
            self._proven[owner, source] = True
        return True

    def _subjects(self, name: str, source: str) -> tuple[bytes, bytes]:
        return self._digest(self._kind, "pair", name, source), self._digest(self._kind, "source", source)

    def _mark(self, source: str) -> bytes:
        return self._digest(self._kind, "proven", source)

    def _note_clean(self, key: tuple[str, ...], until: float) -> None:
        self._clean.pop(key, None)
        _bound(self._clean)
        self._clean[key] = until


def _bound(known: dict[tuple[str, ...], float] | dict[tuple[int, str], bool]) -> None:
    if len(known) >= MAX_SUBJECTS:
        del known[next(iter(known))]  # type: ignore[arg-type]  # a key of this very dict


class Throttle:
    """Refuses who failed too often, per (name, network) and per network, in this process alone.

    For what nobody ever guesses, such as whole tokens: it keeps callers from keeping us busy.

    Args:
        clock: its steady time counts.
        limits: how many failures are borne, and for how long they are held against somebody.
    """

    def __init__(self, clock: Clock, limits: Throttling) -> None:
        self._clock = clock
        self._limits = limits
        self._failures: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()

    def admit(self, name: str, address: str) -> None:
        """Let pass who may try.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS, with `retry_after` in seconds.
        """
        if not self._failures:
            return
        limits = (self._limits.pair, self._limits.address)
        for subject, limit in zip(_keys(name, address), limits, strict=True):
            count, ends_at = self._failures.get(subject, (0, 0.0))
            left = ends_at - self._clock.steady()
            if count >= limit and left > 0:
                raise too_many(left)

    def fail(self, name: str, address: str) -> None:
        """Count a failure."""
        for subject in _keys(name, address):
            count, ends_at = self._failures.pop(subject, (0, 0.0))
            if ends_at <= self._clock.steady():
                count, ends_at = 0, self._clock.steady() + self._limits.seconds
            self._failures[subject] = (count + 1, ends_at)
        while len(self._failures) > MAX_SUBJECTS:
            self._failures.popitem(last=False)


def _keys(name: str, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    network = network_of(address)
    return (name, network), (network,)
