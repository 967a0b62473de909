"""The SQLite engine of the store: one file, any number of processes on one machine."""

from lingpai.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
