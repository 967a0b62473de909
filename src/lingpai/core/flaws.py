"""Why a record that an operator describes cannot be stored, field by field."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lingpai.core.errors import Kind, LingpaiError


class Flaw(NamedTuple):
    """A fault in one field of a record.

    Attributes:
        field: its name in the record.
        text: an English sentence; `core/reasons.zh.toml` has it in Chinese.
    """

    field: str
    text: str


class FlawsError(LingpaiError):
    """A record has flaws: INVALID_PARAMETER, and every flaw at once."""

    def __init__(self, flaws: Iterable[Flaw]) -> None:
        self.flaws = tuple(flaws)
        text = " ".join(flaw.text for flaw in self.flaws)
        super().__init__(Kind.INVALID_PARAMETER, text, parameter=self.flaws[0].field)

    def reworded(self, reason: str) -> "FlawsError":
        """Return the same error with another reason; the flaws keep their texts."""
        other = FlawsError(self.flaws)
        other.reason = reason
        return other


def demand(flaws: Iterable[Flaw]) -> None:
    """Go on when there are none.

    Raises:
        FlawsError: there are some.
    """
    found = tuple(flaws)
    if found:
        raise FlawsError(found)


def flaws_of(field: str, check: Callable[..., object], *given: object) -> list[Flaw]:
    """Return what a check raises as a flaw of `field`; nothing when it passes."""
    try:
        check(*given)
    except LingpaiError as error:
        return [Flaw(field, error.reason)]
    return []
