"""The platform's token in answers to callers that may not see it, replaced in each way that it can be spelt."""

import functools
import html
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, quote_plus

import msgspec


def _in_json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


def _in_lower_case(text: str) -> str:
    """Percent-encode with small digits (RFC 3986 §2.1: both are alike)."""
    return "".join(each if quote(each, safe="") == each else quote(each, safe="").lower() for each in text)


_SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (
    str,
    lambda text: quote(text, safe=""),
    quote,
    quote_plus,
    _in_lower_case,
    _in_json,
    lambda text: _in_json(text).replace("/", r"\/"),
    lambda text: html.escape(text, quote=False),
    html.escape,
)


@functools.lru_cache(maxsize=1024)
def _pairs(real: str, shown: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return what to replace by what; for most tokens all spellings are one."""
    found = {spell(real).encode(): spell(shown).encode() for spell in reversed(_SPELLINGS)}
    return tuple(found.items())


def hidden(content: bytes, real: str, shown: str) -> bytes:
    """Return a content with `shown` in the place of `real`, as text, in URLs, JSON and XML."""
    for old, new in _pairs(real, shown):
        if old in content:
            content = content.replace(old, new)
    return content
