"""How many tokens were served and how many fetched, of all workers of this node since they started."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from lingpai.edge.metrics import totals
from lingpai.keeper.counters import publish_hits

FRESH: Final = 2.0
"""Seconds for which the numbers are good: where workers share them in files, reading those takes milliseconds."""
_HITS, _MISSES, _FETCHES = "lingpai_keeper_hits", "lingpai_keeper_misses", "lingpai_upstream_fetches"


class Served(NamedTuple):
    """Numbers of tokens.

    Attributes:
        served: answers with a token or ticket.
        asked: attempts to fetch one from a platform.
    """

    served: int
    asked: int


class Counts:
    """Reads the numbers; by itself at most every two seconds.

    Args:
        steady: a clock that is never set, in seconds.
    """

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._known: tuple[float, Served] | None = None

    def read(self) -> Served:
        """Return the numbers."""
        now = self._steady()
        if self._known is None or self._known[0] + FRESH <= now:
            publish_hits()
            found = totals((_HITS, _MISSES, _FETCHES))
            self._known = now, Served(int(found[_HITS] + found[_MISSES]), int(found[_FETCHES]))
        return self._known[1]
