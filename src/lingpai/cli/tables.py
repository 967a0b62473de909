"""Reading open_ids from a file: CSV with a header, or a JSON array of objects."""

import csv
import io
from pathlib import Path
from typing import Any

import msgspec

from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem, not_text
from lingpai.core.text import TextError, read_text
from lingpai.issuer.administration import Known
from lingpai.issuer.checks import MAX_OPEN_ID

ALIASES = {
    "app": "app",
    "app_id": "app",
    "client_id": "app",
    "login": "login",
    "user": "login",
    "open_id": "open_id",
}
"""Names that a column may have."""
COLUMNS = ("app", "login", "open_id")


def read_known(path: Path) -> list[Known]:
    """Return the rows of a file, whose columns are app, login (or user) and open_id.

    Raises:
        Problem: a row lacks one of them, or the file is neither CSV nor JSON.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    try:
        text = read_text(content, str(path))
        rows = _read_json(text) if path.suffix == ".json" else _read_csv(text)
    except TextError as error:
        raise Problem(not_text(error)) from error
    except (msgspec.MsgspecError, csv.Error) as error:
        raise Problem(tr("{path} cannot be understood: {problem}", path=path, problem=error)) from error
    return [_known(path, number, row) for number, row in enumerate(rows, start=1)]


def _read_json(content: str) -> list[dict[str, Any]]:
    return msgspec.json.decode(content, type=list[dict[str, Any]])


def _read_csv(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _known(path: Path, number: int, row: dict[str, Any]) -> Known:
    found = {
        ALIASES[name]: str(value).strip()
        for name, value in row.items()
        if name in ALIASES and value is not None
    }
    missing = [name for name in COLUMNS if not found.get(name)]
    if missing:
        text = "Row {number} of {path} has no {names}; the columns are app, login and open_id."
        raise Problem(tr(text, number=number, path=path, names=", ".join(missing)))
    if len(found["open_id"]) > MAX_OPEN_ID or not found["open_id"].isprintable():
        raise Problem(
            tr(
                "Row {number} of {path} has an open_id with unsupported characters or length.",
                number=number,
                path=path,
            )
        )
    return Known(found["app"], found["login"], found["open_id"])
