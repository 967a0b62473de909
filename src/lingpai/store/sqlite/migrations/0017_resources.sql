-- Resource servers of the standard protocol (RFC 8707), each by the URI that its tokens are for. `scopes` is a JSON array.
CREATE TABLE issuer_resources (
    realm TEXT NOT NULL,
    uri TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    token_format TEXT NOT NULL,
    alg TEXT NOT NULL,
    access INTEGER NOT NULL,
    introspector TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (realm, uri)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER issuer_resources_inserted AFTER INSERT ON issuer_resources BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER issuer_resources_updated AFTER UPDATE ON issuer_resources BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
CREATE TRIGGER issuer_resources_deleted AFTER DELETE ON issuer_resources BEGIN UPDATE cache_stamp SET stamp = stamp + 1; END;
