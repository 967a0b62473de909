"""The audit log: who was given what, by name, without a line per request.

Reads of held tokens come by the thousand, so they are counted and written as one line per caller and app a
minute, and so are reports that brought about nothing; what changes something, or shows a user (clear, report,
exchange), is written as it happens.
"""

from lingpai.core.logs import structlog

_log = structlog.get_logger("lingpai.audit")

MOST_PAIRS = 10_000


class Tally:
    """Counts the same thing many times; see `Audit.tally`.

    Args:
        key: asker, app and action.
    """

    __slots__ = ("count", "key")

    def __init__(self, key: tuple[str, str, str]) -> None:
        self.key = key
        self.count = 0


class Audit:
    """Counts what was handed out since the last flush."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        self._tallies: list[Tally] = []
        self.flushed_at = 0.0

    def count(self, asker: str, app: str, action: str) -> None:
        """Note that `asker` was served; written by the next `flush`."""
        key = (asker, app, action)
        counts = self._counts
        counts[key] = counts.get(key, 0) + 1
        if len(counts) >= MOST_PAIRS:
            self.flush()

    def tally(self, tally: Tally) -> None:
        """As `count`, for who counts the same again and again and keeps the tally for it."""
        if not tally.count:
            self._tallies.append(tally)
            if len(self._tallies) >= MOST_PAIRS:
                self.flush()
        tally.count += 1

    def flush(self, now: float | None = None) -> None:
        """Write a line for every caller, app and action since the last time.

        `now` is steady time in seconds.
        """
        if now is not None:
            self.flushed_at = now
        self._collect()
        counts, self._counts = self._counts, {}
        for (asker, app, action), count in counts.items():
            _log.info("served", caller=asker, app=app, action=action, count=count)

    def _collect(self) -> None:
        counts = self._counts
        for tally in self._tallies:
            counts[tally.key] = counts.get(tally.key, 0) + tally.count
            tally.count = 0
        self._tallies.clear()

    @staticmethod
    def write(asker: str, app: str, action: str, outcome: str) -> None:
        """Write one line now."""
        _log.info("acted", caller=asker, app=app, action=action, outcome=outcome)
