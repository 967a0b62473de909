"""Connections: how they are opened, lent and given up when the database does not answer in time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

import asyncpg
from prometheus_client import Histogram

from lingpai.store.postgresql.faults import DEMOTED, is_unsent

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)

PATIENCE: Final = 5.0
"""Seconds within which the database must have answered, the wait for a connection included."""
_SERVER_SHARE: Final = 0.8
"""The server gives up by itself a little before we do, and then the connection stays good."""
_IDLE_SHARE: Final = 0.5
"""A node that stands still in a transaction loses it while the others still have patience for what it locked."""
_STATEMENTS_KEPT: Final = 500
_ENDLESS: Final = 1 << 62

_waited = Histogram(
    "lingpai_store_connection_wait_seconds",
    "Seconds that a batch or transaction waited for a connection to PostgreSQL.",
    buckets=(0.0005, 0.002, 0.01, 0.05, 0.2, 1.0, 5.0),
)

_SESSION: Final = {
    "application_name": "lingpai",
    "synchronous_commit": "on",  # an answer that was given survives power loss, whatever the server's default
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",  # planning anew for each array costs more than running it
    # All statements go by an index. A plan that was made for a young table is kept while it grows, so it must not be
    # one that reads all of it.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


def session(patience: float) -> dict[str, Any]:
    """Arguments of `asyncpg.connect` that every connection of ours has.

    Args:
        patience: seconds for a statement, or 0 for as long as it takes.
    """
    limit = {
        "statement_timeout": str(round(patience * _SERVER_SHARE * 1000)),
        "idle_in_transaction_session_timeout": str(round(patience * _IDLE_SHARE * 1000)),
    }
    return {
        "timeout": patience or 60.0,
        "statement_cache_size": _STATEMENTS_KEPT,
        "max_cached_statement_lifetime": 0,
        "target_session_attrs": "read-write",
        "server_settings": _SESSION | limit,
    }


class Pool:
    """Lends connections for short whiles. Made by `open`; `close` it."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", patience: float) -> None:
        self._pool = pool
        self._patience = patience

    @classmethod
    async def open(cls, dsn: str, connections: int, patience: float) -> "Pool":
        """Connect once, to find out at once whether that is possible.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: it is not.
        """
        pool = asyncpg.create_pool(
            dsn,
            min_size=0,  # else asyncpg tries to mend it while there is no database, with a traceback in the log
            max_size=connections,
            max_queries=_ENDLESS,
            max_inactive_connection_lifetime=300.0,
            reset=_keep,
            **session(patience),
        )
        try:
            await pool
            await pool.release(await pool.acquire())
        except BaseException:
            pool.terminate()
            raise
        return cls(pool, patience)

    @contextlib.asynccontextmanager
    async def connection(self, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection for the length of the block, which has to be short.

        Args:
            seconds: how long the block may take; the pool's patience when None.

        Raises:
            TimeoutError: there was none in time, or the block took too long; its connection was given up then.
        """
        asked = time.monotonic()
        async with asyncio.timeout(self._patience):
            connection = await self._pool.acquire()
        waited = time.monotonic() - asked
        _waited.observe(waited)
        late = False

        def give_up() -> (
            None
        ):  # whoever waits for an answer has his error then; no cancel request, which may hang too
            nonlocal late
            late = True
            connection.terminate()

        timer = asyncio.get_running_loop().call_later((seconds or self._patience) - waited, give_up)
        try:
            yield connection
        except DEMOTED:
            connection.terminate()
            await self._pool.expire_connections()
            raise
        except Exception as error:
            if late:
                raise TimeoutError("the database did not answer in time") from error
            if is_unsent(error):  # it has been told that it is over, and waits for the end
                connection.terminate()
            raise
        finally:
            timer.cancel()
            await self._pool.release(connection)

    async def close(self) -> None:
        """Close all connections, at once when the database does not answer."""
        try:
            async with asyncio.timeout(self._patience):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


async def _keep(_connection: object) -> None:
    """Nothing of ours changes a session, so a connection that is given back needs no round trip to be reset."""
