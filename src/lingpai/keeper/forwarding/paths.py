"""Targets that may be forwarded: paths taken byte for byte or refused, patterns, and the token in the query."""

import functools
import re
from typing import Final, NamedTuple
from urllib.parse import quote_from_bytes, unquote_plus, unquote_to_bytes

from lingpai.core.errors import Kind, LingpaiError

MAX_PATTERN: Final = 128
_PATTERN = re.compile(r"/[A-Za-z0-9_./*~-]*")
# Encoded: what separates or ends paths (/ \ ; ? #), dots, a percent sign, which is decoded twice by some, and controls.
_UNSAFE = re.compile(
    rb"%(?:2[35ef]|3[bf]|5c|7f|[01][0-9a-f])|%(?![0-9a-f]{2})|[^\x21-\x7e]|[\\;#]", re.IGNORECASE
)
_UNSAFE_QUERY = re.compile(rb"[^\x21-\x7e]|[\\#]|%(?![0-9a-f]{2})|%(?:0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)
_NO_SEGMENTS = frozenset({b"", b".", b".."})
_SEPARATORS = re.compile(rb"[&;]")
# What some servers read as an underscore.
_UNDERSCORES = re.compile(r"[ .+-]")


class Target(NamedTuple):
    """The target of a call at the platform.

    Attributes:
        path: as it came, from its first slash.
        decoded: the same, decoded: what patterns are compared with.
        query: as it came, without the question mark.
    """

    path: bytes
    decoded: str
    query: bytes


def target_of(raw: bytes, segments: int = 0) -> Target:
    """Return path and query of a request target without its first `segments` segments, which are our own route's.

    Raises:
        LingpaiError: INVALID_PARAMETER for what two servers could read in two ways: an absolute form, a segment that is
            empty or of dots, an encoded slash, backslash, dot, percent sign or control character.
    """
    path, _, query = raw.partition(b"?")
    parts = path.split(b"/")
    rest = parts[1 + segments :]
    if parts[0] or not rest or _UNSAFE.search(path) or not _NO_SEGMENTS.isdisjoint(rest):
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            "The path cannot be forwarded: write it as the platform documents it, without empty segments, dots and "
            "encoded separators.",
            parameter="path",
        )
    if _UNSAFE_QUERY.search(query):
        raise LingpaiError(
            Kind.INVALID_PARAMETER,
            "The query contains characters that have to be encoded.",
            parameter="query",
        )
    path = b"/" + b"/".join(rest)
    decoded = unquote_to_bytes(path).decode("utf-8", "replace")
    return Target(path, decoded, query)


def is_pattern(text: str) -> bool:
    """Return whether a text is a pattern of paths: a path in which `*` matches any characters."""
    return len(text) <= MAX_PATTERN and _PATTERN.fullmatch(text) is not None


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def matches(pattern: str, path: str) -> bool:
    """Return whether a decoded path fits a pattern."""
    return _compiled(pattern).fullmatch(path) is not None


@functools.lru_cache(maxsize=512)
def first_match(patterns: tuple[str, ...], path: str) -> str | None:
    """Return the first pattern that a decoded path fits, or None; kept, as callers repeat their paths."""
    return next((each for each in patterns if matches(each, path)), None)


def _is_name(given: bytes, name: str) -> bool:
    """Return whether the name of a pair is `name`, or could be read as it."""
    text = unquote_plus(given.decode("latin-1")).strip().lower().partition("[")[0]
    return _UNDERSCORES.sub("_", text) == name


def _places(query: bytes, name: str) -> list[bytes]:
    """Return the names, undecoded, of the pairs that give `name`."""
    names = (pair.partition(b"=")[0] for pair in _SEPARATORS.split(query))
    return [each for each in names if _is_name(each, name)]


def token_in(query: bytes, name: str) -> str | None:
    """Return the one value of the parameter `name`, decoded; None when it is not there.

    Raises:
        LingpaiError: REPEATED_PARAMETER when it is there more than once, or spelt so that servers differ in reading it.
    """
    places = _places(query, name) if query else []
    if not places:
        return None
    values = [pair for pair in query.split(b"&") if pair.partition(b"=")[0] == name.encode()]
    if len(places) > 1 or len(values) != 1 or b";" in values[0]:
        raise LingpaiError(Kind.REPEATED_PARAMETER, f"The parameter {name} is repeated.", parameter=name)
    return unquote_plus(values[0].partition(b"=")[2].decode("latin-1"))


def with_token(query: bytes, name: str, token: str) -> bytes:
    """Return the query with `token` in the place of the parameter `name`, or behind all others; the rest unchanged."""
    pair = name.encode() + b"=" + quote_from_bytes(token.encode(), safe="").encode()
    if not query:
        return pair
    given = query.split(b"&")
    if not any(each.partition(b"=")[0] == name.encode() for each in given):
        return b"&".join([*given, pair])
    return b"&".join(pair if each.partition(b"=")[0] == name.encode() else each for each in given)
