"""The issuer's verbs on SQLite, over the same engine as the keeper's."""

from lingpai.store.sqlite.issuer.store import SqliteIssuerStore

__all__ = ["SqliteIssuerStore"]
