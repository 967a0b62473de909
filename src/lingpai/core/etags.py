"""Comparing entity tags (RFC 9110 §8.8.3, §13.1.2)."""

import re
from typing import Final

# Compressing proxies append the name of their coding to a tag: Apache `-gzip`, Jetty `--gzip`.
_CODING: Final = re.compile(r"-{1,2}(?:gzip|br|deflate|zstd)$")
_MEMBER: Final = re.compile(r'(?:W/)?"([^"]*)"|([^\s",]+)')


def _opaque(tag: str) -> str:
    return _CODING.sub("", tag.removeprefix("W/").strip('"'))


def is_named(tag: str, if_none_match: str | None) -> bool:
    """Return whether an `If-None-Match` value names this entity tag, or any by `*`.

    The comparison is weak, as proxies weaken tags. A suffix that a compressing proxy appended is ignored, and missing
    quotes are accepted.
    """
    if if_none_match is None:
        return False
    wanted = _opaque(tag)
    return any(
        bare == "*" or _CODING.sub("", quoted or bare.removeprefix("W/")) == wanted
        for quoted, bare in _MEMBER.findall(if_none_match)
    )
