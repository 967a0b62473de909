"""Limits of failed attempts: counted in the store for secrets that can be guessed, else in the process."""

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
"""Seconds for which a process caches that a source has no failures; it sees other processes' that much later."""
NO_LIMIT = 2**62
PROVEN = 90 * DAY
"""Seconds for which a network stays proven after an app authenticated from it."""
MOST_MARKS = 32
"""Most proven networks and browsers of one owner."""

Digest = Callable[..., bytes]


def too_many(retry_after: float) -> LingpaiError:
    """Return the error after too many failures. `retry_after` is in seconds."""
    return LingpaiError(
        Kind.TOO_MANY_REQUESTS, "Too many failed attempts; try again later.", retry_after=retry_after
    )


class SharedThrottle:
    """Refuses sources with too many wrong secrets, per (name, source) and per source, on all nodes together.

    A name as such is never locked, so one source cannot lock out another. Failures of a source under other names do
    not refuse a name that has authenticated from this source before.

    A verb calls `admit`, then decides without awaiting anything, then calls `fail` or `succeed`: so parallel guesses
    get no more attempts than guesses one after the other.

    Args:
        kind: the kind of secret.
        store: counts failures.
        clock: its steady time limits the age of cached reads.
        now: the issuer's time in seconds.
        digest: keyed digest of several texts.
        limits: the allowed failures and their window.
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

    def is_settled(self, name: str, source: str, owner: int) -> bool:
        """Return whether `admit` would admit an attempt at once and `succeed` would have nothing to write.

        For `owner`, see `admit`.
        """
        steady, clean = self._clock.steady(), self._clean
        return (
            clean.get((name, source), -math.inf) > steady
            and clean.get((source,), -math.inf) > steady
            and (owner, source) in self._proven
        )

    async def admit(self, name: str, source: str, owner: int | None = None) -> bool:
        """Admit an attempt, or refuse it.

        Args:
            name: the name that the secret is for.
            source: the origin of the attempt, such as a network.
            owner: row of the app of this name, if there is one.

        Returns:
            Whether failures of this name and source are counted, which `succeed` has to reset.

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
            if not used and owner is not None:  # so that unknown names use no memory
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
            self._failing[key] += 1  # so that it counts before it is stored
        try:
            now = self._now()
            taken = [(subject, NO_LIMIT) for subject in self._subjects(name, source)]
            await self._store.take_attempts(taken, now, now + self._limits().seconds)
        finally:
            self._failing -= Counter(keys)  # drops counts of zero

    async def succeed(self, name: str, source: str, owner: int | None = None, *, failed: bool) -> None:
        """Reset the failures of a name at a source after a right secret. `failed` is the result of `admit`.

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
        ):  # other names fail from there, so it may be needed after a restart
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
        del known[next(iter(known))]  # type: ignore[arg-type]  # a key of the same dict


class LocalThrottle:
    """Refuses networks with too many failures, per (name, network) and per network, in this process alone.

    For values that cannot be guessed, such as whole tokens: it limits the load that wrong ones cause.

    Args:
        clock: its steady time is used.
        limits: the allowed failures and their window.

    Attributes:
        failures: the counted failures; while there are none, `admit` admits everybody.
    """

    def __init__(self, clock: Clock, limits: Throttling) -> None:
        self._clock = clock
        self._limits = limits
        self.failures: OrderedDict[tuple[str, ...], tuple[int, float]] = OrderedDict()

    def admit(self, name: str, address: str) -> None:
        """Admit an attempt, or refuse it.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS, with `retry_after` in seconds.
        """
        if not self.failures:
            return
        limits = (self._limits.pair, self._limits.address)
        for subject, limit in zip(_keys(name, address), limits, strict=True):
            count, ends_at = self.failures.get(subject, (0, 0.0))
            left = ends_at - self._clock.steady()
            if count >= limit and left > 0:
                raise too_many(left)

    def fail(self, name: str, address: str) -> None:
        """Count a failure."""
        for subject in _keys(name, address):
            count, ends_at = self.failures.pop(subject, (0, 0.0))
            if ends_at <= self._clock.steady():
                count, ends_at = 0, self._clock.steady() + self._limits.seconds
            self.failures[subject] = (count + 1, ends_at)
        while len(self.failures) > MAX_SUBJECTS:
            self.failures.popitem(last=False)


def _keys(name: str, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    network = network_of(address)
    return (name, network), (network,)
