"""Addresses of PostgreSQL as libpq reads them, so that what works with `psql` works here, or is refused by name.

Needs no client of PostgreSQL: settings are checked before one is installed.
"""

from lingpai.store.libpq.conninfo import Conninfo, Host, read
from lingpai.store.libpq.parameters import ParameterError

__all__ = ["Conninfo", "Host", "ParameterError", "read"]
