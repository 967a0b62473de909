"""When a group of writes is complete.

Those who were answered last mostly ask again at once: a connection sends its next request as soon as it has the answer
to the last. A group that is handed over before they come is half as big as it could be and takes as long, since the
wait for the disk, the two hand-overs between the threads and the pages that all share are the same for few and many.
"""

from time import perf_counter
from typing import Final

QUIET_TURNS: Final = 2
"""Turns of the loop without a newcomer after which a group waits no more; a turn that finds nothing takes 3 µs."""
LONGEST: Final = 0.002
"""Seconds that a group is gathered for at most, however many come."""


class Gathering:
    """Decides, at the end of each turn of the loop, whether the group that waits is complete.

    Attributes:
        expected: a group of so many is complete.
    """

    def __init__(self) -> None:
        self.expected = self._seen = self._quiet = 0
        self._deadline = 0.0

    def is_complete(self, waiting: int) -> bool:
        """True when a group of this many is to be handed over now."""
        if waiting >= self.expected:
            return True
        if not self._seen:  # the first turn of this group
            self._deadline = perf_counter() + LONGEST
        elif perf_counter() >= self._deadline:
            return True
        self._quiet = 0 if waiting > self._seen else self._quiet + 1
        self._seen = waiting
        return self._quiet >= QUIET_TURNS

    def expect(self, answered: int, waiting: int) -> None:
        """A group of `answered` is done with, while so many others wait: so many are there at most next time."""
        self.expected = answered + waiting
        self._seen = self._quiet = 0
