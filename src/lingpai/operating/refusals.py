"""Refused calls in the audit trail: one row for each key, action and minute, however often a script tries it."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from lingpai.core.audit import REFUSED, Change
from lingpai.core.errors import Kind, LingpaiError
from lingpai.keeper.keeper import Keeper
from lingpai.operating.rights import Need, permits

APART: Final = 60.0
"""Seconds between two rows of the same refusal."""
MOST: Final = 4096
"""Refusals that are remembered, by each process; the oldest are forgotten, and then are noted again."""


class Refusals:
    """Refuses calls, and notes that."""

    def __init__(self) -> None:
        self._noted: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()

    async def demand(self, keeper: Keeper, rights: Iterable[str], needs: Iterable[Need], action: str) -> None:
        """Refuse what rights do not permit, and record it.

        Args:
            keeper: acts for who asks.
            rights: of who asks.
            needs: the rights that are needed.
            action: in the audit trail.

        Raises:
            LingpaiError: NOT_ALLOWED.
        """
        for need in needs:
            if not permits(rights, need):
                await self._note(keeper, Change(action, str(need), reason="no right", outcome=REFUSED))
                raise LingpaiError(Kind.NOT_ALLOWED, f"The admin key has not the right {need}.")

    async def _note(self, keeper: Keeper, change: Change) -> None:
        """Record a refusal of who `keeper` acts for, unless it was recorded within the last minute."""
        actor = keeper.actor
        if actor is None:
            return
        key, now = (actor.kind, actor.name, change.action, change.target), keeper.clock.now()
        if now - self._noted.get(key, now - APART) < APART:
            return
        await keeper.note(change)
        self._noted[key] = now
        self._noted.move_to_end(key)
        if len(self._noted) > MOST:
            self._noted.popitem(last=False)
