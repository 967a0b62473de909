"""English and Simplified Chinese: by the user's locale on the command line, by the request over HTTP.

The English text is in the code and is the key into `zh.toml`; texts of the libraries that read the command line and
the settings are in `libraries.zh.toml`, mistakes in files that describe platforms in `descriptions.zh.toml`, reasons of
errors in `core/reasons.zh.toml`. What has no entry stays English.
"""

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from lingpai.core.languages import Catalogue, read_catalogue, reasons

if TYPE_CHECKING:
    from lingpai.core.flaws import Flaw

_CHINESE: Final[ContextVar[bool | None]] = ContextVar("chinese", default=None)


@contextlib.contextmanager
def speaking(chinese: bool) -> Iterator[None]:
    """Say everything in one language within the block, whatever the locale is."""
    before = _CHINESE.set(chinese)
    try:
        yield
    finally:
        _CHINESE.reset(before)


def speaks_chinese() -> bool:
    """Return whether texts are Chinese: as `speaking` says, else by the locale.

    The locale is the first of LC_ALL, LC_MESSAGES, LANG that is set (POSIX.1, 8.2).
    """
    chosen = _CHINESE.get()
    if chosen is not None:
        return chosen
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return locale.lower().startswith("zh")


@functools.cache
def catalogue() -> dict[str, str]:
    """Return the whole table, English to Chinese."""
    return read_catalogue(__package__, "zh.toml")


@functools.cache
def libraries() -> dict[str, str]:
    """Return the messages of typer and pydantic, English to Chinese, in the form of `reasons`."""
    return read_catalogue(__package__, "libraries.zh.toml")


def tr(english: str, **values: Any) -> str:
    """Return the text in the user's language, with `{name}` replaced from `values`."""
    text = catalogue().get(english, english) if speaks_chinese() else english
    return text.format(**values) if values else text


def tr_reason(english: str) -> str:
    """Return an error's reason in the user's language, with the values in it unchanged."""
    return _reasons().translate(english) if speaks_chinese() else english


def sentences(flaws: "Iterable[Flaw]") -> list[str]:
    """Return the sentences of flaws in the user's language."""
    return [tr_reason(flaw.text) for flaw in flaws]


def tr_description(english: str) -> str:
    """Return what is wrong in a file that describes a platform, in the user's language."""
    return _descriptions().translate(english) if speaks_chinese() else english


@functools.cache
def _descriptions() -> Catalogue:
    return Catalogue(read_catalogue(__package__, "descriptions.zh.toml"))


@functools.cache
def _reasons() -> Catalogue:
    return Catalogue({**libraries(), **reasons()})
