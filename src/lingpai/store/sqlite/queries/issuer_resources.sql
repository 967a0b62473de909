-- name: list_resources
SELECT realm, uri, name, scopes, token_format, alg, access, introspector, created_at
FROM issuer_resources WHERE realm = ? ORDER BY uri;

-- name: save_resource
INSERT INTO issuer_resources (realm, uri, name, scopes, token_format, alg, access, introspector, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET name = excluded.name, scopes = excluded.scopes, token_format = excluded.token_format,
    alg = excluded.alg, access = excluded.access, introspector = excluded.introspector
RETURNING realm, uri, name, scopes, token_format, alg, access, introspector, created_at;

-- name: remove_resource
DELETE FROM issuer_resources WHERE realm = ? AND uri = ? RETURNING uri;

-- name: find_resource
SELECT realm, uri, name, scopes, token_format, alg, access, introspector, created_at
FROM issuer_resources WHERE realm = ? AND uri = ?;
