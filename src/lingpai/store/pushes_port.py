"""Verbs on what platforms push. The rules of `store.port.Store` apply, which this is a part of."""

from typing import Protocol

from lingpai.core.third_parties import Push


class Pushes(Protocol):
    """Verbs on what platforms push."""

    async def keep_push(self, push: Push) -> Push | None:
        """Store a push, and return it with its id. None when it is known, done or not."""
        ...

    async def find_push(self, digest: bytes) -> Push | None:
        """The push of this digest, done or not."""
        ...

    async def due_pushes(self, now: float, limit: int) -> tuple[Push, ...]:
        """Pushes that are to be done and whose `next_at` has come, longest due first."""
        ...

    async def claim_push(self, push: Push, next_at: float) -> Push | None:
        """Begin with a push, if nobody else began since it was read; others wait until `next_at`. None when one did."""
        ...

    async def postpone_push(self, push: Push, next_at: float, outcome: str) -> bool:
        """Say why a claimed push could not be done, and when to try again. False when somebody else has begun."""
        ...

    async def settle_push(self, push: Push, outcome: str) -> bool:
        """Say what came of a push that is done. False when it was done before."""
        ...
