"""Entity tags and the conditions of requests (RFC 9110 §8.8.3, §13.1)."""

import re
from typing import Any, Final

import msgspec

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.seals import Digester
from lingpai.operating.port import Condition

_TAGS: Final = re.compile(r'\s*(?:W/)?("[^"\x00-\x20]*")\s*(?:,|$)')
_encode = msgspec.json.Encoder(enc_hook=lambda value: value.hex()).encode


def tag_of(digest: Digester, state: Any) -> str:
    """Return the entity tag of a thing's state: keyed, so that nobody can work out the next one."""
    return f'"{digest(_encode(state).decode()).hex()}"'


def condition_of(if_match: str | None, if_none_match: str | None) -> Condition | None:
    """Return what the headers of a request demand; None when they demand nothing.

    Raises:
        LingpaiError: INVALID_PARAMETER: a header has no entity tags.
    """
    if if_none_match is not None:
        if if_none_match.strip() != "*" or if_match is not None:
            raise _no_tags("if-none-match")
        return Condition(absent=True)
    if if_match is None:
        return None
    if if_match.strip() == "*":
        return Condition(("*",))
    tags = tuple(match[1] for match in _TAGS.finditer(if_match))
    if not tags or _TAGS.sub("", if_match).strip():
        raise _no_tags("if-match")
    return Condition(tags)


def _no_tags(header: str) -> LingpaiError:
    return LingpaiError(Kind.INVALID_PARAMETER, "The condition has no entity tags.", parameter=header)


def demanded() -> LingpaiError:
    """Return the error for a change without a condition."""
    return LingpaiError(
        Kind.PRECONDITION_REQUIRED,
        "Send If-Match with the entity tag that you read, or If-None-Match: * to create.",
    )


def merged(target: Any, patch: Any) -> Any:
    """Return the result of a merge patch (RFC 7396 §2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
