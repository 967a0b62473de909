"""Name=value pairs of queries and urlencoded bodies, decoded strictly (attacks.md A7, A8, D45)."""

from collections.abc import Iterable
from urllib.parse import unquote

from lingpai.core.errors import Kind, LingpaiError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def repeated(name: str) -> LingpaiError:
    """The error for a parameter that came more than once."""
    return LingpaiError(Kind.REPEATED_PARAMETER, f"parameter {name} is repeated", parameter=name)


def invalid(name: str, why: str) -> LingpaiError:
    """The error for a parameter whose value cannot be taken."""
    return LingpaiError(Kind.INVALID_PARAMETER, f"parameter {name} {why}", parameter=name)


def _decoded(text: str) -> str:
    return unquote(text.replace("+", " "), errors="strict")


def _name(text: str) -> str:
    try:
        return _decoded(text)
    except UnicodeDecodeError:
        return REPLACEMENT  # no declared name, and undeclared ones are ignored


def _value(name: str, text: str) -> str:
    try:
        return _decoded(text)
    except UnicodeDecodeError:
        raise invalid(name, "is not valid UTF-8") from None


def declared_pairs(text: str, names: frozenset[str], *, pair_limit: int) -> dict[str, str]:
    """The pairs whose name is declared; `;` separates nothing, `[]` means nothing.

    Args:
        text: `a=1&b=2`, still percent-encoded.
        names: the declared names; all others are ignored, repeated or not.
        pair_limit: how many pairs there may be at all.

    Raises:
        LingpaiError: REPEATED_PARAMETER; INVALID_PARAMETER for too many pairs or a value that is no UTF-8.
    """
    if text.count("&") >= pair_limit:
        raise LingpaiError(Kind.INVALID_PARAMETER, "too many parameters")
    found: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair:
            name = _name(name)
            if name in names:
                value = _value(name, value)
        if name in names:
            if name in found:
                raise repeated(name)
            found[name] = value
    return found


def merge(values: dict[str, str], more: Iterable[tuple[str, str]], value_limit: int) -> None:
    """Add what another place holds; a blank value counts as absent.

    Args:
        values: what was found so far; changed in place.
        more: names and values of the next place.
        value_limit: characters of one value.

    Raises:
        LingpaiError: REPEATED_PARAMETER when the places differ; INVALID_PARAMETER for NUL or a too long value.
    """
    for name, value in more:
        if not value or value.isspace():
            continue
        if len(value) > value_limit:
            raise invalid(name, "is too long")
        if "\0" in value:
            raise invalid(name, "holds a NUL")
        if values.setdefault(name, value) != value:
            raise repeated(name)
