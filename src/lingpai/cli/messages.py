"""English and Simplified Chinese, by the user's locale.

The English text is in the code and is the key into `zh.toml`; texts of the libraries that read the command line and
the settings are in `libraries.zh.toml`, reasons of errors in `core/reasons.zh.toml`. What has no entry stays English.
"""

import functools
import os
from typing import Any

from lingpai.core.languages import Catalogue, read_catalogue, reasons


def speaks_chinese() -> bool:
    """Return whether the locale is Chinese.

    The first of LC_ALL, LC_MESSAGES, LANG that is set (POSIX.1, 8.2).
    """
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return locale.lower().startswith("zh")


@functools.cache
def catalogue() -> dict[str, str]:
    """Return the whole table, English to Chinese."""
    return read_catalogue("lingpai.cli", "zh.toml")


@functools.cache
def libraries() -> dict[str, str]:
    """Return the messages of typer and pydantic, English to Chinese, in the form of `reasons`."""
    return read_catalogue("lingpai.cli", "libraries.zh.toml")


def tr(english: str, **values: Any) -> str:
    """Return the text in the user's language, with `{name}` replaced from `values`."""
    text = catalogue().get(english, english) if speaks_chinese() else english
    return text.format(**values) if values else text


def tr_reason(english: str) -> str:
    """Return an error's reason in the user's language, with the values in it unchanged."""
    return _reasons().translate(english) if speaks_chinese() else english


@functools.cache
def _reasons() -> Catalogue:
    return Catalogue({**libraries(), **reasons()})
