"""Faults of the network and of PostgreSQL, as one public error."""

from typing import Final

import asyncpg
from asyncpg.exceptions import (
    InternalClientError,
    OutdatedSchemaCacheError,
    TargetServerAttributeNotMatched,
    TransactionTimeoutError,
)

from lingpai.core.errors import LingpaiError
from lingpai.store.faults import store_unavailable


class AddressError(asyncpg.InterfaceError):
    """The address asks for what cannot be done; the message names it, says what to do, and shows no value."""


class PoolerError(asyncpg.InterfaceError):
    """The server is a pooler that does not keep our sessions; the message says what to do."""


class StalledError(ConnectionError):
    """Earlier calls were given up, and the server still works for them."""


class NoWriterError(TargetServerAttributeNotMatched):
    """A host that takes no writes."""


RETRY_AFTER: Final[dict[type[BaseException], float]] = {
    AddressError: 30.0,
    PoolerError: 30.0,
    asyncpg.InsufficientPrivilegeError: 30.0,
    asyncpg.InvalidSQLStatementNameError: 30.0,
    asyncpg.DuplicatePreparedStatementError: 30.0,
    asyncpg.TooManyConnectionsError: 5.0,
    asyncpg.DiskFullError: 30.0,
    asyncpg.InsufficientResourcesError: 5.0,
    asyncpg.ReadOnlySQLTransactionError: 5.0,
    TargetServerAttributeNotMatched: 5.0,
    asyncpg.InvalidAuthorizationSpecificationError: 30.0,
    asyncpg.InvalidCatalogNameError: 30.0,
    asyncpg.DataCorruptedError: 60.0,
    asyncpg.IndexCorruptedError: 60.0,
    asyncpg.PostgresConnectionError: 1.0,
    asyncpg.OperatorInterventionError: 1.0,
    asyncpg.PostgresSystemError: 5.0,
    asyncpg.LockNotAvailableError: 1.0,
    asyncpg.IdleInTransactionSessionTimeoutError: 1.0,
    TransactionTimeoutError: 1.0,
    asyncpg.DeadlockDetectedError: 1.0,
    asyncpg.SerializationError: 1.0,
    asyncpg.InterfaceError: 1.0,
    InternalClientError: 1.0,
    StalledError: 5.0,
    OSError: 1.0,  # and so TimeoutError
}
"""Seconds after which trying again makes sense, for each error that is not a bug of ours; the first that fits."""

FAULTS: Final = tuple(RETRY_AFTER)

AGAIN: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
    OutdatedSchemaCacheError,
)
"""Errors of a transaction that was rolled back and may do well when it is run anew."""

OVERDUE: Final = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError, TimeoutError)
"""Errors of a transaction that ran out of time, by the server's clock or ours; running it anew takes as long."""

UNSENT: Final = (asyncpg.InterfaceError, InternalClientError)
"""Faults of a connection that the client found to be none any more before it sent anything; another one will do."""

LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    ConnectionResetError,
    BrokenPipeError,
)
"""Faults of a connection that was lost while it was used; another one may do well at once."""

DEMOTED: Final = (asyncpg.ReadOnlySQLTransactionError,)
"""Faults of a server that was the primary once; every connection to it is dropped."""


NOT_OURS: Final = (
    asyncpg.DataError,
    asyncpg.ClientConfigurationError,
    TargetServerAttributeNotMatched,
    AddressError,
    PoolerError,
    *AGAIN,
)
"""Errors of those classes that are no faults of the database."""


def is_fault(error: BaseException) -> bool:
    """True when an error is the database's (or the network's) and not a bug of ours."""
    return isinstance(error, FAULTS) and not isinstance(error, asyncpg.DataError)


def is_unsent(error: BaseException) -> bool:
    """True when nothing was sent, so that even a write may be sent by another connection."""
    return isinstance(error, UNSENT) and not isinstance(error, NOT_OURS)


def is_lost(error: BaseException) -> bool:
    """True when a read may succeed at once on another connection."""
    return isinstance(error, LOST) or is_unsent(error)


def unavailable(fault: BaseException) -> LingpaiError:
    """The STORE_UNAVAILABLE error for a fault."""
    return store_unavailable(fault, RETRY_AFTER.items())
