"""Names that people type: one spelling for all that look and sound the same."""

import re
import unicodedata

_IGNORABLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and marks that show nothing (Unicode, Default_Ignorable_Code_Point), besides those of the categories C*."""
_WORD = re.compile(r"[^\s/\x00-\x1f]+")


def tidy(text: str) -> str:
    """Return a name as it is shown: in compatible composed form (NFKC, Unicode Annex 15), without blanks around it."""
    return unicodedata.normalize("NFKC", text).strip()


def fold(text: str) -> str:
    """Return the common form of all spellings of a name, without case (Unicode Standard §3.13, toNFKC_Casefold)."""
    return tidy(unicodedata.normalize("NFKC", text).casefold())


def hides(text: str) -> bool:
    """Return whether the text has an invisible or reordering character.

    Those are control, format (zero-width, bidirectional), private and unassigned characters, halves of surrogate
    pairs, separators of lines, and letters without a shape.
    """
    if text.isascii():
        return not text.isprintable()
    return any(_hides(each) for each in text)


def is_name(text: str) -> bool:
    """Return whether a text has no blanks, slashes and control characters, and is not empty."""
    return bool(_WORD.fullmatch(text)) and not hides(text)


def _hides(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp") or character in _IGNORABLE
