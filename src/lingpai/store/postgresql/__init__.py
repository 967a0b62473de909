"""The PostgreSQL engine of the store: one database, any number of nodes."""

from lingpai.store.postgresql.store import PostgresStore

__all__ = ["PostgresStore"]
