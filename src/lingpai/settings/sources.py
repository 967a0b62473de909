"""Find the source of each setting, for messages about wrong settings."""

import io
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from lingpai.core.text import read_text, trimmed

SETTINGS_FILE = "lingpai.toml"
ENV_FILE = ".env"
PREFIX = "LINGPAI_"
LEGACY_PREFIX = "THIRD_APPID_"
"""Prefix of configured secrets in the original service's `.env`."""
OURS = (PREFIX, LEGACY_PREFIX)
_ENTRY = re.compile(rf"\s*(?:export\s+)?(?:{PREFIX}|{LEGACY_PREFIX})\w+\s*=", re.IGNORECASE)
_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"\s*([\w\-.\"' ]+?)\s*=")
ALIKE = 0.8
"""Least similarity of a name to a setting at which it counts as a typing error: other programs have similar names."""


_NAMES_OF_SECRETS = re.compile(r"^THIRD_APPID_|SECRET|PASSWORD|PASSWD|TOKEN|(^|_)KEY$", re.IGNORECASE)


class UnreadableError(ValueError):
    """A settings file cannot be parsed; the message says where."""


def settings_files(data: Path | None = None) -> list[Path]:
    """Return the existing settings files, in order of precedence.

    Args:
        data: the folder of the command line, or None.

    Raises:
        TextError: `.env` is no text.
    """
    named = {name.upper(): value for _, name, value in _variables()}
    folder = data or named.get(f"{PREFIX}DATA")
    places = (Path(), *([Path(folder)] if folder else []))
    return [file for file in (place / SETTINGS_FILE for place in places) if file.is_file()]


def files_with_secrets(data: Path | None = None) -> list[Path]:
    """Return the settings files, `.env` included, that contain a secret.

    Args:
        data: the folder of the command line, or None.
    """
    found = [file for file in settings_files(data) if any(_is_secret(*each) for each in _leaves(file))]
    named = [name for name, value in file_variables().items() if value and _is_secret(name, value)]
    return [*found, Path(ENV_FILE)] if named else found


def _leaves(file: Path) -> list[tuple[str, object]]:
    """Return every value of a settings file, with its name."""
    unread = [*read_toml(file).items()]
    leaves: list[tuple[str, object]] = []
    while unread:
        name, value = unread.pop()
        if isinstance(value, dict):
            unread += value.items()
        else:
            leaves.append((name, value))
    return leaves


def _is_secret(name: str, value: object) -> bool:
    """Return whether a setting or a variable is a secret, by its name, or as an address with a password."""
    if _NAMES_OF_SECRETS.search(name):
        return True
    try:
        parts = urlsplit(str(value))
        return bool(parts.password) or "password=" in parts.query
    except ValueError:
        return False


def file_variables(file: Path = Path(ENV_FILE)) -> dict[str, str]:
    """Return the entries of `.env`, other programs' too; empty without the file.

    Raises:
        TextError: it is no UTF-8 text.
        UnreadableError: a quote in it is not closed where that hides an entry of ours.
        OSError: it cannot be read.
    """
    if not file.is_file():
        return {}
    text = read_text(file.read_bytes(), str(file))
    _demand_closed_quotes(file, text)
    entries = dotenv_values(stream=io.StringIO(text))
    return {
        name: trimmed(value) if _is_ours(name) else value
        for name, value in entries.items()
        if value is not None
    }


def environment_variables() -> dict[str, str]:
    """Return the environment's variables; our values as `.env` would give them."""
    return {name: trimmed(value) if _is_ours(name) else value for name, value in os.environ.items()}


def read_toml(file: Path) -> dict[str, Any]:
    """Read and parse a settings file.

    Raises:
        TextError: it is no UTF-8 text.
        UnreadableError: it cannot be parsed.
        OSError: it cannot be read.
    """
    try:
        return tomllib.loads(read_text(file.read_bytes(), str(file)))
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"{file}: {error}") from error
    except RecursionError as error:
        raise UnreadableError(f"{file}: the nesting is too deep") from error


def _demand_closed_quotes(file: Path, text: str) -> None:
    """Refuse a quote that is not closed: a value may have several lines, but must not swallow our next entry."""
    for binding in parse_stream(io.StringIO(text)):
        first, *others = binding.original.string.strip("\r\n").splitlines() or [""]
        line = binding.original.line
        hides = any(map(_ENTRY.match, others))
        if hides or (binding.error and _ENTRY.match(first)):
            raise UnreadableError(f"{file}, line {line}: this cannot be understood; is a quote not closed?")


