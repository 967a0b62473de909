"""English and Simplified Chinese, by the user's locale.

The English text is in the code and is the key into `zh.toml`, reasons of errors into `errors.zh.toml`, texts
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
    """Return whether the locale is Chinese.

    The first of LC_ALL, LC_MESSAGES, LANG that is set (POSIX.1, 8.2).
    """
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return locale.lower().startswith("zh")


@functools.cache
def catalogue() -> dict[str, str]:
    """Return the whole table, English to Chinese."""
    return _read("zh.toml")


@functools.cache
def reasons() -> dict[str, str]:
    """Return the reasons of errors, English to Chinese, with `{name}` for values in a reason."""
    return _read("errors.zh.toml")


@functools.cache
def libraries() -> dict[str, str]:
    """Return the messages of typer and pydantic, English to Chinese, in the form of `reasons`."""
    return _read("libraries.zh.toml")


def tr(english: str, **values: Any) -> str:
    """Return the text in the user's language, with `{name}` replaced from `values`."""
    text = catalogue().get(english, english) if speaks_chinese() else english
    return text.format(**values) if values else text


def tr_reason(english: str) -> str:
    """Return an error's reason in the user's language, with the values in it unchanged."""
    if not speaks_chinese():
        return english
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(english)
        if found is not None:
            return chinese.format(**{name: tr_reason(value) for name, value in found.groupdict().items()})
    return english


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Return each reason as a pattern, those with more fixed words first."""
    texts = {**libraries(), **reasons()}
    longest_first = sorted(texts.items(), key=lambda each: -len(re.sub(_FIELD, "", each[0])))
    return [(_pattern(english), chinese) for english, chinese in longest_first]


def _pattern(english: str) -> re.Pattern[str]:
    parts = re.split(_FIELD, english)  # words and names alternate
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts)),
        re.DOTALL,
    )


def _read(name: str) -> dict[str, str]:
    return dict(tomllib.loads((resources.files(__package__) / name).read_text("utf-8")))
