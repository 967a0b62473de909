"""Text of strangers, where a control character would do something: in a terminal, in a log line."""

import unicodedata

_BLANK = "Zs"


def shown(text: str) -> str:
    r"""The text with every character escaped (`\x1b`, `\u202e`) that cannot be seen or that moves others about.

    Those are the control, format, private and unassigned characters and the separators of lines (Unicode general
    categories C* and Zl, Zp), and halves of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or unicodedata.category(each) == _BLANK else _escaped(each)
        for each in text
    )


def _escaped(character: str) -> str:
    return (
        character.encode("ascii", "backslashreplace").decode()
        if character > "\x7f"
        else repr(character)[1:-1]
    )
