"""Where settings come from, for whoever has to mend them."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

SETTINGS_FILE = "lingpai.toml"
ENV_FILE = ".env"
PREFIX = "LINGPAI_"
ALIKE = 0.8
"""From where on a name is a slip of the pen: other programs have names of their own that begin as ours do."""


_NAMES_OF_SECRETS = re.compile(r"^THIRD_APPID_|SECRET|PASSWORD|PASSWD|TOKEN|(^|_)KEY$", re.IGNORECASE)


def settings_files(data: Path | None = None) -> list[Path]:
    """The settings files that are there, the one that wins first.

    Args:
        data: the folder of the command line, or None.

    Raises:
        UnicodeDecodeError: `.env` is no text.
    """
    named = {name.upper(): value for _, name, value in _variables()}
    folder = data or named.get(f"{PREFIX}DATA")
    places = (Path(), *([Path(folder)] if folder else []))
    return [file for file in (place / SETTINGS_FILE for place in places) if file.is_file()]


def files_with_secrets(data: Path | None = None) -> list[Path]:
    """The settings files, `.env` among them, in which a secret is written down.

    Args:
        data: the folder of the command line, or None.
    """
    found = [file for file in settings_files(data) if any(_is_secret(*each) for each in _leaves(file))]
    named = [name for name, value in dotenv_values(ENV_FILE).items() if value and _is_secret(name, value)]
    return [*found, Path(ENV_FILE)] if named else found


def _leaves(file: Path) -> list[tuple[str, object]]:
    """Every value of a settings file, with the name that it stands under."""
    unread = [*tomllib.loads(file.read_text("utf-8")).items()]
    leaves: list[tuple[str, object]] = []
    while unread:
        name, value = unread.pop()
        if isinstance(value, dict):
            unread += value.items()
        else:
            leaves.append((name, value))
    return leaves


def _is_secret(name: str, value: object) -> bool:
    """Whether a setting or a variable holds a secret, by its name, or as an address with a password."""
    if _NAMES_OF_SECRETS.search(name):
        return True
    try:
        parts = urlsplit(str(value))
        return bool(parts.password) or "password=" in parts.query
    except ValueError:
        return False


def explain_unreadable(error: Exception, data: Path | None, lists: Collection[str]) -> str:
    """Which source could not be read, and why.

    Args:
        error: of reading them all.
        data: the folder of the command line, or None.
        lists: the settings that are lists, without their group's name.
    """
    if isinstance(error.__cause__, json.JSONDecodeError):
        return _explain_not_json(error.__cause__, lists)
    try:
        files = settings_files(data)
    except UnicodeDecodeError:
        return f"{ENV_FILE}: {error}"
    problems = ((file, _problem_of(file)) for file in files)
    return next((f"{file}: {problem}" for file, problem in problems if problem), str(error))


def mistyped(scalars: Collection[str], groups: Collection[str]) -> Iterator[str]:
    """Variables that are no settings, and are so like one that it must be meant: told, not ignored.

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
        for like in difflib.get_close_matches(name.replace("__", "_"), known, 1, ALIKE):
            yield f"{variable} ({where}): there is no such setting; is {PREFIX}{known[like]} meant?"
            break
        else:
            for like in difflib.get_close_matches(group, groups, 1, ALIKE) if inside else ():
                yield f"{variable} ({where}): there is no such setting; is {PREFIX}{like}__{rest} meant?"


def _variables() -> Iterator[tuple[str, str, str]]:
    """Where each variable of ours stands, its name and its value; what stands last wins."""
    for where, entries in ((ENV_FILE, dotenv_values(ENV_FILE)), ("environment", os.environ)):
        for name, value in entries.items():
            if name.upper().startswith(PREFIX) and value is not None:
                yield where, name, value


def _explain_not_json(error: json.JSONDecodeError, lists: Collection[str]) -> str:
    """Never shows the value of a group, as it may hold a password."""
    for where, name, value in _variables():
        if value != error.doc:
            continue
        if name.upper().rpartition("__")[2] not in lists:
            return f'{name} ({where}): must be a JSON object, such as {{"name": 1}}'
        words = (word.strip(" []\"'") for word in value.split(","))
        example = json.dumps([word for word in words if word])
        return f"{name} ({where}): must be a JSON list, such as {example}"
    return str(error)


def _problem_of(file: Path) -> str:
    try:
        tomllib.loads(file.read_text("utf-8"))
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return str(error)
    return ""
