-- Secrets of apps that nobody configured, which their platform has taken: each a keyed digest, and no name beside it.
CREATE TABLE proofs (
    digest bytea PRIMARY KEY,
    proven_at float8 NOT NULL
);
CREATE INDEX proofs_by_age ON proofs (proven_at);
