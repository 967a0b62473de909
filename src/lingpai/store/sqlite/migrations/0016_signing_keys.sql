-- Keys that sign id_tokens: of each realm and algorithm numbers from 1, each of which signs from `signs_from` until the next
-- one does. A row never changes but for its sealing, so all nodes switch at the same time.
CREATE TABLE issuer_signing_keys (
    realm TEXT NOT NULL,
    alg TEXT NOT NULL,
    number INTEGER NOT NULL,
    kid TEXT NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    signs_from INTEGER NOT NULL,
    PRIMARY KEY (realm, alg, number)
) STRICT, WITHOUT ROWID;

-- What an app of the standard protocol sets itself, by the names of RFC 7591 and OpenID Connect Registration, as JSON.
ALTER TABLE issuer_apps ADD COLUMN client TEXT NOT NULL DEFAULT '{}';
