"""Counters per minute, hour, day and month; the platforms' days and months are those of UTC+8."""

from datetime import datetime, timedelta, timezone
from typing import Final, Literal

from lingpai.core.clock import Clock, end_after
from lingpai.sandbox.state import Row, Table

Span = Literal["minute", "hour", "day", "month"]

_CHINA: Final = timezone(timedelta(hours=8))
_LABELS: Final[dict[Span, str]] = {
    "minute": "%Y%m%d%H%M",
    "hour": "%Y%m%d%H",
    "day": "%Y%m%d",
    "month": "%Y%m",
}
_LONGEST: Final[dict[Span, float]] = {"minute": 60, "hour": 3600, "day": 86400, "month": 31 * 86400}


class Counter(Row):
    """A count within one span."""

    account: str
    name: str
    span: Span
    count: int = 0


class Quotas:
    """Counts by account, name (mostly an API path) and span."""

    def __init__(self, table: Table[Counter], clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def _key(self, account: str, name: str, span: Span) -> str:
        label = datetime.fromtimestamp(self._clock.now(), _CHINA).strftime(_LABELS[span])
        return f"{account}|{name}|{span}|{label}"

    def used(self, account: str, name: str, span: Span) -> int:
        """Return how many were taken in the current span."""
        counter = self._table.get(self._key(account, name, span))
        return counter.count if counter else 0

    def take(self, account: str, name: str, span: Span, limit: int) -> bool:
        """Take one of ``limit``; False when none is left, and then nothing is counted."""
        key = self._key(account, name, span)
        counter = self._table.get(key) or Counter(
            ends=end_after(self._clock, _LONGEST[span]), account=account, name=name, span=span
        )
        if counter.count >= limit:
            return False
        counter.count += 1
        self._table.put(key, counter)
        return True

    def clear(self, account: str, path: str = "") -> None:
        """Forget what ``account`` called today, of one API ``path`` or of all."""
        for key, counter in self._table.items():
            mine = counter.account == account and counter.span == "day" and counter.name.startswith("/")
            if mine and path in {"", counter.name}:
                self._table.drop(key)
