-- With what platforms sign and encrypt the messages that they push.
CREATE TABLE relays (
    id INTEGER PRIMARY KEY,
    app TEXT NOT NULL UNIQUE,
    secrets BLOB NOT NULL,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

-- Environments that share one callback domain: where their logins go back to, and which messages they receive.
CREATE TABLE environments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    app TEXT NOT NULL,
    redirect_uris TEXT NOT NULL,
    url TEXT NOT NULL,
    is_primary INTEGER NOT NULL,
    types TEXT NOT NULL,
    senders INTEGER NOT NULL,
    secrets BLOB NOT NULL,
    failures INTEGER NOT NULL,
    next_at REAL NOT NULL,
    problem TEXT NOT NULL,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
