"""Time zones by their names in the IANA database."""

from datetime import tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def _time_zone(name: str) -> str:
    zone_of(name)
    return name


TimeZone = Annotated[str, AfterValidator(_time_zone)]


def zone_of(name: str) -> tzinfo | None:
    """Return a time zone; None, which is the machine's own, for "".

    Raises:
        ValueError: the database has no such zone.
    """
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: a folder of the database
        raise ValueError("no time zone of the IANA database, such as Asia/Shanghai or UTC") from error
