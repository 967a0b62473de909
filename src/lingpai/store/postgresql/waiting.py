"""Wait until the database takes connections, while that is worth waiting for."""

from typing import Final

import asyncpg

from lingpai.core.errors import LingpaiError
from lingpai.store.postgresql.connect import connect
from lingpai.store.postgresql.faults import NoWriterError, is_fault, unavailable

PASSING: Final = (
    OSError,  # refused, silent, a name that is not known yet
    asyncpg.CannotConnectNowError,  # starting up, in recovery, shutting down
    asyncpg.TooManyConnectionsError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    NoWriterError,
)
"""Errors of a database that is restarted, or fails over."""


async def trial(dsn: str) -> LingpaiError | None:
    """Nothing when a host takes writes, else the error, if it is one that passes.

    Raises:
        LingpaiError: STORE_UNAVAILABLE: it does not pass (a password, a name, a parameter).
    """
    try:
        connection = await connect(dsn, 0)
    except Exception as error:
        if not is_fault(error):
            raise
        if isinstance(error, PASSING):
            return unavailable(error)
        raise unavailable(error) from error
    await connection.close()
    return None
