"""Text that people bring in files, variables and pipes: one encoding, and forgiving of what editors and shells add."""

_MARKS = (
    (b"\xef\xbb\xbf", ""),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""Byte order marks, and the encoding besides UTF-8 that each is of."""
_QUOTES = ("'", '"')


class TextError(ValueError):
    """It cannot be read as text.

    Args:
        place: what it is, such as a file's name.
        problem: what is wrong and what to do, to follow "this is …".
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: this is {problem}.")
        self.place = place
        self.problem = problem


def read_text(content: bytes, place: str) -> str:
    """UTF-8 text, without a byte order mark.

    Args:
        content: the bytes.
        place: what they are, such as a file's name.

    Raises:
        TextError: they are another encoding, or no text.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            if encoding:
                raise TextError(place, f"{encoding} text; save it as UTF-8")
            content = content[len(mark) :]
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextError(place, _guess(content, error)) from error
    if "\x00" in text:
        raise TextError(place, "UTF-16 text, or no text; save it as UTF-8")
    return text


def trimmed(value: str) -> str:
    """Return a value without blanks, line ends and a pair of quotes around it, which shells and editors add."""
    bare = value.strip().removeprefix("\ufeff").strip()
    inner = bare[1:-1]
    return (
        inner.strip()
        if bare[:1] in _QUOTES and bare[:1] == bare[-1:] and bare[:1] not in inner and inner
        else bare
    )


def _guess(content: bytes, error: UnicodeDecodeError) -> str:
    line = content.count(b"\n", 0, error.start) + 1
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return f"not UTF-8 text (line {line}); save it as UTF-8"
    return f"not UTF-8 text (line {line}), but maybe GBK; convert it with iconv -f GBK -t UTF-8"
