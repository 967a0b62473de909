"""Times as documents have them."""

import datetime as dt


def moment(unix: float | None) -> str | None:
    """Return unix time in seconds as ISO 8601 in UTC, for documents; None for None."""
    if unix is None:
        return None
    return dt.datetime.fromtimestamp(unix, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
