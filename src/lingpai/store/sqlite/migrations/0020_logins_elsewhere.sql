-- Logins at a site of the operator's own (docs/how-to/own-users.md).

-- Keys that the site and a realm share: of each realm numbers from 1. `used_at` is when the site first answered with it, 0
-- before.
CREATE TABLE issuer_login_keys (
    realm TEXT NOT NULL,
    number INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (realm, number)
) STRICT, WITHOUT ROWID;

-- Challenges that were answered, each with the digest of the subject that answered it.
CREATE TABLE issuer_logins (
    digest BLOB NOT NULL PRIMARY KEY,
    subject BLOB NOT NULL,
    ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_logins_end ON issuer_logins (ends_at);

-- Users as the sites know them who log them in. The subject is found by its digest.
CREATE TABLE issuer_identities (
    realm TEXT NOT NULL,
    provider TEXT NOT NULL,
    digest BLOB NOT NULL,
    sealed BLOB NOT NULL,
    user_row INTEGER NOT NULL,
    linked_at INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (realm, provider, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX issuer_identities_user ON issuer_identities (user_row);
