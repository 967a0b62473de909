-- What the keeper keeps. Ends stand in three columns: unix time (_wall), the machine's steady time (_steady) and
-- the name of that steady time (_epoch). AUTOINCREMENT where an id must never come back: a lease names a credential
-- by its id, and a seal names the row it belongs to.

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    label TEXT NOT NULL,
    secret BLOB NOT NULL,
    secret_digest BLOB NOT NULL,
    mode TEXT NOT NULL,
    domains TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (platform, account, label)
) STRICT;
CREATE INDEX accounts_by_secret ON accounts (platform, account, secret_digest);
CREATE INDEX accounts_by_key ON accounts (substr(secret, 1, 4));

CREATE TABLE callers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_digest BLOB NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    apps TEXT NOT NULL,
    rights TEXT NOT NULL,
    networks TEXT NOT NULL,
    created_at REAL NOT NULL,
    revoked_at REAL
) STRICT;

CREATE TABLE credentials (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    platform TEXT NOT NULL,
    account TEXT NOT NULL,
    secret_digest BLOB NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 0,
    suspect INTEGER NOT NULL DEFAULT 0,
    trouble TEXT,
    renew_wall REAL,
    renew_steady REAL,
    renew_epoch TEXT,
    lease_holder TEXT,
    lease_wall REAL,
    lease_steady REAL,
    lease_epoch TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    idle_at REAL NOT NULL,
    UNIQUE (platform, account, secret_digest, kind)
) STRICT;
CREATE INDEX credentials_by_renewal_here ON credentials (renew_epoch, renew_steady) WHERE renew_epoch IS NOT NULL;
CREATE INDEX credentials_by_renewal_elsewhere ON credentials (renew_epoch, renew_wall) WHERE renew_epoch IS NOT NULL;
CREATE INDEX credentials_by_idleness ON credentials (idle_at);

CREATE TABLE generations (
    id INTEGER PRIMARY KEY,
    credential_id INTEGER NOT NULL REFERENCES credentials (id) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    value BLOB NOT NULL,
    value_digest BLOB NOT NULL,
    end_wall REAL NOT NULL,
    end_steady REAL NOT NULL,
    end_epoch TEXT NOT NULL,
    lifetime REAL NOT NULL,
    fetched_at REAL NOT NULL,
    UNIQUE (credential_id, version)
) STRICT;
CREATE INDEX generations_by_value ON generations (value_digest);
CREATE INDEX generations_by_key ON generations (substr(value, 1, 4));

CREATE TABLE budgets (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    window TEXT NOT NULL,
    used INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    granted INTEGER NOT NULL,
    ends_at REAL NOT NULL,
    UNIQUE (subject, name, window)
) STRICT;
CREATE INDEX budgets_by_end ON budgets (ends_at);

CREATE TABLE exchanges (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    claim_wall REAL NOT NULL,
    claim_steady REAL NOT NULL,
    claim_epoch TEXT NOT NULL,
    answer BLOB,
    ends_at REAL NOT NULL
) STRICT;
CREATE INDEX exchanges_by_end ON exchanges (ends_at);
CREATE INDEX exchanges_by_key ON exchanges (substr(answer, 1, 4)) WHERE answer IS NOT NULL;

CREATE TABLE roles (
    id INTEGER PRIMARY KEY,
    role TEXT NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    end_wall REAL NOT NULL,
    end_steady REAL NOT NULL,
    end_epoch TEXT NOT NULL
) STRICT;
CREATE INDEX roles_by_end ON roles (end_wall);

-- Written by a probe, to prove that the store can be written to.
CREATE TABLE probes (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at REAL NOT NULL
) STRICT;
