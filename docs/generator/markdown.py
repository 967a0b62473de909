"""The little Markdown that generated pages need."""

import ast
import functools
import inspect
import itertools
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


@functools.cache
def documented_fields(described: type) -> dict[str, str]:
    """The string below each annotated field of a class, its bases' included."""
    found: dict[str, str] = {}
    for each in reversed(described.__mro__):
        if each.__module__.partition(".")[0] != described.__module__.partition(".")[0]:
            continue
        try:
            source = inspect.getsource(each)
        except (OSError, TypeError):  # made from a description
            found |= {
                name: prose(field.description) for name, field in _own_fields(each) if field.description
            }
            continue
        definition = ast.parse(textwrap.dedent(source)).body[0]
        for field, below in itertools.pairwise(
            definition.body if isinstance(definition, ast.ClassDef) else ()
        ):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
            ):
                found[field.target.id] = prose(str(ast.literal_eval(below.value)))
    return found


def _own_fields(described: type) -> Iterable[tuple[str, Any]]:
    fields: Mapping[str, Any] = getattr(described, "model_fields", {})
    return fields.items()


def summary(docstring: str | None) -> str:
    """The part of a docstring before its sections."""
    return prose(
        re.split(r"\n\s*(?:Attributes|Args|Raises|Returns):\n", inspect.cleandoc(docstring or ""))[0]
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
