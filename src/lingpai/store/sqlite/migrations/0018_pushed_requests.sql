-- Authorization requests that clients pushed (RFC 9126): the parameters as JSON, until somebody's browser comes with them.
CREATE TABLE issuer_pushed_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_row INTEGER NOT NULL,
    salt INTEGER NOT NULL,
    params TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_pushed_requests_by_end ON issuer_pushed_requests (ends_at);
