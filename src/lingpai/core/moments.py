"""Times as documents have them."""

import datetime as dt

_MINUTE = 60


def moment(unix: float | None) -> str | None:
    """Return unix time in seconds as ISO 8601 in UTC, for documents; None for None."""
    if unix is None:
        return None
    return dt.datetime.fromtimestamp(unix, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def local_moment(unix: float, zone: dt.tzinfo | None) -> dict[str, str]:
    """Return unix time in seconds for `<time>`: machine-readable, and as text in a zone, the machine's when None."""
    at = dt.datetime.fromtimestamp(unix, dt.UTC)
    here = at.astimezone(zone)
    return {"machine": at.isoformat(), "shown": f"{here:%Y-%m-%d %H:%M} {_zone_of(here)}"}


def _zone_of(at: dt.datetime) -> str:
    """Return how far a time's zone is ahead of UTC: "UTC+8", "UTC-3:30", "UTC"."""
    minutes = round((at.utcoffset() or dt.timedelta()).total_seconds() / _MINUTE)
    hours, rest = divmod(abs(minutes), _MINUTE)
    sign = "+" if minutes > 0 else "-"
    return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")


def unix_of(moment: str) -> float:
    """Return the unix time in seconds of what `moment` made."""
    return dt.datetime.fromisoformat(moment).timestamp()
