"""When a value is renewed in the background, by what a repeated call does on its platform."""

import random

from lingpai.core.clock import Clock, End
from lingpai.keeper.platforms.platform import Renewed, Repeat
from lingpai.store.port import Fetched

AHEAD_SHARE = 0.5
"""Where a new token may be had at any time, it is fetched when this share of the old one's life is left.

WeChat's own advice for a central server is about every hour of two.
"""

JITTER_SHARE = 0.1
_ANEW_AT_ANY_TIME = frozenset({Repeat.KILLS_OLD, Repeat.PROLONGS, Repeat.ALL_STAY})
LEAST_WAIT = 1.0


def next_renewal(clock: Clock, way: Renewed, overlap: float, fetched: Fetched, *, same: bool) -> End:
    """Return the moment at which to fetch again what was just fetched.

    Args:
        clock: the clock.
        way: how values of this sort are renewed.
        overlap: seconds before the end from which the platform may be expected to give a new value.
        fetched: what came.
        same: whether it is the value that was stored before: the platform does not give a new one yet, so the
            next attempt comes when half of the rest is over.
    """
    rest = fetched.end.remaining(clock)
    jitter = random.uniform(0, JITTER_SHARE)  # noqa: S311
    if way.renew_left is not None:
        ahead = min(way.renew_left, fetched.lifetime * AHEAD_SHARE) * (1 - jitter)
    elif way.repeat in _ANEW_AT_ANY_TIME:
        ahead = fetched.lifetime * (AHEAD_SHARE - jitter)
    elif way.repeat is Repeat.SAME_UNTIL_LEFT and same and rest <= overlap:
        ahead = rest / 2
    elif way.repeat is Repeat.SAME_UNTIL_LEFT:
        ahead = min(overlap, rest / 2) * (1 - jitter)
    else:
        ahead = 0.0
    # However short it lives: never at once again, and within the first half of what is left.
    most = max(0.0, min(rest - LEAST_WAIT, rest * AHEAD_SHARE))
    return fetched.end.earlier(min(ahead, most))
