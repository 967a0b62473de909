"""English and Simplified Chinese, by the locale of whoever types.

The English text stands where it is used and is the key into `zh.toml`; what has no entry there stays English.
"""

import functools
import os
import tomllib
from importlib import resources
from typing import Any


def speaks_chinese() -> bool:
    """Whether the locale asks for Chinese.

    The first of LC_ALL, LC_MESSAGES, LANG that is set (POSIX.1, 8.2).
    """
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return locale.lower().startswith("zh")


@functools.cache
def catalogue() -> dict[str, str]:
    """The whole table, English to Chinese."""
    text = (resources.files(__package__) / "zh.toml").read_text("utf-8")
    return dict(tomllib.loads(text))


def tr(english: str, **values: Any) -> str:
    """The text in the user's language, with `{name}` replaced from `values`."""
    text = catalogue().get(english, english) if speaks_chinese() else english
    return text.format(**values) if values else text
