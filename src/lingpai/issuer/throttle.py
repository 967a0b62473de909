"""Counting failures in this process: for what is too frequent to be counted in the store."""

from collections import OrderedDict

from lingpai.core.clock import Clock
from lingpai.core.errors import Kind, LingpaiError
from lingpai.issuer.policy import Throttling

MAX_SUBJECTS = 10_000


class Throttle:
    """Refuses who failed too often, per (name, address) and per address.

    A name is never shut out as such, so nobody can shut out a legitimate client that comes from elsewhere
    (D46).

    Args:
        clock: its steady time counts.
        limits: how many failures are borne, and for how long they are held against somebody.
    """

    def __init__(self, clock: Clock, limits: Throttling) -> None:
        self._clock = clock
        self._limits = limits
        self._failures: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()

    def admit(self, name: str, address: str) -> None:
        """Let pass who may try.

        Raises:
            LingpaiError: TOO_MANY_REQUESTS, with `retry_after` in seconds.
        """
        if not self._failures:
            return
        for subject, limit in (((name, address), self._limits.pair), (("", address), self._limits.address)):
            count, ends_at = self._failures.get(subject, (0, 0.0))
            left = ends_at - self._clock.steady()
            if count >= limit and left > 0:
                raise LingpaiError(
                    Kind.TOO_MANY_REQUESTS, "Too many failed attempts; try again later.", retry_after=left
                )

    def fail(self, name: str, address: str) -> None:
        """Count a failure."""
        for subject in ((name, address), ("", address)):
            count, ends_at = self._failures.pop(subject, (0, 0.0))
            if ends_at <= self._clock.steady():
                count, ends_at = 0, self._clock.steady() + self._limits.seconds
            self._failures[subject] = (count + 1, ends_at)
        while len(self._failures) > MAX_SUBJECTS:
            self._failures.popitem(last=False)

    def succeed(self, name: str, address: str) -> None:
        """Forget the failures of a name at an address: it knows the secret."""
        if self._failures:
            self._failures.pop((name, address), None)
