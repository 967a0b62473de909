-- What happened to accounts, for who listens: each written in the transaction that makes it so. Ids grow in the order of
-- commits and have no gaps.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    type TEXT NOT NULL,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    label TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL
) STRICT;
CREATE INDEX events_at ON events (at);

-- The newest event; who adds one locks it.
CREATE TABLE event_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL
) STRICT;
