-- Keys that sign id_tokens: of each realm and algorithm numbers from 1, each of which signs from `signs_from` until the next
-- one does. A row never changes but for its sealing, so all nodes switch at the same time.
CREATE TABLE issuer_signing_keys (
    realm text COLLATE "C" NOT NULL,
    alg text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    kid text NOT NULL,
    public_jwk text NOT NULL,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL,
    signs_from bigint NOT NULL,
    PRIMARY KEY (realm, alg, number)
);

-- What an app of the standard protocol sets itself, by the names of RFC 7591 and OpenID Connect Registration, as JSON.
ALTER TABLE issuer_apps ADD COLUMN client text NOT NULL DEFAULT '{}';
