"""Verbs on webhooks. The rules of `store.port.Store` apply, which this is a part of."""

from typing import Protocol

from lingpai.core.hooks import Hook


class Hooks(Protocol):
    """Verbs on webhooks."""

    async def add_hook(self, hook: Hook) -> bool:
        """Insert a webhook. False when the name is taken."""
        ...

    async def find_hook(self, name: str) -> Hook | None:
        """The webhook of this name."""
        ...

    async def list_hooks(self) -> tuple[Hook, ...]:
        """All webhooks, by name."""
        ...

    async def replace_hook(self, known: Hook, hook: Hook) -> bool:
        """Change a webhook, if the stored one is still as `known`. False when it is not, or is gone."""
        ...

    async def remove_hook(self, name: str) -> bool:
        """Remove a webhook. False when there is none."""
        ...
