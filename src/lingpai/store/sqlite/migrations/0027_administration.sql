-- The audit trail: each row has the digest of the one before, and a keyed digest of itself. Ids have no gaps.
CREATE TABLE audit_rows (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    actor_kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    changes TEXT NOT NULL,
    reason TEXT NOT NULL,
    outcome TEXT NOT NULL,
    previous BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
CREATE INDEX audit_rows_target ON audit_rows (target, id);
CREATE INDEX audit_rows_actor ON audit_rows (actor, id);

-- The newest row of the audit trail; who adds one locks it.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL,
    digest BLOB NOT NULL
) STRICT;

-- Keys of the admin API: keyed digests alone. A name stays taken.
CREATE TABLE admin_keys (
    id INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    role TEXT NOT NULL,
    rights TEXT NOT NULL,
    networks TEXT NOT NULL,
    created_at REAL NOT NULL,
    ends_at REAL NOT NULL,
    used_at REAL,
    removed_at REAL
) STRICT;

-- Answers to requests with an Idempotency-Key. A secret of an answer derives from its nonce, which is erased soon.
CREATE TABLE admin_answers (
    digest BLOB PRIMARY KEY,
    body BLOB NOT NULL,
    status INTEGER,
    answer TEXT NOT NULL DEFAULT '',
    nonce BLOB NOT NULL,
    nonce_ends_at REAL NOT NULL,
    ends_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX admin_answers_ends_at ON admin_answers (ends_at);
