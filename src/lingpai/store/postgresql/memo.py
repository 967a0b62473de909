"""Decoded rows, known by the rows themselves: what is fresh is read each time, but not decoded anew."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from lingpai.store.queries import Row

T = TypeVar("T")

KEPT: Final = 20_000


class Memo(Generic[T]):
    """Values decoded from rows.

    Args:
        decode: makes one of rows; the same from the same, always.
    """

    def __init__(self, decode: Callable[[Sequence[Row]], T]) -> None:
        self._decode = decode
        self._known: dict[tuple[Row, ...], T] = {}

    def __call__(self, rows: Sequence[Row]) -> T:
        """The value of these rows."""
        key = tuple(rows)
        try:
            return self._known[key]
        except KeyError:
            pass
        value = self._decode(rows)
        if len(self._known) >= KEPT:
            self._known.clear()
        self._known[key] = value
        return value
