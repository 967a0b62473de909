"""References to secrets, so that a declaration file can be kept with the code. They are resolved here, on this host."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lingpai.core.text import TextError, read_text, trimmed
from lingpai.messages.problems import Problem, not_text
from lingpai.messages.translating import tr
from lingpai.operating.sections import SECTIONS
from lingpai.operating.sections.section import ENV, FILE, Section


def resolve(text: str, folder: Path) -> str:
    """The secret itself.

    Args:
        text: `env:NAME`, `file:PATH` (relative to `folder`), or the secret.
        folder: where the declaration file is.

    Raises:
        Problem: the variable or the file is not there, is empty or no text.
    """
    if text.startswith(ENV):
        name = text.removeprefix(ENV)
        found = os.environ.get(name, "")
        if not found:
            raise Problem(tr("The environment variable {name} is not set.", name=name))
        return _text(found.encode(errors="surrogateescape"), name)
    if text.startswith(FILE):
        path = folder / text.removeprefix(FILE)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise Problem(
                tr("{path} cannot be read: {problem}", path=path, problem=error.strerror)
            ) from error
        found = _text(content, str(path))
        if not found:
            raise Problem(tr("{path} is empty.", path=path))
        return found
    return text


def _text(content: bytes, place: str) -> str:
    try:
        return trimmed(read_text(content, place))
    except TextError as error:
        raise Problem(not_text(error)) from error


def resolved(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the content of a declaration file with each reference replaced by the secret that it leads to.

    Args:
        document: the content.
        folder: where the file is.

    Raises:
        Problem: with every reference that leads nowhere.
    """
    problems: list[str] = []

    def see_to(section: Section[Any], entry: Any) -> Any:
        if not isinstance(entry, dict):
            return entry  # which is refused later, with every other fault
        found = dict(entry)
        for name in section.secrets:
            try:
                if isinstance(entry.get(name), str):
                    found[name] = resolve(entry[name], folder)
            except Problem as problem:
                problems.append(f"{'/'.join(str(entry.get(key, '')) for key in section.keys)}: {problem}")
        return found

    by_name = {section.name: section for section in SECTIONS}
    found = {
        name: [see_to(by_name[name], entry) for entry in entries]
        if name in by_name and isinstance(entries, list)
        else entries
        for name, entries in document.items()
    }
    if problems:
        raise Problem(" ".join([tr("Nothing was changed."), *problems]))
    return found
