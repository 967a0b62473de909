"""The table of routes: a dictionary for paths without fields, a tree of segments for those with."""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
Fields = Mapping[str, str]
NO_FIELDS: Final[Fields] = {}
ENCODED_SLASH: Final = "\udc2f"
"""What stands for a slash that came as `%2F`; no decoded path has a lone surrogate."""
WITH_SLASHES: Final = frozenset({"app_id"})
"""Fields that may have such slashes: ids of apps, which may be addresses."""
_REST: Final = ":path}"


class _Node(Generic[T]):
    """The segments that may follow."""

    __slots__ = ("field", "literals", "name", "rest", "value")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.field: _Node[T] | None = None
        self.name = ""
        self.rest: tuple[str, T] | None = None
        self.value: T | None = None


class Router(Generic[T]):
    """Finds what is kept for a path.

    `{name}` takes one whole segment, which may be empty, `{name:path}` all that is left, slashes included. A segment
    that is spelt out comes before a field, and a field before the rest. Only where there are fields, further slashes
    before the first segment do not count: clients join a base URL that ends with one.
    """

    def __init__(self) -> None:
        self._plain: dict[str, T] = {}
        self._root: _Node[T] = _Node()

    def add(self, path: str, value: T) -> None:
        """Keep `value` for a path.

        Raises:
            ValueError: the path conflicts with another: a field of the same place has another name, the rest is not
                last, or the path is there already.
        """
        if "{" not in path:
            if self._plain.setdefault(path, value) is not value:
                raise ValueError(f"the path {path} is there already")
            return
        node = self._root
        segments = path[1:].split("/")
        for place, segment in enumerate(segments):
            if segment.endswith(_REST):
                if node.rest is not None or place + 1 != len(segments):
                    raise ValueError(f"the path {path} conflicts with another")
                node.rest = (segment[1 : -len(_REST)], value)
                return
            node = self._child(node, segment, path)
        if node.value is not None:
            raise ValueError(f"the path {path} is there already")
        node.value = value

    def _child(self, node: _Node[T], segment: str, path: str) -> _Node[T]:
        if not segment.startswith("{"):
            return node.literals.setdefault(segment, _Node())
        name = segment[1:-1]
        if node.field is None:
            node.field, node.name = _Node(), name
        if node.name != name:
            raise ValueError(f"the path {path} conflicts with another")
        return node.field

    def find(self, path: str) -> tuple[T, Fields] | None:
        """Return what was added for a decoded path, and the values of its fields; None when there is nothing.

        A slash that came encoded separates segments as any other. Only where that finds nothing it is part of a field,
        of those of `WITH_SLASHES`.
        """
        if ENCODED_SLASH in path:
            found = self.find(path.replace(ENCODED_SLASH, "/"))
            return self._find_fields(path) if found is None else found
        plain = self._plain.get(path)
        if plain is not None:
            return plain, NO_FIELDS
        return self._find_fields(path)

    def _find_fields(self, path: str) -> tuple[T, Fields] | None:
        fields: dict[str, str] = {}
        found = _find(self._root, path.lstrip("/").split("/"), 0, fields)
        if found is not None and ENCODED_SLASH in path:
            if any(ENCODED_SLASH in fields[name] for name in fields.keys() - WITH_SLASHES):
                return None
            fields = {name: value.replace(ENCODED_SLASH, "/") for name, value in fields.items()}
        return None if found is None else (found, fields)


def _find(node: _Node[Any], segments: list[str], place: int, fields: dict[str, str]) -> Any:
    if place == len(segments):
        return node.value
    segment = segments[place]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _find(literal, segments, place + 1, fields)
        if found is not None:
            return found
    if node.field is not None:
        found = _find(node.field, segments, place + 1, fields)
        if found is not None:
            fields[node.name] = segment
            return found
    if node.rest is not None:
        name, found = node.rest
        fields[name] = "/".join(segments[place:])
        return found
    return None
