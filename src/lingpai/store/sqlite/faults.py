"""Faults of the file system and of SQLite, as one public error."""

import contextlib
from typing import Final

import apsw

from lingpai.core.errors import LingpaiError
from lingpai.store.faults import store_unavailable

RETRY_AFTER: Final[dict[type[apsw.Error], float]] = {
    apsw.BusyError: 1.0,
    apsw.LockedError: 1.0,
    apsw.ProtocolError: 1.0,
    apsw.InterruptError: 1.0,
    apsw.ConnectionClosedError: 1.0,
    apsw.FullError: 30.0,
    apsw.ReadOnlyError: 30.0,
    apsw.IOError: 5.0,
    apsw.CantOpenError: 5.0,
    apsw.PermissionsError: 30.0,
    apsw.NoMemError: 5.0,
    apsw.CorruptError: 60.0,
    apsw.NotADBError: 60.0,
}
"""Seconds after which trying again makes sense, for each error that is the storage's fault and not a bug of ours."""

FAULTS: Final = tuple(RETRY_AFTER)
PASSING: Final = (apsw.BusyError, apsw.LockedError)
"""Faults after which the connection is as good as before; after any other it is opened anew."""


def unavailable(fault: BaseException) -> LingpaiError:
    """The STORE_UNAVAILABLE error for one of `FAULTS`."""
    return store_unavailable(fault, RETRY_AFTER.items())


def close_quietly(connection: apsw.Connection | None) -> None:
    """Close a connection that is of no more use, whatever state it is in."""
    if connection is not None:
        with contextlib.suppress(apsw.Error):
            connection.close(True)
