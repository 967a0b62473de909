"""The tables of help pages, with texts folded and typer's words in the user's language."""

from typing import Any

from rich.columns import Columns
from rich.table import Table
from rich.text import Text
from typer import rich_utils

from lingpai.messages.translating import tr


class FoldingTable(Table):
    """A table that breaks words wider than their column, as Chinese sentences are; Rich's own cuts them off."""

    def add_row(self, *cells: Any, **style: Any) -> None:
        """Add a row; Rich's method adds missing columns."""
        super().add_row(*cells, **style)
        for column in self.columns:
            column.overflow = "fold"


class FoldingColumns(Columns):
    """Texts side by side, as the meaning of an option is; broken as in `FoldingTable`."""

    def __init__(self, renderables: Any = (), *others: Any, **style: Any) -> None:
        """Make columns with Rich's arguments."""
        super().__init__(map(_folded, renderables), *others, **style)


def _folded(renderable: Any) -> Any:
    if isinstance(renderable, Text):
        renderable.overflow = "fold"
    return renderable


def prepare_typer() -> None:
    """Let typer print help with these tables and words; it looks them up in its module."""
    ours = {
        "Table": FoldingTable,
        "Columns": FoldingColumns,
        "DEFAULT_STRING": tr("[default: {}]"),
        "REQUIRED_LONG_STRING": tr("[required]"),
    }
    for name, value in ours.items():
        setattr(rich_utils, name, value)
