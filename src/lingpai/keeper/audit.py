"""The audit log: which caller got what, by name, without a line per request.

Reads of stored tokens come by the thousand, so they are counted and written as one line per caller and app a
minute, and so are reports that changed nothing; what changes something, or shows a user (clear, report,
exchange), is written as it happens.
"""

import asyncio
from collections import Counter
from typing import Final

from lingpai.core.logs import structlog

_log = structlog.get_logger("lingpai.audit")

MOST_PAIRS: Final = 50_000
"""Callers and apps that are counted before lines are written, at the latest."""
LINES_AT_ONCE: Final = 20
"""A line takes some 30 µs, in which nobody is answered."""
_PAUSE: Final = 0.002
"""Seconds between so many lines and the next."""

_Key = tuple[str, str, str]


class Tally:
    """Counts the same thing many times; see `Audit.tally`.

    Args:
        key: asker, app and action.
    """

    __slots__ = ("count", "key")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.count = 0


class Audit:
    """Counts what was handed out since it was last written."""

    def __init__(self) -> None:
        self._counts: Counter[_Key] = Counter()
        self._tallies: list[Tally] = []
        self._due: Counter[_Key] = Counter()
        self._writes = False
        self.written_at = 0.0

    def count(self, asker: str, app: str, action: str) -> None:
        """Note that `asker` was served; written by the next `write_out` or `flush`."""
        self._counts[asker, app, action] += 1
        if len(self._counts) >= MOST_PAIRS:
            self.write_out()

    def tally(self, tally: Tally) -> None:
        """As `count`, for who counts the same again and again and keeps the tally for it."""
        if not tally.count:
            self._tallies.append(tally)
            if len(self._tallies) >= MOST_PAIRS:
                self.write_out()
        tally.count += 1

    def write_out(self, now: float | None = None) -> None:
        """Begin to write a line for every caller, app and action since the last time, a few in a turn of the loop.

        `now` is steady time in seconds.
        """
        if now is not None:
            self.written_at = now
        if len(self._due) >= MOST_PAIRS:  # they come faster than they are written
            self.flush()
        self._collect()
        if self._due and not self._writes:
            self._writes = True
            self._write_some()

    def flush(self) -> None:
        """Write all of them at once."""
        self._collect()
        while self._due:
            self._write_line()

    def _collect(self) -> None:
        due = self._due
        due.update(self._counts)
        self._counts.clear()
        for tally in self._tallies:
            due[tally.key] += tally.count
            tally.count = 0
        self._tallies.clear()

    def _write_some(self) -> None:
        for _ in range(min(LINES_AT_ONCE, len(self._due))):
            self._write_line()
        if self._due:
            asyncio.get_running_loop().call_later(_PAUSE, self._write_some)
        else:
            self._writes = False

    def _write_line(self) -> None:
        (asker, app, action), count = self._due.popitem()
        _log.info("served", caller=asker, app=app, action=action, count=count)

    @staticmethod
    def write(asker: str, app: str, action: str, outcome: str) -> None:
        """Write one line now."""
        _log.info("acted", caller=asker, app=app, action=action, outcome=outcome)
