-- Sessions of the web console, and the one-time links that begin one: keyed digests alone.
CREATE TABLE console_sessions (
    digest BLOB PRIMARY KEY,
    link INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    used_at REAL NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX console_sessions_ends_at ON console_sessions (ends_at);
