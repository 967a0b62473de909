"""Hearing at once of what any node committed, by LISTEN on a connection of its own."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Final

import asyncpg

from lingpai.store.postgresql.connect import Connection, connect

CHANNEL: Final = "lingpai"
"""The channel that the schema's triggers notify."""
INSURANCE: Final = 1.0
"""Seconds after which whoever waits looks for himself, though nothing was heard."""
POLL: Final = 0.1
"""The same while nothing can be heard."""
HEARTBEAT: Final = 10.0
"""Seconds between proofs that the connection still is one."""
RESPITE: Final = 1.0
"""Seconds between attempts to connect."""
_FAREWELL: Final = 0.5

_log = logging.getLogger(__name__)


class Listener:
    """Counts changes that were heard of. Made by `open`; `close` it.

    Args:
        dsn: the database.
        patience: seconds within which it must have answered.
    """

    def __init__(self, dsn: str, patience: float) -> None:
        self.changes = 0
        self._dsn = dsn
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._watchers: set[asyncio.Future[None]] = set()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, dsn: str, patience: float) -> "Listener":
        """Listen from now on; as soon as it is possible, where the server has no connection left.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: that is not possible.
        """
        listener = cls(dsn, patience)
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            await listener._connect()
        listener._task = asyncio.create_task(listener._stay())
        return listener

    async def wait(self, seconds: float) -> None:
        """Come back with the next change, or when somebody has to look for himself, at most after `seconds`."""
        watcher: asyncio.Future[None] = self._loop.create_future()
        self._watchers.add(watcher)
        listening = self._connection is not None and not self._connection.is_closed()
        try:
            async with asyncio.timeout(min(seconds, INSURANCE if listening else POLL)):
                await watcher
        except TimeoutError:
            pass
        finally:
            self._watchers.discard(watcher)

    async def close(self) -> None:
        """Stop listening. Safe to call twice."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._hear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # whatever it was: it is of no more use
                await connection.close(timeout=_FAREWELL)

    def _hear(self, *_notification: Any) -> None:
        self.changes += 1
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)

    def _lose(self, *_connection: Any) -> None:
        self._lost.set()
        self._hear()

    async def _connect(self) -> None:
        """Have a connection that listens, or none."""
        self._lost.clear()
        connection = await connect(self._dsn, self._patience)
        try:
            connection.add_termination_listener(self._lose)
            with (
                self._limited(connection),
                contextlib.suppress(asyncpg.FeatureNotSupportedError),  # then everybody looks for himself
            ):
                await connection.add_listener(CHANNEL, self._hear)
        except BaseException:
            connection.terminate()
            raise
        self._connection = connection
        self._hear()  # what was committed meanwhile was not heard

    async def _stay(self) -> None:
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    await self._connect()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT):
                        await self._lost.wait()
                await self._prove()
            except Exception as error:  # noqa: BLE001  a node that cannot listen polls, and tries to listen again
                _log.warning("Notifications of the store are not received: %s", type(error).__name__)
                await asyncio.sleep(RESPITE)

    async def _prove(self) -> None:
        if self._connection is None or self._connection.is_closed():
            return
        with self._limited(self._connection):
            await self._connection.fetchval("SELECT 1")

    @contextlib.contextmanager
    def _limited(self, connection: Connection) -> Iterator[None]:
        """Give up a connection that does not answer in time."""
        timer = self._loop.call_later(self._patience, connection.terminate)
        try:
            yield
        finally:
            timer.cancel()
