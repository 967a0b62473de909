"""Connections that were given up while the server still worked for them: they count until the server has ended them.

A backend does not notice that its client is gone while it waits for a synchronous standby; one behind a cut line, not
for a minute. Were their places free at once, a node would fill the server with them.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from lingpai.store.postgresql.connect import Backend, Connection, backend_of, connect
from lingpai.store.postgresql.faults import is_fault

EVERY: Final = 0.25
"""Seconds between looks at what the server does for them."""
_AT_FIRST: Final = 0.02
"""The same after the first look, which ended most of them."""
_TRIED: Final = 2
"""Looks after which what is still there is not going to end soon."""
_LOOK: Final = """
SELECT pid, backend_start, coalesce(wait_event = 'SyncRep', false),
    CASE WHEN wait_event IS DISTINCT FROM 'SyncRep' THEN pg_terminate_backend(pid) END
FROM pg_stat_activity WHERE pid = ANY($1::integer[])
"""
"""Ends them, too: all but those that wait for a standby, whose commit others would see before a standby has it."""

_log = logging.getLogger(__name__)


class Abandoned:
    """Backends that were given up and may live on.

    Args:
        dsn: the database.
        patience: seconds within which it must answer.
        freed: called when one has ended, with whether it was to write.
        stuck: called when those that are left are not going to end soon.

    Attributes:
        standbys_stall: whether one of them waits for a synchronous standby.
    """

    def __init__(
        self, dsn: str, patience: float, freed: Callable[[bool], None], stuck: Callable[[], None]
    ) -> None:
        self.standbys_stall = False
        self._stuck = stuck
        self._looks = 0
        self._dsn = dsn
        self._patience = patience
        self._freed = freed
        self._kept: dict[Backend, bool] = {}
        self._watch: asyncio.Task[None] | None = None

    def keep(self, connection: Connection, *, writes: bool) -> None:
        """Count the backend of a connection that was given up, until it has ended."""
        if not self._kept:
            self._looks = 0
        self._kept[backend_of(connection)] = writes
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._look_until_ended())

    @property
    def are_stuck(self) -> bool:
        """True when there are some that will not end soon: the server does not answer, or waits itself."""
        return bool(self._kept) and (self.standbys_stall or self._looks >= _TRIED)

    async def close(self) -> None:
        """Look no more."""
        self._kept.clear()
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)

    async def _look_until_ended(self) -> None:
        while self._kept:
            try:
                connection = await connect(self._dsn, self._patience)
                try:
                    while self._kept:
                        async with asyncio.timeout(self._patience):
                            await self._look(connection)
                        await self._rest()
                finally:
                    connection.terminate()
            except Exception as error:  # noqa: BLE001  places must come free again, whatever it was
                if not is_fault(error):
                    _log.exception("The state of abandoned connections is unknown")
                self._looks = _TRIED
                await self._rest()
        self.standbys_stall = False

    async def _rest(self) -> None:
        self._looks += 1
        if self.are_stuck:
            self._stuck()
        await asyncio.sleep(_AT_FIRST if self._looks < _TRIED else EVERY)

    async def _look(self, connection: Connection) -> None:
        server = backend_of(connection).server
        rows = await connection.fetch(_LOOK, [each.pid for each in self._kept if each.server == server])
        alive = {Backend(server, pid, began): stalls for pid, began, stalls, _ in rows}
        stall = any(stalls and each in self._kept for each, stalls in alive.items())
        if stall != self.standbys_stall:
            self.standbys_stall = stall
            said = "do not confirm; writes are refused until they do." if stall else "confirm again."
            _log.warning("The database's synchronous standbys %s", said)
        for each in [each for each in self._kept if each not in alive]:
            self._freed(self._kept.pop(each))
