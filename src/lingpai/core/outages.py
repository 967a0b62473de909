"""Log lines of a store outage: one of each kind, and how many were left out, instead of one for each request.

In an outage of the store every request is refused for the same reason. A kind of line is its event, with the route or
gauge it is about: so there are no more lines than routes, however many requests come.
"""

import time
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from lingpai.core.errors import Kind
from lingpai.core.logs import structlog

AGAIN_AFTER: Final = 60.0
"""Seconds after which a kind of line is written again while the outage lasts, with the count of those left out."""
CANCELLED: Final = "cancelled"
"""The detail of a refusal because this process ends, which is no outage."""

_log = structlog.get_logger("lingpai.store")


class OutageLines:
    """The lines of the present outage, in this process.

    Args:
        monotonic: seconds that never decrease.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._written: dict[tuple[Any, ...], float] = {}
        self._left_out: dict[tuple[Any, ...], int] = {}
        self._total = 0
        self._began_at = 0.0

    def process(self, _logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Let a line pass, or leave it out: a structlog processor.

        Raises:
            structlog.DropEvent: a line of this kind was written less than `AGAIN_AFTER` ago.
        """
        if line.get("error") != Kind.STORE_UNAVAILABLE.value or line.get("detail") == CANCELLED:
            return line
        kind, now = (line.get("event"), line.get("route"), line.get("gauge")), self._monotonic()
        if not self._written:
            self._began_at = now
        if now < self._written.get(kind, float("-inf")) + AGAIN_AFTER:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            self._total += 1
            raise structlog.DropEvent
        self._written[kind] = now
        count = self._left_out.pop(kind, 0)
        if count:
            line["count"] = count
        return line

    def end(self) -> None:
        """Write how many lines were left out in all, if any: the store has answered. Cheap without an outage."""
        if not self._written:
            return
        total, seconds = self._total, round(self._monotonic() - self._began_at, 1)
        self.forget()
        if total:
            _log.warning("store_available_again", count=total, seconds=seconds)

    def forget(self) -> None:
        """Begin as a process does: nothing was written yet."""
        self._written.clear()
        self._left_out.clear()
        self._total = 0


outage_lines = OutageLines()
