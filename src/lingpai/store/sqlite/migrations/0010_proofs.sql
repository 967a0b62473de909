-- Secrets of apps that nobody configured, which their platform has taken: each a keyed digest, and no name beside it.
CREATE TABLE proofs (
    digest BLOB PRIMARY KEY,
    proven_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX proofs_by_age ON proofs (proven_at);
