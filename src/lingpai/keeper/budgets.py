"""Budgets: limits of our own, kept below the platforms' quotas and visible before they are used up."""

import datetime as dt
import secrets
from collections.abc import Sequence

from lingpai.core.records import Budget
from lingpai.keeper.context import Context, log
from lingpai.keeper.platforms.platform import Limit, Period

UTC8_SECONDS = 8 * 3600
_UTC8 = dt.timezone(dt.timedelta(seconds=UTC8_SECONDS))
WARN_SHARE = 0.8


def window_of(now: float, seconds: float) -> tuple[str, float]:
    """Return name and end (unix seconds) of the window of this length that unix time `now` falls into.

    Windows start at midnight of UTC+8 and every `seconds` after, as the platforms' do; months are those of the
    calendar.
    """
    if seconds == Period.MONTH.value:
        here = dt.datetime.fromtimestamp(now, _UTC8)
        months = here.year * 12 + here.month
        following = dt.datetime(months // 12, months % 12 + 1, 1, tzinfo=_UTC8)
        return f"month:{here:%Y-%m}", following.timestamp()
    number = int((now + UTC8_SECONDS) // seconds)
    return f"{seconds:g}:{number}", (number + 1) * seconds - UTC8_SECONDS


async def take(context: Context, subject: str, name: str, limit: int, seconds: float) -> bool:
    """Take one from a budget of `limit` per `seconds`; False when it is used up. Warns when it nearly is."""
    window, ends_at = window_of(context.clock.now(), seconds)
    use = await context.store.take_budget(Budget(subject, name, window, limit, ends_at))
    if use.granted and limit > 1 and use.used == int(limit * WARN_SHARE):
        log.warning("budget_low", subject=subject, budget=name, used=use.used, limit=limit)
    return use.granted


async def is_spent(context: Context, subject: str, name: str, limit: int, seconds: float) -> bool:
    """Return whether nothing is left of a budget of `limit` per `seconds`; takes nothing."""
    window, ends_at = window_of(context.clock.now(), seconds)
    return await context.store.read_budget(Budget(subject, name, window, limit, ends_at)) >= limit


async def first_in(context: Context, subject: str, name: str, seconds: float) -> bool:
    """Return whether this is the first call for these names in `seconds`, of all processes."""
    return await context.store.lead(f"{name} {subject}", secrets.token_hex(8), seconds)


async def take_all(context: Context, subject: str, limits: Sequence[Limit]) -> Limit | None:
    """Take one from each budget in turn; return the one that is used up, or None when all granted."""
    for limit in limits:
        if not await take(context, subject, limit.name, limit.limit, limit.period.value):
            return limit
    return None
