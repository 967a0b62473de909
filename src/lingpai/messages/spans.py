"""Spans and moments of time as operators read them."""

import datetime as dt
from typing import Final

from lingpai.messages.translating import tr

UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(seconds: float | None) -> str:
    """Return a time span as text: `1 h 58 min`, `45 s`; "–" for None."""
    if seconds is None:
        return "–"
    if seconds < 0:
        return tr("expired")
    for position, (size, unit) in enumerate(UNITS):
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            below, name = UNITS[position + 1] if position + 1 < len(UNITS) else (1, "s")
            return f"{whole} {unit} {rest // below} {name}" if rest // below else f"{whole} {unit}"
    return f"{int(seconds)} s"


def local(unix: float | None) -> str:
    """Return unix time in seconds as local time, for tables; "–" for None."""
    if unix is None:
        return "–"
    return dt.datetime.fromtimestamp(unix).astimezone().strftime("%Y-%m-%d %H:%M:%S")
