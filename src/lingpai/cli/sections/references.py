"""References to secrets, so that a declaration file can be kept with the code."""

import os
from pathlib import Path

from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem, not_text
from lingpai.core.text import TextError, read_text, trimmed

ENV = "env:"
FILE = "file:"


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


def is_literal(text: str) -> bool:
    """Return whether a secret is in the file itself."""
    return bool(text) and not text.startswith((ENV, FILE))