def _is_ours(name: str) -> bool:
    return name.upper().startswith(OURS)


def explain_unreadable(error: Exception, lists: Collection[str]) -> str:
    """Return the source that could not be read, and the reason.

    Args:
        error: of reading them all.
        lists: the settings that are lists, without their group's name.
    """
    if isinstance(error.__cause__, json.JSONDecodeError):
        return _explain_not_json(error.__cause__, lists)
    return str(error)


def place_of(path: Sequence[str], given: Collection[str], data: Path | None) -> str:
    """Return the place that sets a setting: command line, variable, or line of a file; "" when it is unknown.

    Args:
        path: its name, part by part.
        given: names that the command line set.
        data: the folder of the command line, or None.
    """
    if path[0] in given:
        return "command line"
    names = ["__".join(path[:depth]).upper() for depth in range(len(path), 0, -1)]
    for where, variable, _ in reversed([*_variables()]):
        if variable.upper().removeprefix(PREFIX) in names:
            return f"{variable} ({where})"
    for file in settings_files(data):
        line = _line_of(read_text(file.read_bytes(), str(file)), path)
        if line:
            return f"{file}, line {line}"
    return ""


def nearest(path: Sequence[str], known: Collection[str]) -> str:
    """Return the setting that is most similar to a mistyped name, as `group.name`; "" when there is none."""
    elsewhere = [
        each for each in known if each.rpartition(".")[2] == path[-1]
    ]  # its group is missing or wrong
    found = elsewhere or _similar(".".join(path), known, 0.6)
    return found[0] if found else ""


def _similar(name: str, known: Collection[str], alike: float) -> list[str]:
    """Return the name that is most similar to another, if one is at least so similar (0 to 1)."""
    import difflib  # noqa: PLC0415  only mistakes need it

    return difflib.get_close_matches(name, known, 1, alike)


def _line_of(text: str, path: Sequence[str]) -> int:
    """Return the line of a settings file that sets this or its group; 0 when none does."""
    table: tuple[str, ...] = ()
    best = (0, 0)
    for number, line in enumerate(text.splitlines(), start=1):
        header, entry = _HEADER.match(line), _KEY.match(line)
        if header is not None:
            table = found = _parts(header[1])
        elif entry is not None:
            found = (*table, *_parts(entry[1]))
        else:
            continue
        if tuple(path[: len(found)]) == found and len(found) > best[0]:
            best = (len(found), number)
    return best[1]


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in name.split("."))


def mistyped(scalars: Collection[str], groups: Collection[str]) -> Iterator[str]:
    """Yield a message for each variable that is not a setting but similar to one.

    Args:
        scalars: the settings, with `GROUP__` before those of a group.
        groups: names of groups, in which pydantic itself refuses what is unknown.
    """
    known = {name.replace("__", "_"): name for name in scalars}
    for where, variable, _ in _variables():
        name = variable.upper().removeprefix(PREFIX)
        group, inside, rest = name.partition("__")
        if name in scalars or group in groups:
            continue
        for like in _similar(name.replace("__", "_"), known, ALIKE):
            yield f"{variable} ({where}): there is no such setting; is {PREFIX}{known[like]} meant?"
            break
        else:
            for like in _similar(group, groups, ALIKE) if inside else ():
                yield f"{variable} ({where}): there is no such setting; is {PREFIX}{like}__{rest} meant?"


def _variables() -> Iterator[tuple[str, str, str]]:
    """Yield the place, name and value of each of our variables; the last one wins."""
    for where, entries in ((ENV_FILE, file_variables()), ("environment", environment_variables())):
        for name, value in entries.items():
            if name.upper().startswith(PREFIX):
                yield where, name, value


def _explain_not_json(error: json.JSONDecodeError, lists: Collection[str]) -> str:
    """Explain a value that is not JSON; never show a group's value, as it may contain a password."""
    for where, name, value in _variables():
        if value != error.doc:
            continue
        if name.upper().rpartition("__")[2] not in lists:
            return f'{name} ({where}): must be a JSON object, such as {{"name": 1}}'
        words = (word.strip(" []\"'") for word in value.split(","))
        example = json.dumps([word for word in words if word])
        return f"{name} ({where}): must be a JSON list, such as {example}"
    return str(error)
