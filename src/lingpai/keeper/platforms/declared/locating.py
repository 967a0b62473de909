"""Where in a file something is wrong: lines by the path of a value, and the name that was probably meant."""

import re
import tomllib
from collections.abc import Sequence

from lingpai.core.plugins import DescriptionError

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_POSITION = re.compile(r"\(at line (\d+), column (\d+)\)")

Path = Sequence[str]
"""Names from the document's top to a value; positions in arrays are digits."""


def line_of(text: str, path: Path) -> int:
    """Return the line (from 1) of the value at a path, or of the innermost table around it."""
    best, where = (0, 1), 0
    table: list[str] = []
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header is not None and "=" not in header[2].partition("#")[0]:
            table = _parts(header[2])
            if header[1] == "[[":
                key = tuple(table)
                counts[key] = counts.get(key, -1) + 1
                table = [*table, str(counts[key])]
            found = table
        elif (key_match := _KEY.match(line)) is not None:
            found = [*table, *_parts(key_match[1])]
        else:
            continue
        where = _common(found, path)
        if where == len(found) and where > best[0]:
            best = (where, number)
    return best[1]


def _parts(text: str) -> list[str]:
    return [each.strip("\"'") for each in _PART.findall(text)]


def _common(found: Path, path: Path) -> int:
    """Return how many names both begin with; entries of an array count where one of the two has them."""
    count = 0
    for one, other in zip(found, path, strict=False):
        if one != other:
            break
        count += 1
    return count


def at(file: str, text: str, path: Path, problem: str) -> DescriptionError:
    """Return the error for a value of a file."""
    return DescriptionError(file, line_of(text, path), ".".join(path), problem)


def unreadable(file: str, error: tomllib.TOMLDecodeError) -> DescriptionError:
    """Return the error for a file that is no TOML."""
    found = _POSITION.search(str(error))
    line = int(found[1]) if found else 1
    return DescriptionError(file, line, "", f"this is not TOML: {_POSITION.sub('', str(error)).strip()}")


def nearest(name: str, known: Sequence[str]) -> str:
    """Return "; is NAME meant?" with the known name that is most like this one, or ""."""
    import difflib  # noqa: PLC0415  only mistakes need it

    found = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; is {found[0]} meant?" if found else ""
