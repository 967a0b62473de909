"""Name=value pairs of queries and urlencoded bodies, decoded strictly."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from lingpai.core.errors import Kind, LingpaiError

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def repeated(name: str) -> LingpaiError:
    """The error for a parameter that came more than once."""
    return LingpaiError(Kind.REPEATED_PARAMETER, f"parameter {name} is repeated", parameter=name)


def invalid(name: str, why: str) -> LingpaiError:
    """The error for a parameter whose value cannot be taken."""
    return LingpaiError(Kind.INVALID_PARAMETER, f"parameter {name} {why}", parameter=name)


def blank(value: str) -> bool:
    """Return whether a value counts as absent."""
    return not value or value.isspace()


def check(name: str, value: str, value_limit: int) -> None:
    """Refuse a value that no parameter may have.

    Raises:
        LingpaiError: INVALID_PARAMETER for a NUL or more than `value_limit` characters.
    """
    if len(value) > value_limit:
        raise invalid(name, "is too long")
    if "\0" in value:
        raise invalid(name, "contains a NUL")


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


def refuse_lists(given: Iterable[str], names: frozenset[str]) -> None:
    """Refuse names such as `a[]` and `a[0]` where `a` is among `names`: who reads lists would read one.

    Raises:
        LingpaiError: REPEATED_PARAMETER.
    """
    for name in given:
        base, bracket, _ = name.partition("[")
        if bracket and base in names:
            raise repeated(base)


def declared_pairs(text: str, names: frozenset[str], pair_limit: int, value_limit: int) -> dict[str, str]:
    """The pairs whose name is declared and whose value is not blank; `;` separates nothing.

    Args:
        text: `a=1&b=2`, still percent-encoded.
        names: the declared names; all others are ignored, repeated or not.
        pair_limit: how many pairs there may be at all.
        value_limit: characters of one value.

    Raises:
        LingpaiError: REPEATED_PARAMETER; INVALID_PARAMETER for too many pairs, or for a value that is too long,
            no UTF-8, or contains a NUL.
    """
    pairs = text.split("&")
    if len(pairs) > pair_limit:
        raise LingpaiError(Kind.INVALID_PARAMETER, "too many parameters")
    found: dict[str, str] = {}
    blanks = False
    # Most have nothing to decode, and to look once through all is faster than to look at each.
    encoded = "%" in text or "+" in text
    suspect = encoded or "\0" in text or len(text) > value_limit
    for pair in pairs:
        name, _, value = pair.partition("=")
        if encoded and ("%" in pair or "+" in pair):
            name = _name(name)
            if name in names:
                value = _value(name, value)
        if name in names:
            if name in found:
                raise repeated(name)
            if suspect:
                check(name, value, value_limit)
            if not value or value.isspace():
                blanks = True
            found[name] = value
    return {name: value for name, value in found.items() if not blank(value)} if blanks else found


def listed_values(text: str, names: frozenset[str], value_limit: int) -> dict[str, list[str]]:
    """The values that are not blank of the declared names that may come more than once, in their order.

    Args:
        text: `a=1&a=2`, still percent-encoded.
        names: the declared names.
        value_limit: characters of one value.

    Raises:
        LingpaiError: INVALID_PARAMETER for a value that is too long, no UTF-8, or contains a NUL.
    """
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        encoded, _, given = pair.partition("=")
        name = _name(encoded)
        if name in names:
            value = _value(name, given)
            check(name, value, value_limit)
            if not blank(value):
                found.setdefault(name, []).append(value)
    return found


def names_in(text: str) -> Iterable[str]:
    """The names of `a=1&b=2`, decoded, if any of them may have a bracket; else none."""
    if "[" in text or "%5" in text:  # 5B and 5b
        return [_name(pair.partition("=")[0]) for pair in text.split("&")]
    return ()


def merge(values: dict[str, Any], more: dict[str, Any], *, one_place: bool = False) -> dict[str, Any]:
    """Both places together.

    Raises:
        LingpaiError: REPEATED_PARAMETER when they have different values for one name; with `one_place` also
            when they have the same.
    """
    if not values:
        return dict(more)
    for name, value in more.items():
        if name in values and (one_place or values[name] != value):
            raise repeated(name)
    return values | more
