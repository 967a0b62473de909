-- Resource servers of the standard protocol (RFC 8707), each by the URI that its tokens are for. `scopes` is a JSON array.
CREATE TABLE issuer_resources (
    realm text COLLATE "C" NOT NULL,
    uri text COLLATE "C" NOT NULL,
    name text NOT NULL,
    scopes text NOT NULL,
    token_format text NOT NULL,
    alg text NOT NULL,
    access bigint NOT NULL,
    introspector text NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (realm, uri)
);
