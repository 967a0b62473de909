"""Scopes: words separated by blanks (RFC 6749 §3.3)."""

import re

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.handles import MAX_NARROWED_GENERATION, MAX_WORDS
from lingpai.core.issuer_records import Grant

_WORDS = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


def narrow_scope(asked: str | None, allowed: frozenset[str], default: str | None) -> str | None:
    """Return the scope for a request: the requested one, or the default when it requests none.

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
        raise LingpaiError(Kind.INVALID_SCOPE, "The app may not request this scope.", parameter="scope")
    return asked


def words_within(asked: str | None, grant: Grant) -> int:
    """Return the words of a grant's scope that a requested scope names (RFC 6749 §6).

    Args:
        asked: the parameter, unchanged.
        grant: the grant; its scope stays as it is, whatever scope one of its tokens has.

    Returns:
        As `Handle.words`: 0 for all, also when no scope is requested.

    Raises:
        LingpaiError: INVALID_SCOPE when it is wider than the grant's, or narrower in a way that a handle cannot encode.
    """
    chosen = set((asked or "").split())
    words = _distinct(grant.scope)
    if not chosen <= words.keys():
        raise LingpaiError(Kind.INVALID_SCOPE, "The scope exceeds what was granted.", parameter="scope")
    if len(chosen) in {0, len(words)}:
        return 0
    if len(words) > MAX_WORDS or grant.generation >= MAX_NARROWED_GENERATION:
        raise LingpaiError(
            Kind.INVALID_SCOPE,
            f"A scope of more than {MAX_WORDS} words can only be granted as a whole.",
            parameter="scope",
        )
    return sum(1 << number for number, word in enumerate(words) if word in chosen)


def scope_of_words(granted: str | None, words: int) -> str | None:
    """Return the scope of a token: the words of the grant's scope that `words_within` chose; 0 for all of them."""
    if not words:
        return granted
    return " ".join(word for number, word in enumerate(_distinct(granted)) if words >> number & 1)


def _distinct(scope: str | None) -> dict[str, None]:
    return dict.fromkeys((scope or "").split())


def require_scope(needed: str, granted: str | None) -> None:
    """Refuse a token whose scope lacks a word.

    Raises:
        LingpaiError: INSUFFICIENT_SCOPE.
    """
    if needed not in (granted or "").split():
        raise LingpaiError(Kind.INSUFFICIENT_SCOPE, f"The token lacks the scope {needed}.")
