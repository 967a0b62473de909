"""Verbs of several statements, written once for both engines.

Such a verb is a coroutine that takes a `Transaction`. PostgreSQL's waits for a round trip at each step; SQLite's never
waits, so its writer thread runs the whole coroutine at once (`finish`). A verb is written so when it is rare; those
that most requests ask for stay guarded statements of each engine.
"""

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from lingpai.core.issuer_records import Grant
from lingpai.store.queries import Row

T = TypeVar("T")


class Transaction(Protocol):
    """A transaction that is under way. It may be run a second time after a rollback."""

    async def rows(self, query: str, *arguments: Any) -> Sequence[Row]:
        """All rows of a query that both engines have under this name."""
        ...

    async def add_grant(self, grant: Grant) -> int:
        """Insert a grant and return its row."""
        ...


def finish(verb: Coroutine[Any, Any, T]) -> T:
    """Run a verb whose transaction never waits, and return its result.

    Raises:
        RuntimeError: it waited.
    """
    try:
        verb.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    verb.close()
    raise RuntimeError("a step of the transaction waited")
