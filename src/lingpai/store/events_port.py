"""Verbs on what happened to accounts.

Events are added by the verbs that make them so, in their transactions. The rules of `store.port.Store` apply,
which this is a part of.
"""

from typing import Protocol

from lingpai.core.events import Event


class Events(Protocol):
    """Verbs on events."""

    async def list_events(self, after: int, limit: int) -> tuple[Event, ...]:
        """Events with higher ids than `after`, the lowest first."""
        ...

    async def event_range(self) -> tuple[int, int]:
        """The ids of the oldest event that is kept and of the newest; the oldest is the next one when none is kept."""
        ...
