"""Text of strangers, where a control character would do something: in a terminal, in a log line."""

import json
from collections.abc import Callable

from lingpai.core.names import hides


def shown(text: str) -> str:
    r"""The text with every character escaped (`\x1b`, `\u202e`) that cannot be seen or that moves others about.

    Those are the characters that `names.hides` tells of.
    """
    return _replaced(text, _backslashed)


def shown_lines(text: str) -> str:
    """As `shown`, for a text of several lines, whose ends stay."""
    return "\n".join(map(shown, text.split("\n")))


def shown_json(document: str) -> str:
    """A JSON document that says the same, with such characters escaped as JSON has it (RFC 8259 §7)."""
    return "\n".join(_replaced(line, lambda each: json.dumps(each)[1:-1]) for line in document.split("\n"))


def _replaced(text: str, escape: Callable[[str], str]) -> str:
    return "".join(escape(each) if hides(each) else each for each in text) if hides(text) else text


def _backslashed(character: str) -> str:
    return (
        character.encode("ascii", "backslashreplace").decode()
        if character > "\x7f"
        else repr(character)[1:-1]
    )
