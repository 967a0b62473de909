-- What platforms pushed and is still to be done: stored before the push is answered. The content goes when it is done.
CREATE TABLE pushes (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    content BLOB,
    at REAL NOT NULL,
    next_at REAL NOT NULL,
    attempts INTEGER NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
CREATE INDEX pushes_at ON pushes (at);
CREATE INDEX pushes_due ON pushes (next_at) WHERE content IS NOT NULL;
