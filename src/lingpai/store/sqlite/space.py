"""Room on the disk: what SQLite writes now may fit into pages that it has, and the next renewal need not."""

import os
from pathlib import Path
from typing import Final

import apsw

from lingpai.store.sqlite.faults import unavailable

LEAST_FREE: Final = 16 * 1024 * 1024
"""Bytes that have to be free, on a disk that is large enough."""
LEAST_SHARE: Final = 0.01
"""Of a small disk, so much of the whole."""


def demand_space(database: Path) -> None:
    """Refuse a disk that is all but full.

    Args:
        database: the store's file.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    try:
        disk = os.statvfs(database.parent)
    except OSError as error:
        raise unavailable(apsw.CantOpenError(str(error))) from error
    free = disk.f_bavail * disk.f_frsize
    if free < min(LEAST_FREE, disk.f_blocks * disk.f_frsize * LEAST_SHARE):
        raise unavailable(apsw.FullError(f"{free} bytes are free on the disk of the store"))
