"""Room on the disk: what SQLite writes now may fit into pages that it has, and the next renewal need not."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from lingpai.core.errors import LingpaiError
from lingpai.store.sqlite.faults import unavailable

LEAST_FREE: Final = 16 * 1024 * 1024
"""Bytes that have to be free, on a disk that is large enough."""
LEAST_SHARE: Final = 0.01
"""Of a small disk, so much of the whole."""


FLOOR_SHARE: Final = 0.04
"""Of a small disk, so much of the whole is kept for what must go on."""
LOOK_SECONDS: Final = 1.0


class Floor:
    """Free space below which nothing is added, so that the keeper's tokens can still be renewed.

    Args:
        database: the store's file.
        bytes_free: how much; 0 for no floor.
        monotonic: seconds that never go back; the disk is looked at once a second at most.
    """

    def __init__(
        self, database: Path, bytes_free: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._bytes = bytes_free
        self._monotonic = monotonic
        self._look_at = 0.0
        self._refusal: LingpaiError | None = None

    def demand(self) -> None:
        """Refuse to add anything while the disk is fuller than the floor.

        Raises:
            LingpaiError: STORE_UNAVAILABLE.
        """
        if not self._bytes:
            return
        now = self._monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._refusal = self._look()
        if self._refusal is not None:
            raise unavailable(apsw.FullError(str(self._refusal.detail)))

    def _look(self) -> LingpaiError | None:
        try:
            demand_space(self._database, self._bytes, FLOOR_SHARE)
        except LingpaiError as refusal:
            return refusal
        return None


def demand_space(database: Path, least: int = LEAST_FREE, share: float = LEAST_SHARE) -> None:
    """Refuse a disk that is all but full.

    Args:
        database: the store's file.
        least: bytes that have to be free.
        share: of the whole disk, which is enough where that is less.

    Raises:
        LingpaiError: STORE_UNAVAILABLE.
    """
    try:
        disk = os.statvfs(database.parent)
    except OSError as error:
        raise unavailable(apsw.CantOpenError(str(error))) from error
    free = disk.f_bavail * disk.f_frsize
    if free < min(least, disk.f_blocks * disk.f_frsize * share):
        raise unavailable(apsw.FullError(f"{free} bytes are free on the disk of the store"))
