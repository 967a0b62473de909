-- Logins at a site of the operator's own (docs/how-to/own-users.md).

-- Keys that the site and a realm share: of each realm numbers from 1. `used_at` is when the site first answered with it, 0
-- before.
CREATE TABLE issuer_login_keys (
    realm text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    PRIMARY KEY (realm, number)
);

-- Challenges that were answered, each with the digest of the subject that answered it.
CREATE TABLE issuer_logins (
    digest bytea NOT NULL PRIMARY KEY,
    subject bytea NOT NULL,
    ends_at bigint NOT NULL
);
CREATE INDEX issuer_logins_end ON issuer_logins (ends_at);

-- Users as the sites know them who log them in. The subject is found by its digest.
CREATE TABLE issuer_identities (
    realm text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    sealed bytea NOT NULL,
    user_row bigint NOT NULL,
    linked_at bigint NOT NULL,
    last_used bigint NOT NULL,
    PRIMARY KEY (realm, provider, digest)
);
CREATE INDEX issuer_identities_user ON issuer_identities (user_row);
