-- Messages that platforms pushed, by a digest of what repeats of one have in common.
CREATE TABLE relay_messages (
    id INTEGER PRIMARY KEY,
    app TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    at REAL NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX relay_messages_at ON relay_messages (at);

-- Which environments are still to receive which message.
CREATE TABLE relay_copies (
    id INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    environment TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at REAL NOT NULL
) STRICT;
CREATE INDEX relay_copies_due ON relay_copies (environment, next_at);
CREATE INDEX relay_copies_message ON relay_copies (message_id);
