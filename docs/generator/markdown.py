"""The little Markdown that generated pages need."""

import inspect
import re
from collections.abc import Iterable, Sequence

MADE = "<!-- Written by `make docs` from the code. Change the code, not this file. -->"


def head(title: str, *introduction: str) -> list[str]:
    """The first blocks of a page; blocks are joined by empty lines, see `joined`."""
    return [MADE, f"# {title}", *introduction]


def joined(blocks: Iterable[str]) -> str:
    """A whole page."""
    return "\n\n".join(blocks) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells may hold any text on one line or several."""
    lines = [columns, ["---"] * len(columns), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(text: object) -> str:
    """The text as it is typed; nothing for nothing."""
    return f"`{text}`" if str(text) else ""


def prose(docstring: str | None) -> str:
    """A docstring as one line, with names in double backticks as Markdown has them."""
    return " ".join(inspect.cleandoc(docstring or "").replace("``", "`").split())


def attributes(described: type) -> dict[str, str]:
    """What a Google-style docstring says of each attribute, its bases' included."""
    found: dict[str, str] = {}
    for each in reversed(described.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        for name, about in re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", text, re.MULTILINE):
            found[name] = prose(about)
    return found


def summary(docstring: str | None) -> str:
    """The part of a docstring before its sections."""
    return prose(
        re.split(r"\n\s*(?:Attributes|Args|Raises|Returns):\n", inspect.cleandoc(docstring or ""))[0]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
