-- Which grants a login session has made: what ends with it, and which clients are told.
CREATE TABLE issuer_session_grants (
    session_row INTEGER NOT NULL,
    grant_row INTEGER NOT NULL,
    app_row INTEGER NOT NULL,
    online INTEGER NOT NULL,
    told INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    PRIMARY KEY (session_row, grant_row)
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_session_grants_by_end ON issuer_session_grants (ends_at);

-- Clients that have yet to be told that a session has ended (OpenID Connect Back-Channel Logout 1.0).
CREATE TABLE issuer_logouts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    realm TEXT NOT NULL,
    app_row INTEGER NOT NULL,
    salt INTEGER NOT NULL,
    open_id TEXT NOT NULL,
    sid INTEGER NOT NULL,
    tries_left INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX issuer_logouts_by_time ON issuer_logouts (realm, next_at);
CREATE INDEX issuer_logouts_by_end ON issuer_logouts (ends_at);
