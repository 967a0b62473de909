"""How each connection is opened: to a server that takes writes, with a session of our own."""

from typing import Any, Final, TypeAlias

import asyncpg
from asyncpg.exceptions import TargetServerAttributeNotMatched

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_SERVER_SHARE: Final = 0.8
"""The server gives up by itself a little before we do, and then the connection stays good."""
_IDLE_SHARE: Final = 0.5
"""A node that stands still in a transaction loses it while the others still have patience for what it locked."""
_IDLE_SECONDS: Final = 10.0
"""The same where a statement may take as long as it takes: whoever stands still between two of them does not."""
_STATEMENTS_KEPT: Final = 500
_TELLS_READ_ONLY: Final = (14,)
"""The first version that tells each client whether its sessions may write."""

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


async def connect(dsn: str, patience: float) -> Connection:
    """Connect to the first of the server's hosts that takes writes.

    Args:
        dsn: the database's address.
        patience: seconds for a statement, or 0 for as long as it takes; a transaction in which nothing is asked for
            is ended all the same.

    Raises:
        OSError, asyncpg.PostgresError, asyncpg.InterfaceError: it is not possible.
        TargetServerAttributeNotMatched: no host takes writes.
    """
    connection: Connection = await asyncpg.connect(dsn, **_arguments(patience))
    try:
        await _demand_writable(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _demand_writable(connection: Connection) -> None:
    """Refuse a primary that was told to take no writes, where asyncpg, which knows standbys, cannot."""
    if connection.get_server_version() >= _TELLS_READ_ONLY:
        return
    if await connection.fetchval("SHOW default_transaction_read_only") == "on":
        raise TargetServerAttributeNotMatched("the server takes no writes")


def _arguments(patience: float) -> dict[str, Any]:
    limit = {
        "statement_timeout": str(round(patience * _SERVER_SHARE * 1000)),
        "idle_in_transaction_session_timeout": str(round((patience * _IDLE_SHARE or _IDLE_SECONDS) * 1000)),
    }
    return {
        "timeout": patience or 60.0,
        "statement_cache_size": _STATEMENTS_KEPT,
        "max_cached_statement_lifetime": 0,
        "target_session_attrs": "read-write",
        "server_settings": _SESSION | limit,
    }
