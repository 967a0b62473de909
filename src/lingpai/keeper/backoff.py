"""The wait after a failed fetch."""

import datetime as dt
import random

from lingpai.core.clock import Clock
from lingpai.core.records import Credential
from lingpai.keeper.options import Options
from lingpai.keeper.platforms.platform import UNTIL_MIDNIGHT, Fault, Severity

UTC8 = dt.timezone(dt.timedelta(hours=8))
"""The platforms count their days in China's time, whatever ours is."""

QUOTA_PROBE = 1800.0
"""Seconds between attempts while a day's quota is used up: some fifty calls a day."""
FIRST_WAIT = 1.0
LEAST_WAIT = 0.25
SHARE_OF_REST = 0.25
"""While a token lives, attempts come at the latest after this share of its rest: denser towards its end."""


def seconds_to_midnight(now: float) -> float:
    """Seconds from unix time `now` to the next midnight of UTC+8."""
    local = dt.datetime.fromtimestamp(now, UTC8)
    midnight = (local + dt.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - local).total_seconds()


def wait_after(
    clock: Clock,
    options: Options,
    credential: Credential | None,
    fault: Fault,
    count: int,
) -> float:
    """Return the seconds until the next attempt, with jitter.

    Args:
        clock: the clock.
        options: the keeper's.
        credential: as it was before the attempt, or None when there is none.
        fault: the meaning of the failure.
        count: failures in a row, this one included.
    """
    permanent = fault.severity is not Severity.TRANSIENT
    if fault.wait == UNTIL_MIDNIGHT:
        # Somebody may have had the quota reset (clear_quota), so it is looked at before midnight, few times a day.
        midnight = seconds_to_midnight(clock.now()) + random.uniform(1, 60)  # noqa: S311  jitter
        return min(midnight, QUOTA_PROBE * random.uniform(0.75, 1.25))  # noqa: S311  jitter
    usual = (
        options.probe_every if permanent else min(options.backoff_cap, FIRST_WAIT * 2 ** min(count - 1, 10))
    )
    wait = (fault.wait or usual) * random.uniform(0.75, 1.25)  # noqa: S311  jitter
    current = None if credential is None else credential.current
    if current is not None and not permanent:
        rest = current.end.remaining(clock)
        if rest > 0:
            wait = min(wait, max(LEAST_WAIT, rest * SHARE_OF_REST))
    return wait
