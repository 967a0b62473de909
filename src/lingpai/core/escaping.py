"""Escape characters of untrusted text that have an effect in a terminal or in a log line."""

import json
from collections.abc import Callable

from lingpai.core.names import hides


def shown(text: str) -> str:
    r"""Return the text with every invisible or reordering character escaped (`\x1b`, `\u202e`).

    Those are the characters that `names.hides` finds.
    """
    return _replaced(text, _backslashed)


def shown_lines(text: str) -> str:
    """Return the same as `shown` for a text of several lines; line ends stay."""
    return "\n".join(map(shown, text.split("\n")))


def shown_json(document: str) -> str:
    """Return an equal JSON document with such characters escaped as in JSON (RFC 8259 §7)."""
    return "\n".join(_replaced(line, lambda each: json.dumps(each)[1:-1]) for line in document.split("\n"))


def _replaced(text: str, escape: Callable[[str], str]) -> str:
    return "".join(escape(each) if hides(each) else each for each in text) if hides(text) else text


def _backslashed(character: str) -> str:
    return (
        character.encode("ascii", "backslashreplace").decode()
        if character > "\x7f"
        else repr(character)[1:-1]
    )
