"""From an upstream's failure to what it means: the breaker, the waits, and the error a caller gets."""

import datetime as dt
import random

from lingpai.core.clock import Clock, end_after
from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, Trouble
from lingpai.keeper.keeper import Options
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


def trouble_after(
    clock: Clock,
    options: Options,
    credential: Credential | None,
    fault: Fault,
    code: int | None,
    message: str,
) -> Trouble:
    """What to note after a failed renewal of `credential`.

    Args:
        clock: the clock.
        options: the keeper's.
        credential: as it stood before the attempt, or None when there is none.
        fault: what the failure means.
        code: the upstream's number, or None when it could not be reached.
        message: the upstream's text, or ours.
    """
    before = None if credential is None else credential.trouble
    count = before.count + 1 if before is not None else 1
    permanent = fault.severity is not Severity.TRANSIENT
    wait = _wait(clock, options, credential, fault, count, permanent=permanent)
    return Trouble(
        permanent=permanent,
        code=code,
        message=message,
        count=count,
        since=before.since if before is not None else clock.now(),
        retry=end_after(clock, wait),
    )


def _wait(
    clock: Clock,
    options: Options,
    credential: Credential | None,
    fault: Fault,
    count: int,
    *,
    permanent: bool,
) -> float:
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


def error_of(trouble: Trouble, clock: Clock) -> LingpaiError:
    """The error for a caller who needs a value while `trouble` lasts: the cause, and when to come again."""
    retry_after = max(1.0, trouble.retry.remaining(clock))
    if trouble.code is None and trouble.permanent:
        return LingpaiError(Kind.BUDGET_SPENT, trouble.message, retry_after=retry_after)
    if trouble.code is None:
        return LingpaiError(
            Kind.UPSTREAM_UNAVAILABLE,
            f"The upstream platform could not be asked: {trouble.message}.",
            detail=trouble.message,
            retry_after=retry_after,
        )
    return LingpaiError(Kind.UPSTREAM_REFUSED, trouble.message, code=trouble.code, retry_after=retry_after)
