"""English and Simplified Chinese, by the locale of whoever types.

The English text stands where it is used and is the key into `zh.toml`, reasons of errors into `errors.zh.toml`, texts
of the libraries that read the command line and the settings into `libraries.zh.toml`; what has no entry stays English.
"""

import functools
import os
import re
import tomllib
from importlib import resources
from typing import Any

_FIELD = r"\{(\w+)\}"


def speaks_chinese() -> bool:
    """Whether the locale asks for Chinese.

    The first of LC_ALL, LC_MESSAGES, LANG that is set (POSIX.1, 8.2).
    """
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return locale.lower().startswith("zh")


@functools.cache
def catalogue() -> dict[str, str]:
    """The whole table, English to Chinese."""
    return _read("zh.toml")


@functools.cache
def reasons() -> dict[str, str]:
    """The reasons of errors, English to Chinese, with `{name}` for what a reason tells besides."""
    return _read("errors.zh.toml")


@functools.cache
def libraries() -> dict[str, str]:
    """What typer and pydantic say is wrong, English to Chinese, in the form of `reasons`."""
    return _read("libraries.zh.toml")


def tr(english: str, **values: Any) -> str:
    """The text in the user's language, with `{name}` replaced from `values`."""
    text = catalogue().get(english, english) if speaks_chinese() else english
    return text.format(**values) if values else text


def tr_reason(english: str) -> str:
    """An error's reason in the user's language, with what it tells besides as it is."""
    if not speaks_chinese():
        return english
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(english)
        if found is not None:
            return chinese.format(**{name: tr_reason(value) for name, value in found.groupdict().items()})
    return english


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Each reason as a pattern; those that say more in fixed words come first."""
    texts = {**libraries(), **reasons()}
    longest_first = sorted(texts.items(), key=lambda each: -len(re.sub(_FIELD, "", each[0])))
    return [(_pattern(english), chinese) for english, chinese in longest_first]


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(_FIELD, english)  # words and names by turns
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)),
        re.DOTALL,
    )


def _read(name: str) -> dict[str, str]:
    return dict(tomllib.loads((resources.files(__package__) / name).read_text("utf-8")))
