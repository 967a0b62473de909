"""Values that an imitated platform issues: by what a repeated call does, with overlap and end."""

import dataclasses
import secrets
from collections.abc import Iterable
from typing import Final

from lingpai.core.clock import Clock, End, end_after
from lingpai.keeper.platforms.platform import Renewed, Repeat

_LEAST: Final = 1.0


@dataclasses.dataclass(slots=True)
class _Issued:
    account: str
    kind: str
    end: End


class Issuing:
    """What was issued.

    Args:
        clock: the platform's time.
        lifetime: seconds that a value lives.
    """

    def __init__(self, clock: Clock, lifetime: float) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._issued: dict[str, _Issued] = {}

    def has(self, value: str) -> bool:
        """Return whether a value was issued here."""
        return value in self._issued

    def lives(self, value: str) -> bool:
        """Return whether a value was issued here and has not ended."""
        issued = self._issued.get(value)
        return issued is not None and issued.end.remaining(self._clock) > 0

    def kill(self, value: str) -> bool:
        """End a value now; False when it was not issued here."""
        issued = self._issued.get(value)
        if issued is not None:
            issued.end = end_after(self._clock, 0)
        return issued is not None

    def owner(self, values: Iterable[str], kind: str) -> str | None:
        """Return the account of a live value of this kind among these."""
        for value in values:
            issued = self._issued.get(value)
            if issued is not None and issued.kind == kind and self.lives(value):
                return issued.account
        return None

    def issue(self, account: str, kind: str, way: Renewed) -> tuple[str, End]:
        """Return a value and its end: the one before or a new one, by what a repeated call does."""
        older = [
            (value, each)
            for value, each in self._issued.items()
            if (each.kind, each.account) == (kind, account)
        ]
        overlap = way.overlap_of(self._lifetime)
        if older and way.repeat not in (Repeat.KILLS_OLD, Repeat.ALL_STAY):
            value, newest = older[-1]
            left = newest.end.remaining(self._clock)
            if way.repeat is Repeat.PROLONGS and left > 0:
                newest.end = end_after(self._clock, self._lifetime)
                return value, newest.end
            if left > max(_LEAST, overlap if way.repeat is Repeat.SAME_UNTIL_LEFT else 0):
                return value, newest.end
        if way.repeat is not Repeat.ALL_STAY:
            self._end(older, overlap)
        value = secrets.token_urlsafe(48)
        self._issued[value] = _Issued(account, kind, end_after(self._clock, self._lifetime))
        return value, self._issued[value].end

    def _end(self, older: list[tuple[str, _Issued]], overlap: float) -> None:
        """End all but the newest at once, and that after the overlap."""
        for _, each in older[:-1]:
            each.end = end_after(self._clock, 0)
        for _, each in older[-1:]:
            each.end = end_after(self._clock, min(overlap, max(0, each.end.remaining(self._clock))))
