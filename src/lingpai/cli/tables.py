"""Reading open_ids and users from a file: CSV with a header, or a JSON array of objects."""

import csv
import io
from pathlib import Path
from typing import Any

import msgspec

from lingpai.core.text import TextError, read_text
from lingpai.issuer.checks import MAX_OPEN_ID
from lingpai.messages.problems import Problem, not_text
from lingpai.messages.translating import tr

ALIASES = {
    "app": "app",
    "app_id": "app",
    "client_id": "app",
    "login": "login",
    "user": "login",
    "open_id": "open_id",
}
"""Names that a column may have."""
PASSWORD_HASH = "password_hash"  # noqa: S105  a column
USER_COLUMNS = ("login", PASSWORD_HASH, "nick", "avatar", "sex", "seller_name")
COLUMNS = ("app", "login", "open_id")


def read_known(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file, whose columns are app, login (or user) and open_id.

    Raises:
        Problem: a row lacks one of them, or the file is neither CSV nor JSON.
        OSError: it cannot be read.
    """
    return [_known(path, number, row) for number, row in enumerate(_read(path), start=1)]


def read_users(path: Path) -> list[dict[str, str]] | None:
    """Return the rows of a file of users, whose columns are login (or user), password_hash and those of a profile.

    None when it has no column password_hash.

    Raises:
        Problem: a row has no login, or the file is neither CSV nor JSON.
        OSError: it cannot be read.
    """
    rows = _read(path)
    if not any(PASSWORD_HASH in row for row in rows):
        return None
    return [_new_user(path, number, row) for number, row in enumerate(rows, start=1)]


def _new_user(path: Path, number: int, row: dict[str, Any]) -> dict[str, str]:
    given = {
        ALIASES.get(name, name): str(value).strip()
        for name, value in row.items()
        if name and value is not None
    }
    if not given.get("login"):
        text = "Row {number} of {path} has no {names}; the columns are login and password_hash."
        raise Problem(tr(text, number=number, path=path, names="login"))
    return {name: given[name] for name in USER_COLUMNS if given.get(name)}


def _read(path: Path) -> list[dict[str, Any]]:
    content = path.read_bytes()
    try:
        text = read_text(content, str(path))
        return _read_json(text) if path.suffix == ".json" else _read_csv(text)
    except TextError as error:
        raise Problem(not_text(error)) from error
    except (msgspec.MsgspecError, csv.Error) as error:
        raise Problem(tr("{path} cannot be understood: {problem}", path=path, problem=error)) from error


def _read_json(content: str) -> list[dict[str, Any]]:
    return msgspec.json.decode(content, type=list[dict[str, Any]])


def _read_csv(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def _known(path: Path, number: int, row: dict[str, Any]) -> dict[str, str]:
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
    return found
