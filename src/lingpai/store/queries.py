"""Named queries: each engine's SQL lives in its `queries/*.sql`, each statement under a line `-- name: verb`."""

import re
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any

Row = tuple[Any, ...]
"""One row of an answer."""

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*$\n?", re.MULTILINE)


def load(package: str, topic: str) -> Mapping[str, str]:
    """The statements of `queries/<topic>.sql` in a package by name, without comments.

    Raises:
        ValueError: when a name occurs twice.
    """
    text = (resources.files(package) / "queries" / f"{topic}.sql").read_text("utf-8")
    parts = _NAME.split(text)[1:]
    queries: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name in queries:
            raise ValueError(f"{topic}.sql has two queries named {name}")
        queries[name] = _COMMENT.sub("", body).strip().rstrip(";")
    return MappingProxyType(queries)
