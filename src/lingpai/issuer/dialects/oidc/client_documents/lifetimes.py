"""How long a fetched document may be used, by what its server says (RFC 9111 §4.2)."""

import email.utils
import re
from collections.abc import Mapping
from typing import Final

LEAST: Final = 5 * 60
"""Seconds that a document is used at least, so that no client makes us fetch it with each request."""
MOST: Final = 24 * 3600
"""Seconds after which it is fetched again, whatever its server says."""
_DIRECTIVE = re.compile(r'([a-z-]+)(?:="?(\d+)"?)?')


def seconds_fresh(headers: Mapping[str, str], now: float) -> int:
    """Return for how many seconds a document may be used, from `LEAST` to `MOST`.

    Args:
        headers: of the answer, by names in lower case.
        now: unix time in seconds.
    """
    return max(LEAST, min(MOST, _said(headers, now)))


def _said(headers: Mapping[str, str], now: float) -> int:
    found = dict(_DIRECTIVE.findall(headers.get("cache-control", "").lower()))
    if "no-store" in found or "no-cache" in found:
        return 0
    age = headers.get("age", "0").strip()
    used = int(age) if age.isdecimal() and len(age) < len(str(MOST)) * 2 else 0
    for name in ("s-maxage", "max-age"):  # the first is for caches that many share, as this one is
        seconds = found.get(name, "")
        if seconds:
            return min(int(seconds[:9]), MOST) - used
    until, since = (_unix(headers.get(name, "")) for name in ("expires", "date"))
    return 0 if until is None else int(until - (now if since is None else since)) - used


def _unix(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
