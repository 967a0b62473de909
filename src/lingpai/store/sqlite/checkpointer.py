"""Checkpoints of the write-ahead log, in a thread of their own so that none stalls a caller."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Final

import apsw

from lingpai.store.sqlite.faults import FAULTS, close_quietly

STEP: Final = 4000
"""Frames (pages) written since the last checkpoint that bring about the next."""
HIGH: Final = 8 * STEP
"""Frames above which the log is emptied as well, for which writers have to pause for a moment."""
PATIENCE: Final = 0.05
"""Seconds that emptying the log may wait for readers, and so keep writers waiting."""
RESPITE: Final = 1.0
"""Seconds at most until the next attempt after a fault."""

_log = logging.getLogger(__name__)


class Checkpointer:
    """Copies what was committed from the log into the database.

    Args:
        connect: opens a connection; called in the thread, again after a fault.
    """

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._wanted = threading.Event()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._frames = 0
        self._base = 0
        self._thread = threading.Thread(target=self._run, name="lingpai-store-checkpointer", daemon=True)
        self._thread.start()

    def notice(self, _connection: apsw.Connection, _database: str, frames: int) -> int:
        """Hear of a commit, after which the log has this many frames. To be set as a connection's WAL hook."""
        self._frames = frames
        if frames < self._base:  # the log was begun anew
            self._base = 0
        if frames - self._base >= STEP:
            self._base = frames
            self._wanted.set()
        return apsw.SQLITE_OK

    async def close(self) -> None:
        """End the thread, which closes its connection."""
        self._closing = True
        self._wanted.set()
        await asyncio.shield(self._ended)
        self._thread.join()

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        while not self._closing:
            try:
                connection = connection or self._connect()
                self._wanted.wait()
                self._wanted.clear()
                if not self._closing:
                    self._checkpoint(connection)
            except apsw.BusyError:
                continue  # another process is at it
            except FAULTS as fault:
                _log.warning("The store's log could not be checkpointed: %s", fault)
                close_quietly(connection)
                connection = None
                self._wanted.clear()
                if not self._closing:
                    self._wanted.wait(RESPITE)
        close_quietly(connection)
        with contextlib.suppress(RuntimeError):  # the loop was closed and the store was not
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _checkpoint(self, connection: apsw.Connection) -> None:
        frames, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if self._frames >= HIGH:
            frames, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        if frames == copied:
            self._base = 0  # the next commit begins the log anew
