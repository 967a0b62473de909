"""Named queries of this engine (`store.queries`), and how one is run."""

from collections.abc import Mapping, Sequence
from typing import Any

import apsw

from lingpai.store import queries
from lingpai.store.queries import Row

Bindings = Sequence[Any] | Mapping[str, Any]


def load_queries(topic: str) -> Mapping[str, str]:
    """The statements of `queries/<topic>.sql` by name."""
    return queries.load(__package__, topic)


def run(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> list[Row]:
    """Run one statement to its end; all its rows, none of which keeps a transaction open."""
    return connection.execute(query, bindings).fetchall()


def change(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> int:
    """Run one statement that returns no rows; how many rows it inserted, changed or deleted.

    For what is done often: `RETURNING` takes longer than the change of a row itself.
    """
    connection.execute(query, bindings)
    return connection.changes()
