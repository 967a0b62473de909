"""References to secrets, so that a declaration file can be kept with the code."""

import os
from pathlib import Path

from lingpai.cli.messages import tr
from lingpai.cli.problems import Problem

ENV = "env:"
FILE = "file:"


def resolve(text: str, folder: Path) -> str:
    """The secret itself.

    Args:
        text: `env:NAME`, `file:PATH` (relative to `folder`), or the secret.
        folder: where the declaration file is.

    Raises:
        Problem: the variable or the file is not there, or is empty.
    """
    if text.startswith(ENV):
        name = text.removeprefix(ENV)
        found = os.environ.get(name, "")
        if not found:
            raise Problem(tr("The environment variable {name} is not set.", name=name))
        return found.strip()
    if text.startswith(FILE):
        path = folder / text.removeprefix(FILE)
        try:
            found = path.read_text("utf-8").strip()
        except OSError as error:
            raise Problem(
                tr("{path} cannot be read: {problem}", path=path, problem=error.strerror)
            ) from error
        if not found:
            raise Problem(tr("{path} is empty.", path=path))
        return found
    return text


def is_literal(text: str) -> bool:
    """Whether a secret stands in the file itself."""
    return bool(text) and not text.startswith((ENV, FILE))
