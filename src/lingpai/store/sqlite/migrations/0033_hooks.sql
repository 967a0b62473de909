-- Webhooks: where events are posted to, and how far each has come.
CREATE TABLE hooks (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    apps TEXT NOT NULL,
    types TEXT NOT NULL,
    secret BLOB NOT NULL,
    former_secret BLOB,
    former_ends_at REAL NOT NULL,
    position INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    next_at REAL NOT NULL,
    problem TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
