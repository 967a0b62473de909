"""Where a store is: a file of this machine, or a PostgreSQL database."""

from pathlib import Path
from typing import Final, NamedTuple

from lingpai.store.libpq.conninfo import hosts_of

SCHEMES: Final = ("postgresql", "postgres")
CONNECTIONS: Final = 4
"""Connections of one process to a database at most, besides one that listens, and two while operators read much."""


class Address(NamedTuple):
    """Where a store is, and how many connections a process has to it.

    Attributes:
        file: the embedded store's file, when `dsn` is None.
        dsn: the database (`postgresql://…`); may contain a password.
        connections: of one process to a database at most, besides the one that listens.
        floor: bytes of free space on the embedded store's disk below which the issuer adds nothing.
    """

    file: Path
    dsn: str | None = None
    connections: int = CONNECTIONS
    floor: int = 0

    @property
    def name(self) -> str:
        """The address as it may be shown: without user, password, or a parameter that may contain one."""
        if self.dsn is None:
            return str(self.file)
        return f"postgresql://{hosts_of(self.dsn)}"

    def __repr__(self) -> str:
        """Never shows a password."""
        return f"Address({self.name})"
