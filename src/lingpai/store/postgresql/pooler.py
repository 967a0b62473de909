"""Connection poolers between us and the server (PgBouncer and its like): how to detect and handle one."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import asyncpg

from lingpai.store.postgresql.faults import PoolerError

_PID: Final = "SELECT pg_backend_pid()"
SHARED: Final = (
    "A connection pooler that shares sessions is in between (PgBouncer with pool_mode = "
    "transaction or statement). Name the server itself in `store`, or set pool_mode = session "
    "for this database."
)
_log = logging.getLogger(__name__)


async def demand_sessions(
    connection: "asyncpg.Connection[Any]", open_another: Callable[[], AbstractAsyncContextManager[Any]]
) -> None:
    """Make sure that each connection keeps the session that it has, where something answers in the server's place.

    Prepared statements, LISTEN and settings belong to a session. Where two connections of ours are answered by the
    same process of the server, they have none of their own.

    Args:
        connection: one whose server process is not the one that its other side named.
        open_another: opens one more, closed afterwards.

    Raises:
        PoolerError: it does not.
    """
    try:
        async with open_another() as other:
            before = await connection.fetchval(_PID)
            async with other.transaction():
                theirs = await other.fetchval(_PID)
                during = await connection.fetchval(_PID)
            async with connection.transaction():
                again = await other.fetchval(_PID)
            await other.close()
    except (
        asyncpg.InvalidSQLStatementNameError,
        asyncpg.DuplicatePreparedStatementError,
        asyncpg.ConnectionDoesNotExistError,  # a pooler of statements refuses transactions so
    ) as error:
        raise PoolerError(SHARED) from error
    if theirs == before or during != before or again != theirs:
        raise PoolerError(SHARED)
    _log.warning("A connection pooler is between Lingpai and the database; it costs time and has no benefit.")
