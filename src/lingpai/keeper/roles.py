"""Roles that one worker of all has at a time, on whatever node."""

from typing import Final

from lingpai.keeper.context import Context

TTL: Final = 15.0
"""Seconds after which a role is free when its worker does not ask for it again."""
EVERY: Final = 5.0
"""Seconds between two times that it does."""


class Role:
    """A role, as one worker sees it.

    Args:
        context: the worker's.
        name: of the role.
    """

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self._until = float("-inf")

    async def is_ours(self) -> bool:
        """Return whether this worker has the role now, after asking for it when it is time to.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        context = self._context
        if context.clock.steady() >= self._until - TTL + EVERY:
            async with context.asking_for_roles:
                now = context.clock.steady()
                leads = await context.store.lead(self._name, context.process, TTL)
            self._until = now + TTL if leads else float("-inf")
        return context.clock.steady() < self._until
