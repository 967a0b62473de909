"""Output of commands: tables on a terminal, one JSON document otherwise."""

import contextlib
import datetime as dt
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from lingpai.core.escaping import shown_json, shown_lines
from lingpai.messages.spans import local
from lingpai.messages.translating import tr

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}
Cell = str | Text
_DATE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?")


def emit(document: Any, as_json: bool, render: Callable[[Console], None]) -> None:
    """Print a result: `render` on a terminal, `document` as JSON in a pipe or when `as_json`."""
    if as_json or not sys.stdout.isatty():
        content = msgspec.json.format(msgspec.json.encode(document), indent=2)
        sys.stdout.write(shown_json(content.decode()) + "\n")
        return
    render(Console())


def note(text: str) -> None:
    """Say something beside the result, on standard error."""
    say(Console(stderr=True), text, "dim")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """Return a table with title and columns in the user's language."""
    made = Table(title=tr(title), title_justify="left", header_style="bold")
    drawn = [[*map(_cell, row)] for row in rows]
    for position, column in enumerate(columns):
        # A date on two lines is hard to read; other columns are narrowed instead.
        is_date = any(_DATE.fullmatch(row[position].plain) for row in drawn)
        made.add_column(tr(column), overflow="fold", no_wrap=is_date, min_width=19 if is_date else None)
    for row in drawn:
        made.add_row(*row)
    return made


def fields(pairs: Iterable[tuple[str, Cell]]) -> Table:
    """One thing, a line per property."""
    made = Table(show_header=False, box=None)
    for name, value in pairs:
        made.add_row(Text(tr(name), style="bold"), _cell(value))
    return made


def _cell(value: Cell) -> Text:
    return value if isinstance(value, Text) else Text(shown_lines(value))


def state(name: str) -> Text:
    """One of the states of `STYLES`, coloured."""
    return Text(tr(name), style=STYLES[name])


def say(console: Console, text: str, style: str = "") -> None:
    """Print a line of any length. Control characters are escaped."""
    console.print(Text(shown_lines(text), style=style), soft_wrap=True)


def done(text: str) -> Callable[[Console], None]:
    """Return a renderer of one line about a finished action."""
    return lambda console: say(console, text, "green")


@contextlib.contextmanager
def progress(text: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on standard error, when that is a terminal; gives what moves it by so many steps."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = total > 0 and sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task(tr(text), total=total)
        yield lambda steps: bar.advance(task, steps)


def local_of(iso: str | None) -> str:
    """Return a time of a document (ISO 8601) as local time, for tables; "–" for None."""
    return "–" if iso is None else local(dt.datetime.fromisoformat(iso).timestamp())
