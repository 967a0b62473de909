"""Durations as people type them."""

import re
from typing import Final

import typer

from lingpai.messages.translating import tr

_SECONDS: Final = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM: Final = re.compile(r"(\d{1,9}) ?([a-z]*)", re.ASCII)


def seconds(text: str | int) -> int:
    """Return seconds from `90`, `90s`, `30min`, `24h`, `7d` or `2w`, for options.

    Raises:
        typer.BadParameter: it is none of these.
    """
    found = _FORM.fullmatch(str(text).strip().lower())
    if found is None or found[2] not in _SECONDS:
        problem = tr(
            "{text} is not a duration; write seconds, or for example 30min, 24h or 7d.", text=repr(text)
        )
        raise typer.BadParameter(problem)
    return int(found[1]) * _SECONDS[found[2]]
