"""Scopes: words separated by blanks (RFC 6749 §3.3)."""

import re

from lingpai.core.errors import Kind, LingpaiError

_WORDS = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


def narrow_scope(asked: str | None, allowed: frozenset[str], default: str | None) -> str | None:
    """The scope that a request gets: what it asks for, or the default when it asks for nothing.

    Args:
        asked: the parameter as given.
        allowed: every word that may be asked for; empty when anything may.
        default: the dialect's default.

    Raises:
        LingpaiError: INVALID_SCOPE when it is malformed or asks for more than is allowed.
    """
    if not asked:
        return default
    if not _WORDS.match(asked) or (allowed and not allowed.issuperset(asked.split(" "))):
        raise LingpaiError(
            Kind.INVALID_SCOPE, "The scope is not one that may be asked for.", parameter="scope"
        )
    return asked


def check_within(asked: str | None, granted: str | None) -> None:
    """Refuse a scope that is wider than what was granted.

    Raises:
        LingpaiError: INVALID_SCOPE.
    """
    if asked and not set(asked.split()) <= set((granted or "").split()):
        raise LingpaiError(
            Kind.INVALID_SCOPE, "The scope may not be wider than what was granted.", parameter="scope"
        )


def require_scope(needed: str, granted: str | None) -> None:
    """Refuse a token whose scope lacks a word.

    Raises:
        LingpaiError: INSUFFICIENT_SCOPE.
    """
    if needed not in (granted or "").split():
        raise LingpaiError(Kind.INSUFFICIENT_SCOPE, f"The token lacks the scope {needed}.")
