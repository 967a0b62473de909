-- Sessions of the web console, and the one-time links that begin one: keyed digests alone.
CREATE TABLE console_sessions (
    digest bytea PRIMARY KEY,
    link boolean NOT NULL,
    name text NOT NULL,
    role text NOT NULL,
    key_id text NOT NULL,
    created_at float8 NOT NULL,
    used_at float8 NOT NULL,
    ends_at float8 NOT NULL
);
CREATE INDEX console_sessions_ends_at ON console_sessions (ends_at);
