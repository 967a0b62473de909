"""Named queries: SQL lives in `queries/*.sql`, each statement under a line `-- name: verb`."""

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Any

import apsw

Row = tuple[Any, ...]
Bindings = Sequence[Any] | Mapping[str, Any]

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$\n?", re.MULTILINE)


def load_queries(topic: str) -> Mapping[str, str]:
    """The statements of `queries/<topic>.sql` by name, without comments.

    Raises:
        ValueError: when a name stands there twice.
    """
    text = (resources.files(__package__) / "queries" / f"{topic}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise ValueError(f"{topic}.sql has two queries named {name}")
        queries[name] = _COMMENT.sub("", body).strip().rstrip(";")
    return MappingProxyType(queries)


def run(connection: apsw.Connection, query: str, bindings: Bindings = ()) -> list[Row]:
    """Run one statement to its end; all its rows, none of which keeps a transaction open."""
    return connection.execute(query, bindings).fetchall()
