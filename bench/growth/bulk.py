"""Many rows at once, each as the verbs would have written it: copies of a row that they did write."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import apsw

_CHUNK = 500_000


@contextmanager
def unguarded(database: Path) -> Iterator[apsw.Connection]:
    """A connection that writes as fast as the disk takes it, and survives no crash; nobody else may be there."""
    connection = apsw.Connection(str(database))
    try:
        connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        for pragma in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=OFF",
            "synchronous=OFF",
            "cache_size=-2000000",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        yield connection
        connection.execute("PRAGMA locking_mode=NORMAL").fetchall()
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
    finally:
        connection.close()


def clone(
    connection: apsw.Connection,
    table: str,
    template: int,
    count: int,
    changes: Mapping[str, str],
    done: Callable[[int], None] | None = None,
) -> None:
    """Insert ``count`` copies of the row ``template`` with growing ids.

    Args:
        connection: where.
        table: of which table.
        template: id of the row to copy.
        count: how many.
        changes: what differs from the template: an SQL expression for a column, in which ``i`` counts from 0.
        done: called with how many there are, now and then.
    """
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    values = [f"({changes[name]})" if name in changes else f"t.{name}" for name in columns]
    statement = (
        "WITH RECURSIVE n(i) AS (VALUES(:first) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end) "
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} "
        f"FROM n CROSS JOIN {table} AS t WHERE t.id = :template"
    )
    for first in range(0, count, _CHUNK):
        end = min(first + _CHUNK, count)
        connection.execute(statement, {"first": first, "end": end, "template": template})
        if done is not None:
            done(end)
