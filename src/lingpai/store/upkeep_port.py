"""Verbs that say what has changed, and that keep the store in order. The rules of `store.port.Store` apply."""

from collections.abc import Hashable
from typing import Protocol

from lingpai.store.validity import Validity


class Upkeep(Protocol):
    """Verbs on the store as a whole."""

    def mark(self) -> Hashable | None:
        """A value that changes whenever accounts, callers or credentials may have changed.

        Sees the commits of every process. None when this store does not know without waiting.
        """
        ...

    def validity(self, credential: int, mark: Hashable) -> Validity | None:
        """Return what `is_valid` takes, about what was made since `mark` from the credential with this id.

        None when accounts, callers or any credential may have changed since `mark`.
        """
        ...

    def is_valid(self, validity: Validity) -> bool:
        """Return whether neither that credential nor any account or caller has changed, as far as was committed."""
        ...

    async def wait_change(self, seconds: float) -> None:
        """Come back as soon as any process may have committed something, or after `seconds` of real time.

        Commits since this store's last read count: who reads and then waits, with no `await` in between, misses
        none.
        """
        ...

    async def purge(self, limit: int) -> int:
        """Remove up to `limit` rows each of exchanges, budget windows, roles and proofs that are over.

        So too credentials of secrets that nobody configured, a day after nothing of them is good any more.
        Returns how many went.
        """
        ...

    async def sealed_counts(self) -> dict[int, int]:
        """Count the values that are sealed with each key of the ring, by key id."""
        ...

    async def unopened(self) -> tuple[int, ...]:
        """Ids of the ring's keys that do not open a sample of what a key of that id sealed, in either wing's tables."""
        ...

    async def newest_seal(self) -> int | None:
        """The highest id of a key that sealed something; higher than the ring's when another node's ring has it alone.

        None when nothing is sealed.
        """
        ...

    async def reseal(self, limit: int) -> int:
        """Seal up to `limit` values anew that are not sealed with the newest key; returns how many were."""
        ...

    async def ping(self) -> None:
        """Prove that the store answers, reads and writes.

        Raises:
            LingpaiError: STORE_UNAVAILABLE when it does not.
        """
        ...

    async def close(self) -> None:
        """Finish what is waiting and let go of everything. Safe to call twice."""
        ...
