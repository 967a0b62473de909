"""The issuer's verbs on PostgreSQL, over the same engine as the keeper's."""

from lingpai.store.postgresql.issuer.store import PostgresIssuerStore

__all__ = ["PostgresIssuerStore"]
